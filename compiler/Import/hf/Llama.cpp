//===- Llama.cpp - model_type "llama" -------------------------------------===//
//
// Pre-norm decoder with RMS norms, rotary positions, gated feed-forward and
// grouped key and value heads.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Families.h"
#include "compiler/Import/hf/Parts.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static void readLlama3(ConfigReader &scaling, Rotary &rotary) {
  rotary.scaling = RopeScalingKind::Llama3;
  rotary.factor = scaling.positive("factor");
  rotary.lowFrequencyFactor = scaling.positive("low_freq_factor");
  rotary.highFrequencyFactor = scaling.positive("high_freq_factor");
  rotary.originalMaxPositions =
      scaling.count("original_max_position_embeddings", maxCount);
  if (rotary.highFrequencyFactor <= rotary.lowFrequencyFactor)
    scaling.fail("high_freq_factor", "expected more than \"low_freq_factor\"");
}

/// The kind stands under "rope_type" or, in older files, "type".
static void readScaling(ConfigReader &scaling, Rotary &rotary) {
  StringRef key = scaling.find("rope_type") ? "rope_type" : "type";
  scaling.markRead("type");
  // A factor alone says that something is scaled, but not how.
  StringRef kind = scaling.find("factor") ? scaling.string(key)
                                          : scaling.stringOr(key, "default");
  if (kind == "linear") {
    rotary.scaling = RopeScalingKind::Linear;
    rotary.factor = scaling.positive("factor");
  } else if (kind == "llama3") {
    readLlama3(scaling, rotary);
  } else if (kind != "default") {
    scaling.fail(key, "supported: default, linear, llama3");
  }
}

/// `rope_theta` and `rope_scaling`, or the newer `rope_parameters` with both.
static Rotary readRotary(ConfigReader &config, int64_t headDim) {
  Rotary rotary;
  rotary.dimensions = headDim;
  rotary.theta = config.positiveOr("rope_theta", 10000.0);
  for (StringRef key : {"rope_scaling", "rope_parameters"}) {
    const JsonValue *value = config.find(key);
    if (!value)
      continue;
    if (!value->isObject()) {
      config.fail(key, "expected an object");
      continue;
    }
    ConfigReader scaling(config.source(), *value, key.str() + ".");
    rotary.theta = scaling.positiveOr("rope_theta", rotary.theta);
    readScaling(scaling, rotary);
    if (scaling.positiveOr("partial_rotary_factor", 1.0) != 1.0)
      scaling.fail("partial_rotary_factor", "supported: 1.0");
    config.absorb(std::move(scaling));
  }
  return rotary;
}

static Attention readAttention(ConfigReader &config, const std::string &module,
                               int64_t hidden) {
  Attention result;
  result.heads = config.count("num_attention_heads", maxHeads);
  result.kvHeads =
      config.countOr("num_key_value_heads", result.heads, maxHeads);
  config.requireDivides("num_key_value_heads", result.kvHeads,
                        "num_attention_heads", result.heads);
  if (!config.find("head_dim"))
    config.requireDivides("num_attention_heads", result.heads, "hidden_size",
                          hidden);
  int64_t whole = std::max<int64_t>(hidden / result.heads, 1);
  result.headDim = config.countOr("head_dim", whole, maxHeads);
  if (result.headDim % 2 != 0) {
    if (config.find("head_dim"))
      config.fail("head_dim", "expected an even number, as positions are "
                              "rotary");
    else
      config.fail("num_attention_heads", "expected an even head_dim, not " +
                                             llvm::Twine(result.headDim) +
                                             ", as positions are rotary");
  }
  result.scale = 1.0 / std::sqrt(static_cast<double>(result.headDim));
  result.causal = true;
  result.rotary = readRotary(config, result.headDim);

  bool bias = config.flagOr("attention_bias", false);
  int64_t width = result.heads * result.headDim;
  int64_t kvWidth = result.kvHeads * result.headDim;
  result.query = linear(module + ".q_proj", hidden, width, bias);
  result.key = linear(module + ".k_proj", hidden, kvWidth, bias);
  result.value = linear(module + ".v_proj", hidden, kvWidth, bias);
  result.output = linear(module + ".o_proj", width, hidden, bias);
  return result;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "model.layers.{layer}";
  Block block;
  block.name = layer;
  block.placement = NormPlacement::Pre;
  block.attention = readAttention(config, layer + ".self_attn", hidden);
  block.attentionNorm = rmsNorm(layer + ".input_layernorm", hidden, epsilon);

  FeedForward &feedForward = block.feedForward;
  bool bias = config.flagOr("mlp_bias", false);
  int64_t width = config.count("intermediate_size");
  feedForward.width = width;
  feedForward.activation = config.activationOr("hidden_act", "silu");
  feedForward.gate = linear(layer + ".mlp.gate_proj", hidden, width, bias);
  feedForward.up = linear(layer + ".mlp.up_proj", hidden, width, bias);
  feedForward.down = linear(layer + ".mlp.down_proj", width, hidden, bias);
  block.feedForwardNorm =
      rmsNorm(layer + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config, {"LlamaForCausalLM", "LlamaModel"}, warnings);
  int64_t hidden = config.count("hidden_size");
  int64_t vocabulary = config.count("vocab_size", maxCount);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);

  Stack stack;
  stack.kind = StackKind::Decoder;
  stack.hidden = hidden;
  stack.maxPositions =
      config.countOr("max_position_embeddings", 2048, maxCount);
  stack.input = "input_ids";
  stack.output = "last_hidden_state";
  stack.embedding.vocabulary = vocabulary;
  stack.embedding.tokens =
      tensor("model.embed_tokens.weight", {vocabulary, hidden});
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, hidden, epsilon));
  stack.finalNorm = rmsNorm("model.norm", hidden, epsilon);

  CheckpointRules &rules = spec.checkpoint;
  rules.optionalPrefixes = {"model."};
  rules.ignorable = {"*.rotary_emb.inv_freq"};
  bool tied = config.flagOr("tie_word_embeddings", false);
  if (model == "LlamaForCausalLM") {
    Linear head = linear("lm_head", hidden, vocabulary, /*bias=*/false);
    if (tied)
      head.weight = *stack.embedding.tokens;
    spec.heads.push_back(languageModelHead(std::move(head)));
  }
  if (tied)
    rules.suffixAliases = {{"model.embed_tokens.weight", "lm_head.weight"}};
  if (tied || model != "LlamaForCausalLM")
    rules.ignorable.push_back("lm_head.weight");
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::llama() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"partial_rotary_factor", "1.0"},
      {"rope_interleaved", "false"},
  };
  // keep-sorted end
  // pretraining_tp splits matrix products over devices: the same mathematics.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "is_llama_config", "max_sequence_length",
      "pretraining_tp",    "unsloth_fixed",   "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {"llama", fixed, withoutEffect, build};
  return family;
}
