//===- Phi.cpp - model_type "phi" -----------------------------------------===//
//
// Parallel blocks of one layer norm, with biases everywhere and rotary
// positions over a part of each head.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  Block block;
  block.name = "model.layers.{layer}";
  block.placement = NormPlacement::Parallel;
  block.attention = groupedAttention(config, hidden);
  block.attention.rotary =
      readRotary(config, block.attention.headDim, /*defaultTheta=*/10000.0,
                 /*defaultPart=*/0.5);
  addProjections(block.attention, block.name + ".self_attn", hidden,
                 {/*inputs=*/true, /*output=*/true}, "dense");
  block.attentionNorm =
      layerNorm(block.name + ".input_layernorm", hidden, epsilon);
  block.feedForward = plainFeedForward(
      block.name + ".mlp.fc1", block.name + ".mlp.fc2", hidden,
      config.count("intermediate_size"),
      config.activationOr("hidden_act", "gelu_new"), /*bias=*/true);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config, {"PhiForCausalLM", "PhiModel"}, warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/2048);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-5);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  stack.finalNorm = layerNorm("model.final_layernorm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack),
           /*hasHead=*/model == "PhiForCausalLM", /*defaultTied=*/false,
           /*headBias=*/true);
}

const Family &hf::phi() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"qk_layernorm", "false"},
  };
  // keep-sorted end
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",      "embd_pdrop",      "pretraining_tp",
      "resid_pdrop",       "unsloth_fixed", "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {"phi", fixed, withoutEffect, build};
  return family;
}
