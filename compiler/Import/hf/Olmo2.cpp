//===- Olmo2.cpp - model_type "olmo2" -------------------------------------===//
//
// Llama with its norms after each sub-block instead of before, and RMS norms
// over all heads of query and key together.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  bool bias = config.flagOr("attention_bias", false);
  LlamaOptions options;
  options.biases = {bias, bias};
  Block block = llamaBlock(config, hidden, options);
  Attention &attention = block.attention;
  std::string module = block.name + ".self_attn";
  attention.queryNorm =
      rmsNorm(module + ".q_norm", attention.heads * attention.headDim, epsilon);
  attention.keyNorm = rmsNorm(module + ".k_norm",
                              attention.kvHeads * attention.headDim, epsilon);
  block.attentionOutputNorm =
      rmsNorm(block.name + ".post_attention_layernorm", hidden, epsilon);
  block.feedForwardOutputNorm =
      rmsNorm(block.name + ".post_feedforward_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config, {"Olmo2ForCausalLM", "Olmo2Model"}, warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/2048);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-5);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  stack.finalNorm = rmsNorm("model.norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false);
}

const Family &hf::olmo2() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"clip_qkv", "null"},
  };
  // keep-sorted end
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",        "pretraining_tp",
      "unsloth_fixed",     "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {.modelType = "olmo2",
                                    .fixedKeys = fixed,
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.eos = 50279, .pad = 1}};
  return family;
}
