//===- HubVariantsTest.cpp - Configurations as they are on the Hub --------===//
//
// The same model is written in different ways by different versions of the
// libraries. Each test would catch a variant that is read as another model.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/Configs.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

using Names = std::vector<std::string>;

static const Block &block(const ModelSpec &spec, size_t group = 0) {
  return spec.stacks.back().blocks[group].block;
}

static const Rotary &rotary(const ModelSpec &spec) {
  return *block(spec).attention.rotary;
}

TEST(HubVariants, RopeParametersMeanRopeThetaAndScaling) {
  ModelSpec older =
      import("llama", {{"rope_theta", "50000.0"},
                       {"rope_scaling", "{\"type\": \"linear\", \"factor\": "
                                        "2.5}"}})
          .spec;
  ImportResult newer =
      import("llama", {{"rope_parameters",
                        "{\"rope_type\": \"linear\", \"factor\": 2.5, "
                        "\"rope_theta\": 50000.0}"}});
  EXPECT_EQ(rotary(older).theta, 50000.0);
  EXPECT_EQ(rotary(older).scaling, RopeScalingKind::Linear);
  EXPECT_EQ(rotary(older).factor, 2.5);
  EXPECT_TRUE(newer.spec == older);
  EXPECT_EQ(newer.warnings, Names());
}

TEST(HubVariants, DefaultRopeTypeIsNone) {
  ModelSpec plain = import("llama").spec;
  EXPECT_EQ(rotary(plain).scaling, RopeScalingKind::None);
  EXPECT_EQ(rotary(plain).theta, 10000.0);
  for (const char *value :
       {"null", "{\"rope_type\": \"default\"}", "{\"type\": \"default\"}"})
    EXPECT_TRUE(import("llama", {{"rope_scaling", value}}).spec == plain);
  EXPECT_TRUE(
      import("llama", {{"rope_parameters", "{\"rope_type\": \"default\", "
                                           "\"rope_theta\": 10000.0}"}})
          .spec == plain);
}

TEST(HubVariants, RopeTypeLlama3) {
  ModelSpec spec =
      import("llama", {{"rope_scaling",
                        "{\"factor\": 32.0, \"high_freq_factor\": 4.0, "
                        "\"low_freq_factor\": 1.5, \"rope_type\": \"llama3\", "
                        "\"original_max_position_embeddings\": 8192}"}})
          .spec;
  EXPECT_EQ(rotary(spec).scaling, RopeScalingKind::Llama3);
  EXPECT_EQ(rotary(spec).factor, 32.0);
  EXPECT_EQ(rotary(spec).lowFrequencyFactor, 1.5);
  EXPECT_EQ(rotary(spec).highFrequencyFactor, 4.0);
  EXPECT_EQ(rotary(spec).originalMaxPositions, 8192);
}

TEST(HubVariants, RopeTypeYarn) {
  const std::string scaling = "{\"rope_type\": \"yarn\", \"factor\": 4.0";
  auto of = [&](const std::string &more) {
    return rotary(import("llama", {{"max_position_embeddings", "64"},
                                   {"rope_scaling", scaling + more + "}"}})
                      .spec);
  };
  Rotary plain = of("");
  EXPECT_EQ(plain.scaling, RopeScalingKind::Yarn);
  EXPECT_EQ(plain.factor, 4.0);
  EXPECT_EQ(plain.betaFast, 32.0);
  EXPECT_EQ(plain.betaSlow, 1.0);
  EXPECT_EQ(plain.originalMaxPositions, 64);
  EXPECT_NEAR(plain.magnitude, 1.138629436111989, 1e-15); // 0.1 ln 4 + 1
  Rotary full = of(", \"beta_fast\": 20, \"beta_slow\": 2, "
                   "\"attention_factor\": 1.5, "
                   "\"original_max_position_embeddings\": 16");
  EXPECT_EQ(full.betaFast, 20.0);
  EXPECT_EQ(full.betaSlow, 2.0);
  EXPECT_EQ(full.originalMaxPositions, 16);
  EXPECT_EQ(full.magnitude, 1.5);
}

TEST(HubVariants, DtypeUnderBothNames) {
  ImportResult plain = import("llama");
  for (const char *key : {"dtype", "torch_dtype"}) {
    ImportResult result = import("llama", {{key, "\"bfloat16\""}});
    EXPECT_TRUE(result.spec == plain.spec);
    EXPECT_EQ(result.warnings, Names());
  }
}

