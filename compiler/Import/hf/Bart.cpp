//===- Bart.cpp - model_type "bart" ---------------------------------------===//
//
// Encoder-decoder with learned positions that start at row 2 of their table,
// a norm after the embeddings, and one table of tokens for everything. A
// classifier's decoder reads the text again, behind its start token; the row
// that reads what stands before the text's end is the last one.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/EncoderDecoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

static void addClassificationHead(ConfigReader &config, ModelSpec &spec) {
  const std::string module = "classification_head";
  int64_t hidden = spec.stacks.back().hidden;
  Head head;
  head.rows = RowSelection::Last;
  head.layers = {
      headLayer(linear(module + ".dense", hidden, hidden, /*bias=*/true),
                Activation::Tanh)};
  addClassifier(config, spec, std::move(head), hidden, module + ".out_proj",
                /*defaultClasses=*/3);
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  llvm::StringRef model =
      architecture(config,
                   {"BartForConditionalGeneration", "BartModel",
                    "BartForSequenceClassification"},
                   warnings);
  EncoderDecoder stacks = readEncoderDecoder(config);
  addLearnedPositions(stacks.encoder);
  addLearnedPositions(stacks.decoder);
  addSharedModel(config, spec, std::move(stacks),
                 /*hasHead=*/model == "BartForConditionalGeneration");
  if (model == "BartForSequenceClassification")
    addClassificationHead(config, spec);
}

const Family &hf::bart() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"add_final_layer_norm", "false"},       {"extra_pos_embeddings", "2"},
      {"normalize_before", "false"},           {"normalize_embedding", "true"},
      {"static_position_embeddings", "false"},
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "bart",
      .fixedKeys = fixed,
      .build = build,
      .sharedKeysWithoutEffect = encoderDecoderKeysWithoutEffect,
      .defaultTokens = {
          .bos = 0, .eos = 2, .pad = 1, .decoderStart = 2, .forcedEos = 2}};
  return family;
}
