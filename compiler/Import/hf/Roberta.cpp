//===- Roberta.cpp - model_type "roberta" and "xlm-roberta" ---------------===//
//
// Bert whose positions begin behind the padding token's: token i of a sequence
// has row pad_token_id + 1 + i of the table.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static void describe(ConfigReader &config, StringRef model, ModelSpec &spec) {
  int64_t hidden = config.count("hidden_size");
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);
  Stack stack = encoderStack(
      hidden,
      bertEmbedding(config, "roberta.embeddings", hidden, epsilon,
                    readFirstPosition(config)),
      config.count("num_hidden_layers", maxLayers),
      bertBlock(config, "roberta.encoder.layer.{layer}", hidden, epsilon));
  spec.checkpoint.optionalPrefixes = {"roberta."};
  addRobertaHead(config, spec, model, stack, "roberta.", epsilon);
  spec.stacks.push_back(std::move(stack));
}

static void buildRoberta(ConfigReader &config, ModelSpec &spec,
                         std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"RobertaModel", "RobertaForMaskedLM", "RobertaForQuestionAnswering",
       "RobertaForSequenceClassification", "RobertaForTokenClassification"},
      warnings);
  describe(config, model, spec);
}

static void buildXlmRoberta(ConfigReader &config, ModelSpec &spec,
                            std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"XLMRobertaModel", "XLMRobertaForMaskedLM",
                                  "XLMRobertaForQuestionAnswering",
                                  "XLMRobertaForSequenceClassification",
                                  "XLMRobertaForTokenClassification"},
                                 warnings);
  describe(config, model, spec);
}

// keep-sorted start
static constexpr FixedKey fixed[] = {
    {"position_embedding_type", "\"absolute\""},
};
static constexpr const char *withoutEffect[] = {
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "hidden_dropout_prob",
};
// keep-sorted end

const Family &hf::roberta() {
  static constexpr Family family = {"roberta", fixed, withoutEffect,
                                    buildRoberta};
  return family;
}

const Family &hf::xlmRoberta() {
  static constexpr Family family = {"xlm-roberta", fixed, withoutEffect,
                                    buildXlmRoberta};
  return family;
}