TEST(HubVariants, Gpt2NamesAndBuffers) {
  CheckpointRules rules = import("gpt2").spec.checkpoint;
  EXPECT_EQ(rules.optionalPrefixes, Names{"transformer."});
  EXPECT_EQ(rules.ignorable,
            (Names{"*.attn.bias", "*.attn.masked_bias", "lm_head.weight"}));
}

TEST(HubVariants, BertNamesAndBuffers) {
  CheckpointRules rules = import("bert").spec.checkpoint;
  EXPECT_EQ(rules.optionalPrefixes, Names{"bert."});
  EXPECT_EQ(rules.ignorable, (Names{"*.position_ids", "cls.*"}));
  ASSERT_EQ(rules.suffixAliases.size(), 2u);
  EXPECT_EQ(rules.suffixAliases[0].second, "LayerNorm.gamma");
  EXPECT_EQ(rules.suffixAliases[1].second, "LayerNorm.beta");
}

TEST(HubVariants, LlamaNamesAndBuffers) {
  CheckpointRules rules = import("llama").spec.checkpoint;
  EXPECT_EQ(rules.optionalPrefixes, Names{"model."});
  EXPECT_EQ(rules.ignorable, Names{"*.rotary_emb.inv_freq"});
}

TEST(HubVariants, HeadlessModels) {
  const std::pair<const char *, const char *> models[] = {
      {"gpt2", "[\"GPT2Model\"]"},
      {"llama", "[\"LlamaModel\"]"},
      {"bart", "[\"BartModel\"]"},
      {"marian", "[\"MarianModel\"]"}};
  for (auto [family, architecture] : models) {
    ModelSpec spec = import(family, {{"architectures", architecture}}).spec;
    EXPECT_TRUE(spec.heads.empty()) << family;
    EXPECT_TRUE(llvm::is_contained(spec.checkpoint.ignorable, "lm_head.weight"))
        << family;
    EXPECT_EQ(spec.stacks.back().output, "last_hidden_state") << family;
  }
}

TEST(HubVariants, NoArchitectureIsTheUsualOne) {
  ImportResult result = import("gpt2", {{"architectures", ""}});
  EXPECT_TRUE(result.spec == import("gpt2").spec);
  EXPECT_EQ(result.warnings,
            Names{"config.json names no architecture; GPT2LMHeadModel is "
                  "assumed"});
}

TEST(HubVariants, UnknownKeysAreNamedOnce) {
  ImportResult result =
      import("llama", {{"pretraining_tp", "2"},
                       {"new_idea", "3"},
                       {"a\\u001b[31m", "{}"},
                       {"rope_scaling", "{\"type\": \"linear\", \"factor\": "
                                        "2, \"beta_fast\": 32}"}});
  EXPECT_EQ(result.warnings,
            Names{"config.json has keys that are unknown here and were "
                  "ignored: \"new_idea\", \"a\\x1b[31m\", "
                  "\"rope_scaling.beta_fast\""});
}

TEST(HubVariants, NullMeansAbsent) {
  EXPECT_TRUE(import("gpt2", {{"n_inner", "null"},
                              {"activation_function", "null"},
                              {"quantization_config", "null"},
                              {"is_decoder", "null"}})
                  .spec == import("gpt2").spec);
}

TEST(HubVariants, TiedHeads) {
  auto headOf = [](const char *family, const char *tied) {
    return import(family, {{"tie_word_embeddings", tied}})
        .spec.heads.front()
        .layers.back()
        .linear->weight.tensor;
  };
  EXPECT_EQ(headOf("gpt2", "null"), "transformer.wte.weight");
  EXPECT_EQ(headOf("gpt2", "false"), "lm_head.weight");
  EXPECT_EQ(headOf("llama", "null"), "lm_head.weight");
  EXPECT_EQ(headOf("llama", "true"), "model.embed_tokens.weight");
  EXPECT_EQ(headOf("bart", "null"), "model.shared.weight");
  EXPECT_EQ(headOf("bart", "false"), "lm_head.weight");
  EXPECT_EQ(headOf("marian", "true"), "model.shared.weight");
}

