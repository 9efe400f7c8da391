//===- BigBird.cpp - model_type "big_bird" --------------------------------===//
//
// Bert whose queries see blocks of keys: those beside their own, the first and
// the last one; tokens of these two see everything. The random blocks are those
// of evaluation in transformers: all are the first block, which so counts
// several times. Sequences that are hardly longer than what a query sees are
// seen whole. Of a question and its context, the first separator ends the
// question, whose tokens, but the first, are no part of an answer.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// `num_random_blocks` may be 0.
static int64_t readRandomBlocks(ConfigReader &config) {
  const JsonValue *value = config.find("num_random_blocks");
  if (!value)
    return 3;
  llvm::Expected<int64_t> blocks = config.source().asInteger(
      *value, "num_random_blocks", /*minimum=*/0, maxFeatures);
  if (blocks)
    return *blocks;
  config.record(blocks.takeError());
  return 3;
}

static void addSparseMask(ConfigReader &config, Attention &attention) {
  int64_t block = config.countOr("block_size", 64);
  int64_t random = readRandomBlocks(config);
  StringRef type = config.stringOr("attention_type", "block_sparse");
  if (type == "original_full")
    return;
  if (type != "block_sparse")
    return config.fail("attention_type",
                       "supported: block_sparse, original_full");
  Mask isShort =
      Mask::counting(MaskKind::ShortLength, (5 + 2 * random) * block);
  Mask firstKeys = Mask::counting(MaskKind::FirstKeys, block);
  Mask firstQueries = Mask::counting(MaskKind::FirstQueries, block);
  Mask lastQueries = Mask::lastBlock(MaskKind::LastQueries, block);
  attention.mask =
      Mask::any({isShort, firstKeys, firstQueries,
                 Mask::lastBlock(MaskKind::LastKeys, block), lastQueries,
                 Mask::window(/*behind=*/1, /*ahead=*/1, block)});
  if (random)
    attention.repeated = {
        Mask::all({firstKeys, Mask::negate(firstQueries),
                   Mask::negate(lastQueries), Mask::negate(isShort)}),
        1 + random};
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  Block block =
      bertBlock(config, "bert.encoder.layer.{layer}", hidden, epsilon);
  block.feedForward.activation = config.activationOr("hidden_act", "gelu_new");
  Attention &attention = block.attention;
  if (!config.flagOr("use_bias", true))
    for (Linear *linear : {&attention.query, &attention.key, &attention.value})
      linear->bias.reset();
  addSparseMask(config, attention);
  return block;
}

/// A feed-forward block of its own, then the two numbers of a token; those of
/// the question are lowered out of the way.
static void addQuestionHeads(ConfigReader &config, Stack &stack, double epsilon,
                             ModelSpec &spec) {
  const std::string module = "qa_classifier";
  int64_t hidden = stack.hidden;
  int64_t separator = readToken(config, "sep_token_id", /*fallback=*/66);
  stack.embedding.typeSeparator = separator;
  HeadLayer layer;
  layer.feedForward =
      encoderFeedForward(config, module + ".intermediate.dense",
                         module + ".output.dense", hidden, "gelu_new");
  layer.norm = layerNorm(module + ".output.LayerNorm", hidden, epsilon);
  Head head;
  head.layers = {std::move(layer)};
  head.segmentOffset = {separator, /*offset=*/-1e6};
  addSpanHeads(spec, head, hidden, module + ".qa_outputs");
}

/// Adds the head of `model` and names the tensors of the other heads, which
/// checkpoints may carry along.
static void readHead(ConfigReader &config, StringRef model, Stack &stack,
                     double epsilon, ModelSpec &spec) {
  std::vector<std::string> &ignorable = spec.checkpoint.ignorable;
  Activation activation = stack.blocks.front().block.feedForward.activation;
  int64_t hidden = stack.hidden;
  bool tied = config.flagOr("tie_word_embeddings", true);
  Head pooler = poolerHead("bert.pooler", hidden);
  bool isPreTraining = model == "BigBirdForPreTraining";
  if (model == "BigBirdForMaskedLM" || isPreTraining) {
    addMaskedLmHead(spec, stack,
                    {"cls.predictions.transform.dense",
                     "cls.predictions.transform.LayerNorm",
                     "cls.predictions.decoder", "cls.predictions.bias"},
                    activation, epsilon, tied);
    if (isPreTraining)
      return addPairHead(spec, std::move(pooler), "seq_relationship_logits",
                         "cls.seq_relationship", /*classes=*/2);
    ignorable.push_back("cls.seq_relationship.*");
  } else {
    ignorable.push_back("cls.*");
  }
  if (model == "BigBirdModel")
    spec.heads.push_back(std::move(pooler));
  else
    ignorable.push_back("*pooler.*");
  if (model == "BigBirdForQuestionAnswering")
    return addQuestionHeads(config, stack, epsilon, spec);
  addTokenHeads(config, spec, model, hidden);
  if (model == "BigBirdForSequenceClassification")
    addClassifier(
        config, spec,
        headLayer(linear("classifier.dense", hidden, hidden, /*bias=*/true),
                  activation),
        "classifier.out_proj");
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"BigBirdModel", "BigBirdForMaskedLM", "BigBirdForPreTraining",
       "BigBirdForQuestionAnswering", "BigBirdForSequenceClassification",
       "BigBirdForTokenClassification"},
      warnings);
  int64_t hidden = config.count("hidden_size");
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);
  Stack stack = encoderStack(
      hidden, bertEmbedding(config, "bert.embeddings", hidden, epsilon),
      config.count("num_hidden_layers", maxLayers),
      readBlock(config, hidden, epsilon));
  if (config.flagOr("rescale_embeddings", false))
    stack.embedding.scale = std::sqrt(static_cast<double>(hidden));

  spec.checkpoint.optionalPrefixes = {"bert."};
  spec.checkpoint.ignorable = {"*.position_ids", "*.token_type_ids"};
  readHead(config, model, stack, epsilon, spec);
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::bigBird() {
  static constexpr FixedKey fixed[] = {
      {"position_embedding_type", "\"absolute\""},
  };
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_probs_dropout_prob",
      "classifier_dropout",
      "hidden_dropout_prob",
  };
  // keep-sorted end
  static constexpr Family family = {"big_bird", fixed, withoutEffect, build};
  return family;
}
