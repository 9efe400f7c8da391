//===- Bart.cpp - model_type "bart" ---------------------------------------===//
//
// Encoder-decoder with learned positions that start at row 2 of their table,
// a norm after the embeddings, and one table of tokens for everything.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/EncoderDecoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

static void readEmbedding(ConfigReader &config, Stack &stack) {
  constexpr int64_t firstPosition = 2;
  const std::string module = std::string("model.") + nameOf(stack.kind);
  Embedding &embedding = stack.embedding;
  embedding.vocabulary = config.count("vocab_size", maxCount);
  embedding.tokens =
      tensor("model.shared.weight", {embedding.vocabulary, stack.hidden});
  embedding.scale = readEmbeddingScale(config, stack.hidden);
  embedding.positions =
      learnedPositions(module + ".embed_positions.weight", stack.maxPositions,
                       stack.hidden, firstPosition);
  embedding.norm =
      layerNorm(module + ".layernorm_embedding", stack.hidden, 1e-5);
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  llvm::StringRef model = architecture(
      config, {"BartForConditionalGeneration", "BartModel"}, warnings);
  EncoderDecoder stacks = readEncoderDecoder(config);
  readEmbedding(config, stacks.encoder);
  readEmbedding(config, stacks.decoder);

  CheckpointRules &rules = spec.checkpoint;
  rules.optionalPrefixes = {"model."};
  rules.suffixAliases = {{"shared.weight", "encoder.embed_tokens.weight"},
                         {"shared.weight", "decoder.embed_tokens.weight"}};
  rules.ignorable = {"*encoder.embed_tokens.weight",
                     "*decoder.embed_tokens.weight"};
  bool tied = config.flagOr("tie_word_embeddings", true);
  if (model == "BartForConditionalGeneration")
    spec.heads.push_back(biasedHead(stacks.decoder, tied));
  else
    rules.ignorable.push_back("final_logits_bias");
  if (tied)
    rules.suffixAliases.push_back({"model.shared.weight", "lm_head.weight"});
  if (tied || model != "BartForConditionalGeneration")
    rules.ignorable.push_back("lm_head.weight");
  spec.stacks.push_back(std::move(stacks.encoder));
  spec.stacks.push_back(std::move(stacks.decoder));
}

const Family &hf::bart() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"add_final_layer_norm", "false"},       {"extra_pos_embeddings", "2"},
      {"normalize_before", "false"},           {"normalize_embedding", "true"},
      {"static_position_embeddings", "false"},
  };
  // num_hidden_layers repeats encoder_layers.
  static constexpr const char *withoutEffect[] = {
      "activation_dropout",
      "add_bias_logits",
      "attention_dropout",
      "classif_dropout",
      "classifier_dropout",
      "decoder_layerdrop",
      "dropout",
      "encoder_layerdrop",
      "init_std",
      "num_hidden_layers",
  };
  // keep-sorted end
  static constexpr Family family = {"bart", fixed, withoutEffect, build};
  return family;
}
