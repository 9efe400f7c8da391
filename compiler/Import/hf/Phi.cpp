//===- Phi.cpp - model_type "phi" -----------------------------------------===//
//
// Parallel blocks of one layer norm, with biases everywhere, rotary positions
// over a part of each head, and perhaps norms over each head of query and key.
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
  if (config.flagOr("qk_layernorm", false)) {
    Attention &attention = block.attention;
    std::string module = block.name + ".self_attn";
    attention.queryNorm =
        layerNorm(module + ".q_layernorm", attention.headDim, epsilon);
    attention.keyNorm =
        layerNorm(module + ".k_layernorm", attention.headDim, epsilon);
  }
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
  StringRef model = architecture(config,
                                 {"PhiForCausalLM", "PhiModel",
                                  "PhiForSequenceClassification",
                                  "PhiForTokenClassification"},
                                 warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/2048);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-5);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  stack.finalNorm = layerNorm("model.final_layernorm", stack.hidden, epsilon);
  DecoderNames names;
  names.headBias = true;
  names.tokenHead = "classifier";
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false, names);
}

const Family &hf::phi() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",      "embd_pdrop",      "pretraining_tp",
      "resid_pdrop",       "unsloth_fixed", "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {.modelType = "phi",
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.bos = 1, .eos = 2}};
  return family;
}
