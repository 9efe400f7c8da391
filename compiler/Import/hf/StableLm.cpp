//===- StableLm.cpp - model_type "stablelm" -------------------------------===//
//
// Llama with layer norms, rotary positions over a part of each head, perhaps
// biases of query, key and value, perhaps norms of each query's and key's head,
// a tensor each, and perhaps parallel blocks of one norm.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// The norms of the heads are modules of their own.
static Norm normPerHead(const std::string &module, int64_t heads,
                        int64_t headDim, double epsilon) {
  const char *part = heads > 1 ? ".norms.{part}" : ".norms.0";
  Norm norm = headsNorm(module + part, heads, headDim, epsilon);
  norm.gain->stored = {headDim};
  norm.gain->parts = heads;
  return norm;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  LlamaOptions options;
  options.biases.inputs = config.flagOr("use_qkv_bias", false);
  options.defaultKvHeads = 32;
  options.defaultRotaryPart = 0.25;
  Block block = llamaBlock(config, hidden, options);
  if (config.flagOr("qk_layernorm", false)) {
    Attention &attention = block.attention;
    std::string module = block.name + ".self_attn";
    attention.queryNorm = normPerHead(module + ".q_layernorm", attention.heads,
                                      attention.headDim, epsilon);
    attention.keyNorm = normPerHead(module + ".k_layernorm", attention.kvHeads,
                                    attention.headDim, epsilon);
  }
  block.attentionNorm =
      layerNorm(block.name + ".input_layernorm", hidden, epsilon);
  if (config.flagOr("use_parallel_residual", false))
    block.placement = NormPlacement::Parallel;
  else
    block.feedForwardNorm =
        layerNorm(block.name + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

/// The older name of partial_rotary_factor must say the same.
static void checkRotaryPart(ConfigReader &config, const Attention &attention) {
  if (!config.find("rope_pct"))
    return;
  double turned = config.positive("rope_pct") * attention.headDim;
  if (static_cast<int64_t>(turned) != attention.rotary->dimensions)
    config.fail(
        "rope_pct",
        "expected the same as \"partial_rotary_factor\" (absent: 0.25)");
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"StableLmForCausalLM", "StableLmModel",
                                  "StableLmForSequenceClassification",
                                  "StableLmForTokenClassification"},
                                 warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/4096);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-5);
  Block block = readBlock(config, stack.hidden, epsilon);
  checkRotaryPart(config, block.attention);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               std::move(block));
  stack.finalNorm = layerNorm("model.norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false);
}

const Family &hf::stablelm() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"rotary_scaling_factor", "1.0"},
  };
  // keep-sorted end
  // norm_eps is an older name of layer_norm_eps, and not read.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",      "hidden_dropout",  "norm_eps",
      "pretraining_tp",    "unsloth_fixed", "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {.modelType = "stablelm",
                                    .fixedKeys = fixed,
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.bos = 0, .eos = 0}};
  return family;
}
