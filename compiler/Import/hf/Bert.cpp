//===- Bert.cpp - model_type "bert" ---------------------------------------===//
//
// Post-norm encoder with learned positions and token types.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// Adds the head of `model` and names the tensors of the other heads, which
/// checkpoints may carry along.
static void readHead(ConfigReader &config, StringRef model, const Stack &stack,
                     double epsilon, ModelSpec &spec) {
  std::vector<std::string> &ignorable = spec.checkpoint.ignorable;
  bool tied = config.flagOr("tie_word_embeddings", true);
  Head pooler = poolerHead("bert.pooler.dense", stack.hidden);
  bool isPreTraining = model == "BertForPreTraining";
  if (model == "BertForMaskedLM" || isPreTraining) {
    addMaskedLmHead(spec, stack,
                    {"cls.predictions.transform.dense",
                     "cls.predictions.transform.LayerNorm",
                     "cls.predictions.decoder", "cls.predictions.bias"},
                    stack.blocks.front().block.feedForward.activation, epsilon,
                    tied);
    if (isPreTraining)
      return addPairHead(spec, std::move(pooler), "seq_relationship_logits",
                         "cls.seq_relationship", /*classes=*/2);
    ignorable.push_back("cls.seq_relationship.*");
    ignorable.push_back("*pooler.dense.*");
    return;
  }
  ignorable.push_back("cls.*");
  if (addTokenHeads(config, spec, model, stack.hidden)) {
    ignorable.push_back("*pooler.dense.*");
    return;
  }
  if (model == "BertModel")
    spec.heads.push_back(std::move(pooler));
  else
    addClassifier(config, spec, pooler.layers.front(), "classifier");
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config,
                   {"BertModel", "BertForMaskedLM", "BertForPreTraining",
                    "BertForQuestionAnswering", "BertForSequenceClassification",
                    "BertForTokenClassification"},
                   warnings);
  int64_t hidden = config.count("hidden_size");
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);
  Stack stack = encoderStack(
      hidden, bertEmbedding(config, "bert.embeddings", hidden, epsilon),
      config.count("num_hidden_layers", maxLayers),
      bertBlock(config, "bert.encoder.layer.{layer}", hidden, epsilon));

  spec.checkpoint.optionalPrefixes = {"bert."};
  spec.checkpoint.suffixAliases = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                   {"LayerNorm.bias", "LayerNorm.beta"}};
  spec.checkpoint.ignorable = {"*.position_ids"};
  readHead(config, model, stack, epsilon, spec);
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::bert() {
  static constexpr FixedKey fixed[] = {
      {"position_embedding_type", "\"absolute\""},
  };
  // The pooler_* keys belong to a converter of other programs' checkpoints.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_probs_dropout_prob",
      "classifier_dropout",
      "directionality",
      "hidden_dropout_prob",
      "pooler_fc_size",
      "pooler_num_attention_heads",
      "pooler_num_fc_layers",
      "pooler_size_per_head",
      "pooler_type",
  };
  // keep-sorted end
  static constexpr Family family = {"bert", fixed, withoutEffect, build};
  return family;
}
