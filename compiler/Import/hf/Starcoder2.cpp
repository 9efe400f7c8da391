//===- Starcoder2.cpp - model_type "starcoder2" ---------------------------===//
//
// Pre-norm decoder with layer norms, rotary positions, grouped key and value
// heads, a plain feed-forward and perhaps a window.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  bool bias = config.flagOr("use_bias", true);
  Block block;
  block.name = "model.layers.{layer}";
  block.attention = groupedAttention(config, hidden, /*defaultHeadDim=*/0,
                                     /*defaultKvHeads=*/2);
  block.attention.rotary = readRotary(config, block.attention.headDim);
  block.attention.window = readWindow(config, /*defaultWindow=*/0);
  addProjections(block.attention, block.name + ".self_attn", hidden,
                 {bias, bias});
  block.attentionNorm =
      layerNorm(block.name + ".input_layernorm", hidden, epsilon);
  block.feedForward = plainFeedForward(
      block.name + ".mlp.c_fc", block.name + ".mlp.c_proj", hidden,
      config.count("intermediate_size"),
      config.activationOr("hidden_act", "gelu_pytorch_tanh"), bias);
  block.feedForwardNorm =
      layerNorm(block.name + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"Starcoder2ForCausalLM", "Starcoder2Model",
                                  "Starcoder2ForSequenceClassification",
                                  "Starcoder2ForTokenClassification"},
                                 warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/4096);
  double epsilon = config.positiveOr("norm_epsilon", 1e-5);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  stack.finalNorm = layerNorm("model.norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/true);
}

const Family &hf::starcoder2() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"mlp_type", "\"default\""},
      {"norm_type", "\"layer_norm\""},
      {"scale_attn_weights", "true"},
  };
  // keep-sorted end
  // hidden_act and norm_epsilon are read, whatever the older names of the same
  // things say.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "activation_function",
      "attention_dropout",
      "attention_softmax_in_fp32",
      "auto_map",
      "embedding_dropout",
      "layer_norm_epsilon",
      "pretraining_tp",
      "residual_dropout",
      "scale_attention_softmax_in_fp32",
      "unsloth_fixed",
      "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "starcoder2",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 50256, .eos = 50256}};
  return family;
}
