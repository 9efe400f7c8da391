//===- Olmo.cpp - model_type "olmo" ---------------------------------------===//
//
// Llama with layer norms that have neither gain nor bias.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Norm plainNorm(int64_t hidden) {
  Norm norm;
  norm.features = hidden;
  norm.epsilon = 1e-5;
  return norm;
}

static Block readBlock(ConfigReader &config, int64_t hidden) {
  bool bias = config.flagOr("attention_bias", false);
  LlamaOptions options;
  options.biases = {bias, bias};
  Block block = llamaBlock(config, hidden, options);
  readClip(config, block.attention);
  block.attentionNorm = plainNorm(hidden);
  block.feedForwardNorm = plainNorm(hidden);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config, {"OlmoForCausalLM", "OlmoModel"}, warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/2048);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden));
  stack.finalNorm = plainNorm(stack.hidden);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false);
}

const Family &hf::olmo() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",        "pretraining_tp",
      "unsloth_fixed",     "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {.modelType = "olmo",
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.eos = 50279, .pad = 1}};
  return family;
}
