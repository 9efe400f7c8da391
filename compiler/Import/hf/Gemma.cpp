//===- Gemma.cpp - model_type "gemma" -------------------------------------===//
//
// Llama with heads of a width of their own, a tanh GELU, embeddings scaled by
// sqrt(hidden) and norms that store their gain less 1.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  bool bias = config.flagOr("attention_bias", false);
  LlamaOptions options;
  options.biases = {bias, bias};
  options.activationKey = "hidden_activation";
  options.defaultActivation = "gelu_pytorch_tanh";
  options.defaultHeadDim = 256;
  options.defaultKvHeads = 16;
  Block block = llamaBlock(config, hidden, options);
  block.attentionNorm =
      offsetRmsNorm(block.name + ".input_layernorm", hidden, epsilon);
  block.feedForwardNorm =
      offsetRmsNorm(block.name + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"GemmaForCausalLM", "GemmaModel",
                                  "GemmaForSequenceClassification",
                                  "GemmaForTokenClassification"},
                                 warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/8192);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);
  stack.embedding.scale = std::sqrt(static_cast<double>(stack.hidden));
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  stack.finalNorm = offsetRmsNorm("model.norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/true);
}

const Family &hf::gemma() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"use_bidirectional_attention", "false"},
  };
  // keep-sorted end
  // The activation is hidden_activation whatever hidden_act says.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",      "hidden_act",
      "pretraining_tp",    "unsloth_fixed", "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "gemma",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 2, .eos = 1, .pad = 0}};
  return family;
}
