//===- Pegasus.cpp - model_type "pegasus" ---------------------------------===//
//
// Encoder-decoder with computed sinusoidal positions, sines before cosines,
// norms before the sub-blocks and one behind each stack.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/EncoderDecoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  llvm::StringRef model = architecture(
      config, {"PegasusForConditionalGeneration", "PegasusModel"}, warnings);
  EncoderDecoder stacks =
      readEncoderDecoder(config, {.placement = NormPlacement::Pre});
  addSinusoidalPositions(stacks.encoder);
  addSinusoidalPositions(stacks.decoder);
  addSharedModel(config, spec, std::move(stacks),
                 /*hasHead=*/model == "PegasusForConditionalGeneration");
  // The tables of positions are computed, though checkpoints store them.
  spec.checkpoint.ignorable.push_back("*.embed_positions.weight");
}

const Family &hf::pegasus() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"add_final_layer_norm", "true"},
      {"normalize_before", "true"},
      {"normalize_embedding", "false"},
      {"static_position_embeddings", "true"},
  };
  // keep-sorted end
  static constexpr const char *withoutEffect[] = {"extra_pos_embeddings"};
  static constexpr Family family = {
      .modelType = "pegasus",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .sharedKeysWithoutEffect = encoderDecoderKeysWithoutEffect,
      .defaultTokens = {.eos = 1, .pad = 0, .decoderStart = 0, .forcedEos = 1}};
  return family;
}