TEST(HubVariants, MaskedLmHeads) {
  Keys change = {{"architectures", "[\"BertForMaskedLM\"]"}};
  ModelSpec tied = import("bert", change).spec;
  const Linear &decoder = *tied.heads[0].layers[1].linear;
  EXPECT_EQ(decoder.weight.tensor, "bert.embeddings.word_embeddings.weight");
  EXPECT_EQ(decoder.bias->tensor, "cls.predictions.bias");
  EXPECT_EQ(tied.heads[0].rows, RowSelection::All);
  change.push_back({"tie_word_embeddings", "false"});
  ModelSpec untied = import("bert", change).spec;
  EXPECT_EQ(untied.heads[0].layers[1].linear->weight.tensor,
            "cls.predictions.decoder.weight");
  EXPECT_EQ(untied.checkpoint.ignorable,
            (Names{"*.position_ids", "cls.predictions.decoder.bias",
                   "cls.seq_relationship.*", "*pooler.dense.*"}));
}

TEST(HubVariants, ActivationNames) {
  const std::pair<const char *, Activation> names[] = {
      {"\"gelu\"", Activation::Gelu},
      {"\"gelu_python\"", Activation::Gelu},
      {"\"gelu_new\"", Activation::GeluTanh},
      {"\"gelu_fast\"", Activation::GeluTanh},
      {"\"gelu_pytorch_tanh\"", Activation::GeluTanh},
      {"\"quick_gelu\"", Activation::QuickGelu},
      {"\"relu\"", Activation::Relu},
      {"\"silu\"", Activation::Silu},
      {"\"swish\"", Activation::Silu},
      {"\"tanh\"", Activation::Tanh}};
  for (auto [name, activation] : names)
    EXPECT_EQ(block(import("bert", {{"hidden_act", name}}).spec)
                  .feedForward.activation,
              activation)
        << name;
}

TEST(HubVariants, Gpt2ScalesByLayer) {
  ModelSpec spec =
      import("gpt2", {{"scale_attn_by_inverse_layer_idx", "true"}}).spec;
  ASSERT_EQ(spec.stacks[0].blocks.size(), 2u);
  EXPECT_EQ(spec.stacks[0].blocks[1].first, 1);
  EXPECT_EQ(spec.stacks[0].blocks[1].count, 1);
  EXPECT_EQ(block(spec, 0).attention.scale, 0.5);
  EXPECT_EQ(block(spec, 1).attention.scale, 0.25);
  ModelSpec unscaled = import("gpt2", {{"scale_attn_weights", "false"}}).spec;
  EXPECT_EQ(block(unscaled).attention.scale, 1.0);
}

TEST(HubVariants, LlamaHeadShapes) {
  ModelSpec spec = import("llama", {{"num_key_value_heads", "1"},
                                    {"head_dim", "6"},
                                    {"attention_bias", "true"},
                                    {"mlp_bias", "true"}})
                       .spec;
  const Attention &attention = block(spec).attention;
  EXPECT_EQ(attention.query.outFeatures, 24);
  EXPECT_EQ(attention.key.outFeatures, 6);
  EXPECT_EQ(attention.output.inFeatures, 24);
  EXPECT_TRUE(attention.output.bias && attention.query.bias);
  EXPECT_TRUE(block(spec).feedForward.gate->bias.has_value());
  EXPECT_DOUBLE_EQ(attention.scale, 1 / std::sqrt(6.0));
  EXPECT_EQ(attention.rotary->dimensions, 6);
}

TEST(HubVariants, MarianWithTwoVocabularies) {
  ModelSpec spec =
      import("marian", {{"share_encoder_decoder_embeddings", "false"},
                        {"decoder_vocab_size", "21"}})
          .spec;
  EXPECT_EQ(spec.stacks[0].embedding.tokens->tensor,
            "model.encoder.embed_tokens.weight");
  EXPECT_EQ(spec.stacks[0].embedding.vocabulary, 17);
  EXPECT_EQ(spec.stacks[1].embedding.tokens->tensor,
            "model.decoder.embed_tokens.weight");
  const Linear &head = *spec.heads[0].layers[0].linear;
  EXPECT_EQ(head.outFeatures, 21);
  EXPECT_EQ(head.bias->stored, (std::vector<int64_t>{1, 21}));
  EXPECT_EQ(spec.checkpoint.ignorable,
            (Names{"*.embed_positions.weight", "lm_head.weight"}));
}

