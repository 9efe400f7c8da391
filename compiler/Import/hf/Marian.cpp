//===- Marian.cpp - model_type "marian" -----------------------------------===//
//
// Encoder-decoder with computed sinusoidal positions, sines before cosines.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/EncoderDecoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

/// One table of tokens for both sides, or one for each.
static void readEmbedding(ConfigReader &config, Stack &stack, bool shared) {
  bool ownTable = !shared && stack.kind == StackKind::Decoder;
  Embedding &embedding = stack.embedding;
  embedding.vocabulary = config.count("vocab_size", maxCount);
  if (ownTable)
    embedding.vocabulary =
        config.countOr("decoder_vocab_size", embedding.vocabulary, maxCount);
  std::string table = shared ? "model.shared.weight"
                             : std::string("model.") + nameOf(stack.kind) +
                                   ".embed_tokens.weight";
  embedding.tokens = tensor(table, {embedding.vocabulary, stack.hidden});
  embedding.scale = readEmbeddingScale(config, stack.hidden);
  addSinusoidalPositions(stack);
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  llvm::StringRef model =
      architecture(config, {"MarianMTModel", "MarianModel"}, warnings);
  EncoderDecoder stacks = readEncoderDecoder(config);
  bool shared = config.flagOr("share_encoder_decoder_embeddings", true);
  config.markRead("decoder_vocab_size");
  readEmbedding(config, stacks.encoder, shared);
  readEmbedding(config, stacks.decoder, shared);

  CheckpointRules &rules = spec.checkpoint;
  rules.optionalPrefixes = {"model."};
  // The tables of positions are computed, though some checkpoints store them.
  rules.ignorable = {"*.embed_positions.weight"};
  if (shared) {
    rules.suffixAliases = {{"shared.weight", "encoder.embed_tokens.weight"},
                           {"shared.weight", "decoder.embed_tokens.weight"}};
    rules.ignorable.push_back("*encoder.embed_tokens.weight");
    rules.ignorable.push_back("*decoder.embed_tokens.weight");
  }
  bool tied = config.flagOr("tie_word_embeddings", true);
  if (model == "MarianMTModel")
    spec.heads.push_back(biasedHead(stacks.decoder, tied));
  else
    rules.ignorable.push_back("final_logits_bias");
  if (tied && shared)
    rules.suffixAliases.push_back({"model.shared.weight", "lm_head.weight"});
  if (tied || model != "MarianMTModel")
    rules.ignorable.push_back("lm_head.weight");
  spec.stacks.push_back(std::move(stacks.encoder));
  spec.stacks.push_back(std::move(stacks.decoder));
}

const Family &hf::marian() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"add_final_layer_norm", "false"},
      {"normalize_before", "false"},
      {"normalize_embedding", "false"},
      {"static_position_embeddings", "true"},
  };
  // keep-sorted end
  // final_logits_bias is added whatever add_bias_logits says.
  static constexpr const char *withoutEffect[] = {"extra_pos_embeddings"};
  static constexpr Family family = {
      .modelType = "marian",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .sharedKeysWithoutEffect = encoderDecoderKeysWithoutEffect,
      .defaultTokens = {
          .eos = 0, .pad = 58100, .decoderStart = 58100, .forcedEos = 0}};
  return family;
}
