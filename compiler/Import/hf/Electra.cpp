//===- Electra.cpp - model_type "electra" ---------------------------------===//
//
// Bert whose tables may be narrower than its layers, without a pooler.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Embedding readEmbedding(ConfigReader &config, int64_t hidden,
                               double epsilon) {
  int64_t width = config.countOr("embedding_size", 128);
  Embedding embedding =
      bertEmbedding(config, "electra.embeddings", width, epsilon);
  if (width == hidden)
    return embedding;
  embedding.width = width;
  embedding.projection =
      linear("electra.embeddings_project", width, hidden, /*bias=*/true);
  return embedding;
}

/// A number for each token: above 0 where it is taken for a replaced one.
static Head discriminator(const Stack &stack) {
  const std::string module = "discriminator_predictions";
  Head head;
  head.output = "logits";
  head.scalar = true;
  head.layers = {headLayer(linear(module + ".dense", stack.hidden, stack.hidden,
                                  /*bias=*/true),
                           stack.blocks.front().block.feedForward.activation),
                 headLayer(linear(module + ".dense_prediction", stack.hidden,
                                  /*out=*/1, /*bias=*/true))};
  return head;
}

/// The activation of all heads but the discriminator is gelu whatever the
/// layers' is.
static void readHead(ConfigReader &config, StringRef model, const Stack &stack,
                     double epsilon, ModelSpec &spec) {
  std::vector<std::string> &ignorable = spec.checkpoint.ignorable;
  bool tied = config.flagOr("tie_word_embeddings", true);
  if (model == "ElectraForPreTraining")
    spec.heads.push_back(discriminator(stack));
  else
    ignorable.push_back("discriminator_predictions.*");
  if (model == "ElectraForMaskedLM") {
    addMaskedLmHead(spec, stack,
                    {"generator_predictions.dense",
                     "generator_predictions.LayerNorm", "generator_lm_head",
                     "generator_lm_head.bias"},
                    Activation::Gelu, epsilon, tied);
    return;
  }
  ignorable.push_back("generator_predictions.*");
  ignorable.push_back("generator_lm_head.*");
  addTokenHeads(config, spec, model, stack.hidden);
  if (model == "ElectraForSequenceClassification")
    addClassifier(config, spec,
                  headLayer(linear("classifier.dense", stack.hidden,
                                   stack.hidden, /*bias=*/true),
                            Activation::Gelu),
                  "classifier.out_proj");
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"ElectraModel", "ElectraForMaskedLM", "ElectraForPreTraining",
       "ElectraForQuestionAnswering", "ElectraForSequenceClassification",
       "ElectraForTokenClassification"},
      warnings);
  int64_t hidden = config.count("hidden_size");
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);
  Stack stack = encoderStack(
      hidden, readEmbedding(config, hidden, epsilon),
      config.count("num_hidden_layers", maxLayers),
      bertBlock(config, "electra.encoder.layer.{layer}", hidden, epsilon));
  spec.checkpoint.optionalPrefixes = {"electra."};
  spec.checkpoint.ignorable = {"*.position_ids"};
  readHead(config, model, stack, epsilon, spec);
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::electra() {
  static constexpr FixedKey fixed[] = {
      {"position_embedding_type", "\"absolute\""},
  };
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_probs_dropout_prob",
      "classifier_dropout",
      "hidden_dropout_prob",
      "summary_activation",
      "summary_last_dropout",
      "summary_type",
      "summary_use_proj",
  };
  // keep-sorted end
  static constexpr Family family = {"electra", fixed, withoutEffect, build};
  return family;
}