/// Tables of their own may be as long as each other.
TEST(HubVariants, MarianWithTwoTablesOfOneLength) {
  ModelSpec spec =
      import("marian", {{"share_encoder_decoder_embeddings", "false"}}).spec;
  for (const Stack &stack : spec.stacks)
    EXPECT_EQ(stack.embedding.vocabulary, 17);
  EXPECT_EQ(spec.stacks[1].embedding.tokens->tensor,
            "model.decoder.embed_tokens.weight");
}

TEST(HubVariants, TorchTransformerOptions) {
  ModelSpec spec = import("torch_transformer", {{"norm_first", "true"},
                                                {"bias", "false"},
                                                {"activation", "\"gelu\""},
                                                {"final_encoder_norm", "false"},
                                                {"scale_embedding", "false"}})
                       .spec;
  EXPECT_EQ(block(spec).placement, NormPlacement::Pre);
  EXPECT_FALSE(block(spec).crossAttention->key.bias.has_value());
  EXPECT_FALSE(block(spec).attentionNorm->bias.has_value());
  EXPECT_EQ(block(spec).feedForward.activation, Activation::Gelu);
  EXPECT_FALSE(spec.encoder()->finalNorm.has_value());
  EXPECT_TRUE(spec.decoder()->finalNorm.has_value());
  EXPECT_EQ(spec.encoder()->embedding.scale, 1.0);
}

TEST(HubVariants, TorchTransformerBare) {
  ModelSpec spec = import("torch_transformer", {{"kind", "\"bare\""},
                                                {"src_vocab_size", ""},
                                                {"tgt_vocab_size", ""}})
                       .spec;
  EXPECT_EQ(spec.encoder()->input, "src");
  EXPECT_EQ(spec.encoder()->output, "memory");
  EXPECT_EQ(spec.decoder()->input, "tgt");
  EXPECT_EQ(spec.decoder()->output, "output");
  EXPECT_TRUE(spec.heads.empty());
  const Weight &key = block(spec).crossAttention->key.weight;
  EXPECT_EQ(key.tensor, "decoder.layers.{layer}.multihead_attn.in_proj_weight");
  EXPECT_EQ(key.begin, 12);
  EXPECT_EQ(key.count, 12);
}

TEST(HubVariants, Labels) {
  EXPECT_EQ(import("bert", {{"id2label", "{\"1\": \"b\", \"0\": \"a\"}"}})
                .spec.labels,
            (Names{"a", "b"}));
  EXPECT_EQ(import("bert").spec.labels, (Names{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(import("bert", {{"num_labels", "3"}}).spec.labels.size(), 3u);
  EXPECT_EQ(import("bert", {{"architectures", "[\"BertModel\"]"}}).spec.labels,
            Names());
}

TEST(HubVariants, LabelScores) {
  using Scores = std::optional<LabelScores>;
  auto scores = [](const Keys &changes) {
    ImportResult result = import("bert", changes);
    EXPECT_EQ(result.warnings, Names());
    return result.source.texts.labelScores;
  };
  const char *problem = "problem_type";
  EXPECT_EQ(scores({}), Scores());
  EXPECT_EQ(scores({{problem, "null"}}), Scores());
  EXPECT_EQ(scores({{problem, "\"single_label_classification\""}}), Scores());
  EXPECT_EQ(scores({{problem, "\"regression\""}}), LabelScores::Logits);
  EXPECT_EQ(scores({{problem, "\"multi_label_classification\""}}),
            LabelScores::Sigmoid);
  const char *old = "sbert_ce_default_activation_function";
  EXPECT_EQ(scores({{old, "\"torch.nn.modules.linear.Identity\""}}),
            LabelScores::Logits);
  EXPECT_EQ(scores({{old, "\"torch.nn.modules.linear.Identity\""},
                    {"sentence_transformers",
                     R"({"activation_fn":
                         "torch.nn.modules.activation.Sigmoid"})"}}),
            LabelScores::Sigmoid);
  ImportResult other = import("bert", {{old, "\"torch.nn.ReLU\""}});
  EXPECT_EQ(other.source.texts.labelScores, Scores());
  EXPECT_EQ(other.warnings,
            Names{"the activation \"torch.nn.ReLU\" of the cross-encoder is "
                  "left aside: scores are those of \"problem_type\""});
}
