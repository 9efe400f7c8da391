//===- Cohere.cpp - model_type "cohere" -----------------------------------===//
//
// Parallel blocks of one layer norm without bias, rotary positions over
// neighbouring pairs, and scaled logits.
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
  block.placement = NormPlacement::Parallel;
  block.attention.rotary->interleaved = true;
  block.attentionNorm = layerNorm(block.name + ".input_layernorm", hidden,
                                  epsilon, /*bias=*/false);
  if (config.flagOr("use_qk_norm", false)) {
    Attention &attention = block.attention;
    std::string module = block.name + ".self_attn";
    attention.queryNorm = headsNorm(module + ".q_norm", attention.heads,
                                    attention.headDim, epsilon);
    attention.keyNorm = headsNorm(module + ".k_norm", attention.kvHeads,
                                  attention.headDim, epsilon);
  }
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config, {"CohereForCausalLM", "CohereModel"}, warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/8192);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-5);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  stack.finalNorm =
      layerNorm("model.norm", stack.hidden, epsilon, /*bias=*/false);
  double scale = config.positiveOr("logit_scale", 0.0625);
  HeadLayer *head = addModel(config, spec, std::move(stack), model,
                             /*defaultTied=*/true);
  if (head)
    head->scale = scale;
}

const Family &hf::cohere() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",      "model_max_length",
      "pretraining_tp",    "unsloth_fixed", "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "cohere",
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 5, .eos = 255001, .pad = 0}};
  return family;
}
