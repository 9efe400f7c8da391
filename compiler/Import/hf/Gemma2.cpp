//===- Gemma2.cpp - model_type "gemma2" -----------------------------------===//
//
// Gemma with norms before and after each sub-block, capped scores and logits,
// and a window in every other layer.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// `key`: null says that there is none.
static std::optional<double> readCap(ConfigReader &config, StringRef key,
                                     double fallback) {
  if (saysNull(config, key)) {
    config.markRead(key);
    return std::nullopt;
  }
  return config.positiveOr(key, fallback);
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  bool bias = config.flagOr("attention_bias", false);
  LlamaOptions options;
  options.biases = {bias, bias};
  options.activationKey = "hidden_activation";
  options.defaultActivation = "gelu_pytorch_tanh";
  options.defaultHeadDim = 256;
  options.defaultKvHeads = 4;
  Block block = llamaBlock(config, hidden, options);
  block.attention.scale =
      1.0 / std::sqrt(config.positiveOr("query_pre_attn_scalar", 256.0));
  block.attention.softCap = readCap(config, "attn_logit_softcapping", 50.0);
  auto norm = [&](const char *name) {
    return offsetRmsNorm(block.name + "." + name, hidden, epsilon);
  };
  block.attentionNorm = norm("input_layernorm");
  block.attentionOutputNorm = norm("post_attention_layernorm");
  block.feedForwardNorm = norm("pre_feedforward_layernorm");
  block.feedForwardOutputNorm = norm("post_feedforward_layernorm");
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"Gemma2ForCausalLM", "Gemma2Model",
                                  "Gemma2ForSequenceClassification",
                                  "Gemma2ForTokenClassification"},
                                 warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/8192);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);
  stack.embedding.scale = std::sqrt(static_cast<double>(stack.hidden));
  stack.blocks =
      windowedBlocks(config, readBlock(config, stack.hidden, epsilon),
                     readWindow(config, /*defaultWindow=*/4096),
                     [](int64_t layer) { return layer % 2 == 0; });
  stack.finalNorm = offsetRmsNorm("model.norm", stack.hidden, epsilon);
  std::optional<double> cap = readCap(config, "final_logit_softcapping", 30.0);
  HeadLayer *head = addModel(config, spec, std::move(stack), model,
                             /*defaultTied=*/true);
  if (head)
    head->softCap = cap;
}

const Family &hf::gemma2() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"use_bidirectional_attention", "false"},
  };
  // keep-sorted end
  // The activation is hidden_activation whatever hidden_act says.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",       "cache_implementation",
      "hidden_act",        "pretraining_tp", "unsloth_fixed",
      "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "gemma2",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 2, .eos = 1, .pad = 0}};
  return family;
}
