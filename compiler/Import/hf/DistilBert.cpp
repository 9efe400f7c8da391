//===- DistilBert.cpp - model_type "distilbert" ---------------------------===//
//
// Post-norm encoder with learned positions, without token types and pooler.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// No key sets it.
static constexpr double epsilon = 1e-12;

static Block readBlock(ConfigReader &config, int64_t hidden) {
  const std::string layer = "distilbert.transformer.layer.{layer}";
  int64_t heads = config.count("n_heads", maxHeads);
  config.requireDivides("n_heads", heads, "dim", hidden);

  Block block;
  block.name = layer;
  block.placement = NormPlacement::Post;
  block.attention = attention(hidden, heads, /*causal=*/false);
  std::string module = layer + ".attention";
  addBiasedProjections(block.attention,
                       {module + ".q_lin", module + ".k_lin", module + ".v_lin",
                        module + ".out_lin"},
                       hidden);
  block.attentionNorm = layerNorm(layer + ".sa_layer_norm", hidden, epsilon);
  FeedForward &feedForward = block.feedForward;
  int64_t width = config.count("hidden_dim");
  feedForward.width = width;
  feedForward.activation = config.activationOr("activation", "gelu");
  feedForward.up = linear(layer + ".ffn.lin1", hidden, width, /*bias=*/true);
  feedForward.down = linear(layer + ".ffn.lin2", width, hidden, /*bias=*/true);
  block.feedForwardNorm =
      layerNorm(layer + ".output_layer_norm", hidden, epsilon);
  return block;
}

static void readHead(ConfigReader &config, StringRef model, const Stack &stack,
                     ModelSpec &spec) {
  bool tied = config.flagOr("tie_word_embeddings", true);
  if (model == "DistilBertForMaskedLM") {
    addMaskedLmHead(spec, stack,
                    {"vocab_transform", "vocab_layer_norm", "vocab_projector",
                     "vocab_projector.bias"},
                    stack.blocks.front().block.feedForward.activation, epsilon,
                    tied);
    return;
  }
  for (const char *unused :
       {"vocab_transform.*", "vocab_layer_norm.*", "vocab_projector.*"})
    spec.checkpoint.ignorable.push_back(unused);
  addTokenHeads(config, spec, model, stack.hidden);
  if (model == "DistilBertForSequenceClassification")
    addClassifier(config, spec,
                  headLayer(linear("pre_classifier", stack.hidden, stack.hidden,
                                   /*bias=*/true),
                            Activation::Relu),
                  "classifier");
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"DistilBertModel", "DistilBertForMaskedLM",
                                  "DistilBertForQuestionAnswering",
                                  "DistilBertForSequenceClassification",
                                  "DistilBertForTokenClassification"},
                                 warnings);
  int64_t hidden = config.count("dim");
  Stack stack = encoderStack(
      hidden,
      untypedEmbedding(config, "distilbert.embeddings", hidden, epsilon),
      config.count("n_layers", maxLayers), readBlock(config, hidden));
  spec.checkpoint.optionalPrefixes = {"distilbert."};
  spec.checkpoint.ignorable = {"*.position_ids"};
  readHead(config, model, stack, spec);
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::distilbert() {
  // sinusoidal_pos_embds says how the table of positions was initialised.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout",    "dropout",
      "qa_dropout",           "seq_classif_dropout",
      "sinusoidal_pos_embds", "tie_weights_",
  };
  // keep-sorted end
  static constexpr Family family = {"distilbert", {}, withoutEffect, build};
  return family;
}
