//===- Albert.cpp - model_type "albert" -----------------------------------===//
//
// Bert whose layers all have the same weights and whose tables are narrower
// than its layers.
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
      bertEmbedding(config, "albert.embeddings", width, epsilon);
  embedding.width = width;
  embedding.projection = linear("albert.encoder.embedding_hidden_mapping_in",
                                width, hidden, /*bias=*/true);
  return embedding;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "albert.encoder.albert_layer_groups.0."
                            "albert_layers.0";
  Block block;
  block.name = layer;
  block.placement = NormPlacement::Post;
  block.attention = encoderAttention(config, hidden);
  std::string module = layer + ".attention";
  addBiasedProjections(block.attention,
                       {module + ".query", module + ".key", module + ".value",
                        module + ".dense"},
                       hidden);
  block.attentionNorm = layerNorm(module + ".LayerNorm", hidden, epsilon);
  block.feedForward = encoderFeedForward(
      config, layer + ".ffn", layer + ".ffn_output", hidden, "gelu_new");
  block.feedForwardNorm =
      layerNorm(layer + ".full_layer_layer_norm", hidden, epsilon);
  return block;
}

static void readHead(ConfigReader &config, StringRef model, const Stack &stack,
                     double epsilon, ModelSpec &spec) {
  std::vector<std::string> &ignorable = spec.checkpoint.ignorable;
  bool tied = config.flagOr("tie_word_embeddings", true);
  Head pooler = poolerHead("albert.pooler", stack.hidden);
  bool isPreTraining = model == "AlbertForPreTraining";
  if (model == "AlbertForMaskedLM" || isPreTraining) {
    addMaskedLmHead(spec, stack,
                    {"predictions.dense", "predictions.LayerNorm",
                     "predictions.decoder", "predictions.bias"},
                    stack.blocks.front().block.feedForward.activation, epsilon,
                    tied);
    if (isPreTraining)
      return addPairHead(spec, std::move(pooler), "sop_logits",
                         "sop_classifier.classifier",
                         classLabels(config).size());
    ignorable.push_back("sop_classifier.*");
    ignorable.push_back("*pooler.*");
    return;
  }
  ignorable.push_back("sop_classifier.*");
  ignorable.push_back("predictions.*");
  if (addTokenHeads(config, spec, model, stack.hidden)) {
    ignorable.push_back("*pooler.*");
    return;
  }
  if (model == "AlbertModel")
    spec.heads.push_back(std::move(pooler));
  else
    addClassifier(config, spec, pooler.layers.front(), "classifier");
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"AlbertModel", "AlbertForMaskedLM", "AlbertForPreTraining",
       "AlbertForQuestionAnswering", "AlbertForSequenceClassification",
       "AlbertForTokenClassification"},
      warnings);
  int64_t hidden = config.count("hidden_size");
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);
  Stack stack = encoderStack(hidden, readEmbedding(config, hidden, epsilon),
                             config.count("num_hidden_layers", maxLayers),
                             readBlock(config, hidden, epsilon));
  spec.checkpoint.optionalPrefixes = {"albert."};
  spec.checkpoint.ignorable = {"*.position_ids"};
  readHead(config, model, stack, epsilon, spec);
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::albert() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"inner_group_num", "1"},
      {"num_hidden_groups", "1"},
      {"position_embedding_type", "\"absolute\""},
  };
  // Some keys are of the first program for these models.
  static constexpr const char *withoutEffect[] = {
      "attention_probs_dropout_prob",
      "classifier_dropout_prob",
      "down_scale_factor",
      "gap_size",
      "hidden_dropout_prob",
      "layers_to_keep",
      "net_structure_type",
      "num_memory_blocks",
  };
  // keep-sorted end
  static constexpr Family family = {"albert", fixed, withoutEffect, build};
  return family;
}
