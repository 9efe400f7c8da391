//===- Vit.cpp - model_types "vit" and "deit" -----------------------------===//
//
// Pre-norm encoder of images; deit has a second learned row, the distillation
// token. A classifier reads the class token behind the final norm, which
// last_hidden_state is in front of then. With a teacher there are two, one for
// each of those rows, and their mean.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Families.h"
#include "compiler/Import/hf/Vision.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, const std::string &layer,
                       int64_t hidden, double epsilon) {
  Block block;
  block.name = layer;
  block.attention = vitAttention(config, layer + ".attention", hidden);
  block.attentionNorm = layerNorm(layer + ".layernorm_before", hidden, epsilon);
  block.feedForward = encoderFeedForward(config, layer + ".intermediate.dense",
                                         layer + ".output.dense", hidden);
  block.feedForwardNorm =
      layerNorm(layer + ".layernorm_after", hidden, epsilon);
  return block;
}

/// "logits", the mean of "cls_logits" of the class token and
/// "distillation_logits" of the other one.
static void addTeachersClassifiers(ConfigReader &config, ModelSpec &spec,
                                   int64_t hidden) {
  spec.checkpoint.ignorable.push_back("*pooler.dense.*");
  spec.labels = classLabels(config);
  int64_t classes = spec.labels.size();
  Head both;
  both.output = "logits";
  both.join = PoolJoin::Mean;
  for (const char *name : {"cls", "distillation"}) {
    Pool row;
    row.from = both.pools.size();
    row.count = 1;
    row.layers = {headLayer(linear(llvm::Twine(name) + "_classifier", hidden,
                                   classes, /*bias=*/true))};
    both.pools.push_back(std::move(row));
  }
  Head ofClass, ofOther;
  ofClass.output = "cls_logits";
  ofClass.pools = {both.pools[0]};
  ofOther.output = "distillation_logits";
  ofOther.pools = {both.pools[1]};
  for (Head *head : {&both, &ofClass, &ofOther})
    spec.heads.push_back(std::move(*head));
}

/// `prefix` is the encoder's in a model with a head ("vit.").
static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings, const std::string &prefix,
                  llvm::ArrayRef<const char *> architectures,
                  llvm::ArrayRef<const char *> tokens) {
  StringRef model = architecture(config, architectures, warnings);
  int64_t hidden = config.countOr("hidden_size", 768);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);
  ImageDefaults defaults;
  defaults.mayBeList = true;
  Stack stack = imageStack(
      hidden,
      vitEmbedding(config, prefix + "embeddings", hidden, tokens, defaults),
      config.countOr("num_hidden_layers", 12, maxLayers),
      readBlock(config, prefix + "encoder.layer.{layer}", hidden, epsilon));
  Norm norm = layerNorm(prefix + "layernorm", hidden, epsilon);
  int64_t pooled = config.countOr("pooler_output_size", hidden);
  spec.checkpoint.optionalPrefixes = {prefix};
  spec.checkpoint.ignorable = {"*.mask_token"};
  if (model.ends_with("Model")) {
    stack.finalNorm = std::move(norm);
    spec.heads.push_back(firstTokenHead(
        "pooler_output", {headLayer(linear(prefix + "pooler.dense", hidden,
                                           pooled, /*bias=*/true),
                                    Activation::Tanh)}));
  } else if (model.ends_with("WithTeacher")) {
    stack.finalNorm = std::move(norm);
    addTeachersClassifiers(config, spec, hidden);
  } else {
    spec.checkpoint.ignorable.push_back("*pooler.dense.*");
    HeadLayer before;
    before.norm = std::move(norm);
    addClassifier(config, spec, std::move(before), hidden, "classifier");
  }
  spec.stacks.push_back(std::move(stack));
}

static void buildVit(ConfigReader &config, ModelSpec &spec,
                     std::vector<std::string> &warnings) {
  build(config, spec, warnings, "vit.",
        {"ViTForImageClassification", "ViTModel"}, {"cls_token"});
}

static void buildDeit(ConfigReader &config, ModelSpec &spec,
                      std::vector<std::string> &warnings) {
  build(config, spec, warnings, "deit.",
        {"DeiTForImageClassification", "DeiTForImageClassificationWithTeacher",
         "DeiTModel"},
        {"cls_token", "distillation_token"});
}

static constexpr FixedKey fixed[] = {
    {"pooler_act", "\"tanh\""},
};
// The stride is that of a decoder for masked images.
// keep-sorted start
static constexpr const char *withoutEffect[] = {
    "attention_probs_dropout_prob",
    "encoder_stride",
    "hidden_dropout_prob",
};
// keep-sorted end

const Family &hf::vit() {
  static constexpr Family family = {"vit", fixed, withoutEffect, buildVit};
  return family;
}

const Family &hf::deit() {
  static constexpr Family family = {"deit", fixed, withoutEffect, buildDeit};
  return family;
}
