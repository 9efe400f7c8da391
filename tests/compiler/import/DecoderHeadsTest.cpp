//===- DecoderHeadsTest.cpp - Heads over decoders -------------------------===//
//
// Which tensors the classes over decoders read and of which rows; which classes
// a family does not have.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/Configs.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;
using llvm::StringRef;

using Names = std::vector<std::string>;
using Sizes = std::vector<int64_t>;

namespace {
struct DecoderFamily {
  const char *type;
  const char *stem;             // of its classes
  const char *languageModel;    // the class of the vocabulary's logits
  const char *tokens = nullptr; // the module of ...ForTokenClassification
  // What ...ForQuestionAnswering calls the decoder, and its table of tokens.
  const char *answersPrefix = nullptr;
  const char *table = "embed_tokens";
};
} // namespace

/// All that have classes of sequences.
static constexpr DecoderFamily withHeads[] = {
    {"bloom", "Bloom", "BloomForCausalLM", "classifier", "transformer.",
     "word_embeddings"},
    {"falcon", "Falcon", "FalconForCausalLM", "classifier", "transformer.",
     "word_embeddings"},
    {"gemma", "Gemma", "GemmaForCausalLM", "score"},
    {"gemma2", "Gemma2", "Gemma2ForCausalLM", "score"},
    {"gpt2", "GPT2", "GPT2LMHeadModel", "classifier", "transformer.", "wte"},
    {"gpt_neox", "GPTNeoX", "GPTNeoXForCausalLM", "classifier", "gpt_neox.",
     "embed_in"},
    {"gptj", "GPTJ", "GPTJForCausalLM", nullptr, "transformer.", "wte"},
    {"llama", "Llama", "LlamaForCausalLM", "score", "transformer."},
    {"mistral", "Mistral", "MistralForCausalLM", "score", "model."},
    {"mixtral", "Mixtral", "MixtralForCausalLM", "score", "model."},
    {"mpt", "Mpt", "MptForCausalLM", "classifier", "transformer.", "wte"},
    {"opt", "OPT", "OPTForCausalLM", nullptr, "model.", "decoder.embed_tokens"},
    {"phi", "Phi", "PhiForCausalLM", "classifier"},
    {"phi3", "Phi3", "Phi3ForCausalLM", "classifier"},
    {"qwen2", "Qwen2", "Qwen2ForCausalLM", "score", "transformer."},
    {"qwen3", "Qwen3", "Qwen3ForCausalLM", "score", "transformer."},
    {"stablelm", "StableLm", "StableLmForCausalLM", "score"},
    {"starcoder2", "Starcoder2", "Starcoder2ForCausalLM", "score"},
};

/// The sizes by the keys of all these families, which leave each other's aside.
static std::string configOf(const char *type, const std::string &model,
                            const Keys &changes = {}) {
  Keys keys = {{"model_type", "\"" + std::string(type) + "\""},
               {"architectures", "[\"" + model + "\"]"},
               {"vocab_size", "17"}};
  for (const char *key : {"hidden_size", "n_embd", "n_embed", "d_model"})
    keys.push_back({key, "64"});
  for (const char *key : {"intermediate_size", "ffn_dim"})
    keys.push_back({key, "20"});
  for (const char *key :
       {"num_hidden_layers", "n_layer", "n_layers", "num_key_value_heads"})
    keys.push_back({key, "2"});
  for (const char *key : {"num_attention_heads", "n_head", "n_heads"})
    keys.push_back({key, "4"});
  for (const char *key :
       {"n_positions", "max_position_embeddings", "max_seq_len"})
    keys.push_back({key, "16"});
  if (StringRef(type) == "gptj") // an error elsewhere
    keys.push_back({"rotary_dim", "8"});
  return test::configOf(std::move(keys), changes);
}

static ModelSpec specOf(const DecoderFamily &family, const std::string &model,
                        const Keys &changes = {}) {
  return valueOf(importText(configOf(family.type, model, changes))).spec;
}

static bool ignores(const ModelSpec &spec, const char *tensor) {
  return llvm::is_contained(spec.checkpoint.ignorable, tensor);
}

TEST(DecoderHeads, OfSequencesReadTheLastRow) {
  for (const DecoderFamily &family : withHeads) {
    SCOPED_TRACE(family.type);
    ModelSpec spec =
        specOf(family, std::string(family.stem) + "ForSequenceClassification",
               {{"num_labels", "3"}});
    ASSERT_EQ(spec.heads.size(), 1u);
    const Head &head = spec.heads[0];
    EXPECT_EQ(head.output, "logits");
    EXPECT_EQ(head.rows, RowSelection::Last);
    ASSERT_EQ(head.layers.size(), 1u);
    EXPECT_EQ(head.layers[0].linear->weight.tensor, "score.weight");
    EXPECT_EQ(head.layers[0].linear->weight.stored, (Sizes{3, 64}));
    EXPECT_FALSE(head.layers[0].linear->bias);
    EXPECT_EQ(head.layers[0].scale, 1.0);
    EXPECT_FALSE(head.layers[0].softCap);
    EXPECT_EQ(spec.labels, (Names{"LABEL_0", "LABEL_1", "LABEL_2"}));
    EXPECT_TRUE(ignores(spec, "lm_head.weight") ||
                ignores(spec, "embed_out.weight"));
  }
}

