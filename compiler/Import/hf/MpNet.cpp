//===- MpNet.cpp - model_type "mpnet" -------------------------------------===//
//
// Post-norm encoder with learned positions from row 2 of their table on and, on
// top of them, one bias by relative position for the scores of all layers.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// Buckets and distance have no say in the configuration: the key for the
/// buckets sizes the table only.
static PositionBias sharedBias(int64_t heads) {
  PositionBias bias;
  bias.kind = PositionBiasKind::Relative;
  bias.buckets = 32;
  bias.maxDistance = 128;
  bias.bidirectional = true;
  bias.table = tensor("mpnet.encoder.relative_attention_bias.weight",
                      {bias.buckets, heads});
  return bias;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "mpnet.encoder.layer.{layer}";
  Block block;
  block.name = layer;
  block.placement = NormPlacement::Post;
  block.attention = encoderAttention(config, hidden);
  block.attention.positionBias = sharedBias(block.attention.heads);
  std::string module = layer + ".attention.attn";
  addBiasedProjections(
      block.attention,
      {module + ".q", module + ".k", module + ".v", module + ".o"}, hidden);
  block.attentionNorm =
      layerNorm(layer + ".attention.LayerNorm", hidden, epsilon);
  block.feedForward = encoderFeedForward(config, layer + ".intermediate.dense",
                                         layer + ".output.dense", hidden);
  block.feedForwardNorm =
      layerNorm(layer + ".output.LayerNorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  constexpr int64_t firstPosition = 2;
  StringRef model = architecture(
      config,
      {"MPNetModel", "MPNetForMaskedLM", "MPNetForQuestionAnswering",
       "MPNetForSequenceClassification", "MPNetForTokenClassification"},
      warnings);
  int64_t hidden = config.count("hidden_size");
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);
  Stack stack = encoderStack(hidden,
                             untypedEmbedding(config, "mpnet.embeddings",
                                              hidden, epsilon, firstPosition),
                             config.count("num_hidden_layers", maxLayers),
                             readBlock(config, hidden, epsilon));
  spec.checkpoint.optionalPrefixes = {"mpnet."};
  addRobertaHead(config, spec, model, stack, "mpnet.", epsilon);
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::mpnet() {
  static constexpr FixedKey fixed[] = {
      {"relative_attention_num_buckets", "32"},
  };
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_probs_dropout_prob",
      "hidden_dropout_prob",
      "type_vocab_size",
  };
  // keep-sorted end
  static constexpr Family family = {"mpnet", fixed, withoutEffect, build};
  return family;
}
