//===- MBart.cpp - model_type "mbart" -------------------------------------===//
//
// Bart with norms before the sub-blocks and one behind each stack.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/EncoderDecoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  llvm::StringRef model = architecture(
      config, {"MBartForConditionalGeneration", "MBartModel"}, warnings);
  EncoderDecoder stacks =
      readEncoderDecoder(config, {.placement = NormPlacement::Pre});
  addLearnedPositions(stacks.encoder);
  addLearnedPositions(stacks.decoder);
  addSharedModel(config, spec, std::move(stacks),
                 /*hasHead=*/model == "MBartForConditionalGeneration");
}

const Family &hf::mbart() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"add_final_layer_norm", "true"},
      {"extra_pos_embeddings", "2"},
      {"normalize_before", "true"},
      {"normalize_embedding", "true"},
      {"static_position_embeddings", "false"},
  };
  // keep-sorted end
  static constexpr const char *withoutEffect[] = {"save_step"};
  static constexpr Family family = {
      .modelType = "mbart",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .sharedKeysWithoutEffect = encoderDecoderKeysWithoutEffect,
      .defaultTokens = {.bos = 0, .eos = 2, .pad = 1, .forcedEos = 2}};
  return family;
}
