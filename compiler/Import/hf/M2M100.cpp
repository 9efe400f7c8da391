//===- M2M100.cpp - model_type "m2m_100" ----------------------------------===//
//
// MBart with computed sinusoidal positions, which count tokens from behind the
// padding's id (whose own row is zero), and without a norm behind the
// embeddings. NLLB is this family, too.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/EncoderDecoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

static void addPositions(ConfigReader &config, Stack &stack) {
  addSinusoidalPositions(stack);
  Positions &positions = stack.embedding.positions;
  positions.inclusive = true;
  positions.byToken = true;
  positions.zeroPadding = true;
  positions.first = readFirstPosition(config);
  positions.count += positions.first;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  llvm::StringRef model = architecture(
      config, {"M2M100ForConditionalGeneration", "M2M100Model"}, warnings);
  EncoderDecoder stacks = readEncoderDecoder(
      config, {.placement = NormPlacement::Pre, .defaultActivation = "relu"});
  addPositions(config, stacks.encoder);
  addPositions(config, stacks.decoder);
  if (stacks.encoder.hidden < 4)
    config.fail("d_model", "expected at least 4 features for the positions");
  SharedModelOptions options;
  options.headBias = false;
  options.scaledTokens = true;
  addSharedModel(config, spec, std::move(stacks),
                 /*hasHead=*/model == "M2M100ForConditionalGeneration",
                 options);
  // Old checkpoints store the computed tables.
  spec.checkpoint.ignorable.push_back("*.embed_positions.weights");
}

const Family &hf::m2m100() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"add_final_layer_norm", "true"},
      {"normalize_before", "true"},
      {"normalize_embedding", "false"},
      {"static_position_embeddings", "true"},
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "m2m_100",
      .fixedKeys = fixed,
      .build = build,
      .sharedKeysWithoutEffect = encoderDecoderKeysWithoutEffect,
      .defaultTokens = {.bos = 0, .eos = 2, .pad = 1, .decoderStart = 2}};
  return family;
}
