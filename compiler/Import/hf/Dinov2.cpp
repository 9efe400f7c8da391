//===- Dinov2.cpp - model_type "dinov2" -----------------------------------===//
//
// vit's encoder with LayerScale, and a feed-forward that may be gated: both of
// its projections in one tensor, the gate first.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Families.h"
#include "compiler/Import/hf/Vision.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// Two thirds of the width, a multiple of 8.
static FeedForward gatedFeedForward(const std::string &module, int64_t hidden,
                                    int64_t width) {
  FeedForward result;
  width = (width * 2 / 3 + 7) / 8 * 8;
  result.width = width;
  result.activation = Activation::Silu;
  std::string inputs = module + ".weights_in";
  auto half = [&](int64_t begin) {
    Linear linear;
    linear.inFeatures = hidden;
    linear.outFeatures = width;
    linear.weight = rows(inputs + ".weight", {2 * width, hidden}, begin, width);
    linear.bias = rows(inputs + ".bias", {2 * width}, begin, width);
    return linear;
  };
  result.gate = half(0);
  result.up = half(width);
  result.down = linear(module + ".weights_out", width, hidden, /*bias=*/true);
  return result;
}

static FeedForward readFeedForward(ConfigReader &config,
                                   const std::string &module, int64_t hidden) {
  int64_t ratio = config.countOr("mlp_ratio", 4, maxFeatures / hidden);
  Activation activation = config.activationOr("hidden_act", "gelu");
  if (config.flagOr("use_swiglu_ffn", false))
    return gatedFeedForward(module, hidden, hidden * ratio);
  FeedForward result;
  result.width = hidden * ratio;
  result.activation = activation;
  result.up = linear(module + ".fc1", hidden, result.width, /*bias=*/true);
  result.down = linear(module + ".fc2", result.width, hidden, /*bias=*/true);
  return result;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "dinov2.encoder.layer.{layer}";
  Block block;
  block.name = layer;
  block.attention = vitAttention(config, layer + ".attention", hidden);
  block.attentionNorm = layerNorm(layer + ".norm1", hidden, epsilon);
  block.attentionScale = tensor(layer + ".layer_scale1.lambda1", {hidden});
  block.feedForward = readFeedForward(config, layer + ".mlp", hidden);
  block.feedForwardNorm = layerNorm(layer + ".norm2", hidden, epsilon);
  block.feedForwardScale = tensor(layer + ".layer_scale2.lambda1", {hidden});
  return block;
}

/// The class token, and behind it the mean of the patches.
static Head classAndMean() {
  Head head;
  head.pools.resize(2);
  head.pools[0].count = 1;
  head.pools[1].from = 1;
  return head;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config, {"Dinov2Model", "Dinov2ForImageClassification"}, warnings);
  int64_t hidden = config.countOr("hidden_size", 768);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-6);
  ImageDefaults defaults;
  defaults.patchSize = 0; // 16 or 14, by the version of transformers
  Stack stack = imageStack(hidden,
                           vitEmbedding(config, "dinov2.embeddings", hidden,
                                        {"cls_token"}, defaults),
                           config.countOr("num_hidden_layers", 12, maxLayers),
                           readBlock(config, hidden, epsilon));
  stack.finalNorm = layerNorm("dinov2.layernorm", hidden, epsilon);
  if (model == "Dinov2Model")
    // The class token as it is.
    spec.heads.push_back(firstTokenHead("pooler_output", {}));
  else
    addClassifier(config, spec, classAndMean(), 2 * hidden, "classifier");
  spec.checkpoint.optionalPrefixes = {"dinov2."};
  spec.checkpoint.ignorable = {"*.mask_token"};
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::dinov2() {
  // The last six are those of a backbone for other models.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "apply_layernorm",  "attention_probs_dropout_prob",
      "drop_path_rate",   "hidden_dropout_prob",
      "layerscale_value", "out_features",
      "out_indices",      "reshape_hidden_states",
      "stage_names",      "use_mask_token",
  };
  // keep-sorted end
  static constexpr Family family = {"dinov2", {}, withoutEffect, build};
  return family;
}