TEST(DecoderHeads, OfTokensHaveBiases) {
  for (const DecoderFamily &family : withHeads) {
    if (!family.tokens)
      continue;
    SCOPED_TRACE(family.type);
    ModelSpec spec =
        specOf(family, std::string(family.stem) + "ForTokenClassification",
               {{"id2label", "{\"0\": \"O\", \"1\": \"B\"}"}});
    ASSERT_EQ(spec.heads.size(), 1u);
    const Head &head = spec.heads[0];
    EXPECT_EQ(head.output, "logits");
    EXPECT_EQ(head.rows, RowSelection::All);
    std::string module = family.tokens;
    EXPECT_EQ(head.layers[0].linear->weight.tensor, module + ".weight");
    EXPECT_EQ(head.layers[0].linear->bias->tensor, module + ".bias");
    EXPECT_EQ(spec.labels, (Names{"O", "B"}));
    // Another version of the library may have stored them.
    std::pair<std::string, std::string> alias = {
        module + ".bias", module == "score" ? "classifier.bias" : "score.bias"};
    EXPECT_TRUE(llvm::is_contained(spec.checkpoint.suffixAliases, alias));
  }
}

TEST(DecoderHeads, AnswersComeOfADecoderByItsName) {
  for (const DecoderFamily &family : withHeads) {
    if (!family.answersPrefix)
      continue;
    SCOPED_TRACE(family.type);
    ModelSpec spec =
        specOf(family, std::string(family.stem) + "ForQuestionAnswering");
    ASSERT_EQ(spec.heads.size(), 2u);
    const char *outputs[] = {"start_logits", "end_logits"};
    for (int64_t i = 0; i < 2; ++i) {
      EXPECT_EQ(spec.heads[i].output, outputs[i]);
      EXPECT_TRUE(spec.heads[i].scalar);
      const Linear &number = *spec.heads[i].layers[0].linear;
      EXPECT_EQ(number.weight.tensor, "qa_outputs.weight");
      EXPECT_EQ(number.weight.begin, i);
      EXPECT_EQ(number.bias->begin, i);
    }
    std::string prefix = family.answersPrefix;
    const Stack &stack = spec.stacks[0];
    EXPECT_EQ(stack.embedding.tokens->tensor,
              prefix + family.table + ".weight");
    EXPECT_TRUE(StringRef(stack.blocks[0].block.name).starts_with(prefix));
    EXPECT_TRUE(StringRef(stack.blocks[0].block.attention.query.weight.tensor)
                    .starts_with(prefix));
    if (stack.finalNorm && stack.finalNorm->gain)
      EXPECT_TRUE(StringRef(stack.finalNorm->gain->tensor).starts_with(prefix));
    EXPECT_EQ(spec.checkpoint.optionalPrefixes, Names{prefix});
  }
}

/// What scales or caps the vocabulary's logits is not for classes.
TEST(DecoderHeads, KeepTheirOwnScale) {
  const DecoderFamily mpt = {"mpt", "Mpt", ""};
  EXPECT_EQ(specOf(mpt, "MptForCausalLM", {{"logit_scale", "2.0"}})
                .heads[0]
                .layers[0]
                .scale,
            2.0);
  EXPECT_EQ(
      specOf(mpt, "MptForSequenceClassification", {{"logit_scale", "2.0"}})
          .heads[0]
          .layers[0]
          .scale,
      1.0);
}

/// What opt's narrow table needs stands in front of every head.
TEST(DecoderHeads, OptProjectsFirst) {
  const DecoderFamily opt = {"opt", "OPT", ""};
  ModelSpec spec = specOf(opt, "OPTForSequenceClassification",
                          {{"word_embed_proj_dim", "8"}});
  ASSERT_EQ(spec.heads.size(), 2u);
  const Head &head = spec.heads[0];
  ASSERT_EQ(head.layers.size(), 2u);
  EXPECT_EQ(head.rows, RowSelection::Last);
  EXPECT_EQ(head.layers[0].linear->weight.tensor,
            "model.decoder.project_out.weight");
  EXPECT_EQ(head.layers[1].linear->weight.stored, (Sizes{2, 8}));
}

TEST(DecoderHeads, OtherClassesAreErrors) {
  auto errorOf = [](const char *type, const std::string &model) {
    return errorText(importText(configOf(type, model)));
  };
  const std::pair<const char *, const char *> without[] = {
      {"cohere", "Cohere"}, {"olmo", "Olmo"}, {"olmo2", "Olmo2"}};
  for (auto [type, stem] : without)
    for (const char *task : {"ForSequenceClassification",
                             "ForTokenClassification", "ForQuestionAnswering"})
      EXPECT_EQ(errorOf(type, std::string(stem) + task),
                std::string("config.json:3:21: \"architectures\" has \"") +
                    stem + task + "\"; supported: " + stem + "ForCausalLM, " +
                    stem + "Model" + classRemedy);
  for (const DecoderFamily &family : withHeads) {
    std::string stem = family.stem;
    std::vector<std::string> classes = {stem + "ForMultipleChoice"};
    if (!family.tokens)
      classes.push_back(stem + "ForTokenClassification");
    if (!family.answersPrefix)
      classes.push_back(stem + "ForQuestionAnswering");
    for (const std::string &name : classes) {
      std::string error = errorOf(family.type, name);
      EXPECT_TRUE(StringRef(error).starts_with(
          "config.json:3:21: \"architectures\" has \"" + name +
          "\"; supported: " + family.languageModel + ", "))
          << error;
      EXPECT_TRUE(
          StringRef(error).contains(stem + "ForSequenceClassification"));
      EXPECT_TRUE(StringRef(error).ends_with(classRemedy)) << error;
    }
  }
}
