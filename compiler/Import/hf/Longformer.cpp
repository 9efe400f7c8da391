//===- Longformer.cpp - model_type "longformer" ---------------------------===//
//
// Roberta whose queries see a window to either side and the global tokens,
// which the caller marks. These see everything, by projections of their own
// (Beltagy et al. 2020).
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

/// `attention_window`: keys that a query of each layer sees, half of them to
/// either side; one number for all layers, or one for each.
static std::vector<int64_t> readWindows(ConfigReader &config, int64_t layers) {
  const char *key = "attention_window";
  const JsonValue *given = config.find(key);
  if (!given || !given->isArray())
    return std::vector<int64_t>(layers, config.countOr(key, 512, maxCount));
  std::vector<int64_t> windows;
  for (const JsonValue &element : given->elements) {
    llvm::Expected<int64_t> window =
        config.source().asInteger(element, key, 1, maxCount);
    windows.push_back(window ? *window : 2);
    if (!window)
      config.record(window.takeError());
  }
  if (static_cast<int64_t>(windows.size()) != layers)
    config.fail(key, "expected one number, or " + Twine(layers) +
                         ", one for each layer");
  return windows;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "longformer.encoder.layer.{layer}";
  Block block = bertBlock(config, layer, hidden, epsilon);
  auto projection = [&](const char *name) {
    return linear(layer + ".attention.self." + name + "_global", hidden, hidden,
                  /*bias=*/true);
  };
  block.attention.marked = {projection("query"), projection("key"),
                            projection("value")};
  return block;
}

/// Layers of one window behind each other are one group.
static std::vector<BlockGroup> readBlocks(ConfigReader &config, int64_t hidden,
                                          double epsilon) {
  int64_t layers = config.count("num_hidden_layers", maxLayers);
  Block block = readBlock(config, hidden, epsilon);
  std::vector<BlockGroup> groups;
  for (int64_t window : readWindows(config, layers)) {
    if (window % 2 != 0)
      config.fail("attention_window",
                  "expected even numbers: half of it to either side");
    block.attention.mask = Mask::any({Mask::window(window / 2, window / 2),
                                      Mask::marked(MaskKind::MarkedKeys)});
    if (groups.empty() || !(groups.back().block == block))
      groups.push_back(
          {groups.empty() ? 0 : groups.back().first + groups.back().count, 0,
           block});
    ++groups.back().count;
  }
  return groups;
}

/// Tokens that are global where the caller names none: a classifier's first
/// one, and a question's: those before the first separator.
static Marks readMarks(ConfigReader &config, StringRef model) {
  Marks marks;
  marks.input = "global_attention_mask";
  if (model.ends_with("ForSequenceClassification"))
    marks.otherwise = MarkRule::First;
  if (model.ends_with("ForQuestionAnswering")) {
    marks.otherwise = MarkRule::Before;
    marks.token = readToken(config, "sep_token_id", /*fallback=*/2);
  }
  return marks;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"LongformerModel", "LongformerForMaskedLM",
                                  "LongformerForQuestionAnswering",
                                  "LongformerForSequenceClassification",
                                  "LongformerForTokenClassification"},
                                 warnings);
  int64_t hidden = config.count("hidden_size");
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);
  Stack stack =
      encoderStack(hidden,
                   bertEmbedding(config, "longformer.embeddings", hidden,
                                 epsilon, readFirstPosition(config)),
                   readBlocks(config, hidden, epsilon));
  stack.marks = readMarks(config, model);
  spec.checkpoint.optionalPrefixes = {"longformer."};
  addRobertaHead(config, spec, model, stack, "longformer.", epsilon);
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::longformer() {
  static constexpr FixedKey fixed[] = {
      {"position_embedding_type", "\"absolute\""},
  };
  // attention_mode and ignore_attention_mask are of the first program for
  // these models.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_mode",        "attention_probs_dropout_prob",
      "classifier_dropout",    "hidden_dropout_prob",
      "ignore_attention_mask", "onnx_export",
  };
  // keep-sorted end
  static constexpr Family family = {"longformer", fixed, withoutEffect, build};
  return family;
}
