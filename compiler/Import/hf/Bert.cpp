//===- Bert.cpp - model_type "bert" ---------------------------------------===//
//
// Post-norm encoder with learned positions and token types.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Families.h"
#include "compiler/Import/hf/Parts.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "bert.encoder.layer.{layer}";
  int64_t heads = config.count("num_attention_heads", maxHeads);
  config.requireDivides("num_attention_heads", heads, "hidden_size", hidden);

  Block block;
  block.name = layer;
  block.placement = NormPlacement::Post;
  Attention &self = block.attention;
  self = attention(hidden, heads, /*causal=*/false);
  std::string inputs = layer + ".attention.self";
  self.query = linear(inputs + ".query", hidden, hidden, /*bias=*/true);
  self.key = linear(inputs + ".key", hidden, hidden, /*bias=*/true);
  self.value = linear(inputs + ".value", hidden, hidden, /*bias=*/true);
  std::string output = layer + ".attention.output";
  self.output = linear(output + ".dense", hidden, hidden, /*bias=*/true);
  block.attentionNorm = layerNorm(output + ".LayerNorm", hidden, epsilon);

  FeedForward &feedForward = block.feedForward;
  int64_t width = config.count("intermediate_size");
  feedForward.width = width;
  feedForward.activation = config.activationOr("hidden_act", "gelu");
  feedForward.up =
      linear(layer + ".intermediate.dense", hidden, width, /*bias=*/true);
  feedForward.down =
      linear(layer + ".output.dense", width, hidden, /*bias=*/true);
  block.feedForwardNorm =
      layerNorm(layer + ".output.LayerNorm", hidden, epsilon);
  return block;
}

static Embedding readEmbedding(ConfigReader &config, int64_t hidden,
                               double epsilon) {
  const std::string module = "bert.embeddings";
  Embedding embedding;
  embedding.vocabulary = config.count("vocab_size", maxCount);
  embedding.tokens = tensor(module + ".word_embeddings.weight",
                            {embedding.vocabulary, hidden});
  embedding.tokenTypes = config.countOr("type_vocab_size", 2);
  embedding.tokenTypeTable = tensor(module + ".token_type_embeddings.weight",
                                    {embedding.tokenTypes, hidden});
  embedding.positions = learnedPositions(
      module + ".position_embeddings.weight",
      config.count("max_position_embeddings", maxCount), hidden);
  embedding.norm = layerNorm(module + ".LayerNorm", hidden, epsilon);
  return embedding;
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

static HeadLayer pooler(int64_t hidden) {
  return {linear("bert.pooler.dense", hidden, hidden, /*bias=*/true),
          Activation::Tanh, std::nullopt};
}

static Head poolerHead(int64_t hidden) {
  Head head;
  head.output = "pooler_output";
  head.rows = RowSelection::First;
  head.layers.push_back(pooler(hidden));
  return head;
}

static Head classifierHead(int64_t hidden, int64_t classes) {
  Head head;
  head.output = "logits";
  head.rows = RowSelection::First;
  head.layers.push_back(pooler(hidden));
  head.layers.push_back({linear("classifier", hidden, classes, /*bias=*/true),
                         std::nullopt, std::nullopt});
  return head;
}

static Head maskedLmHead(const Stack &stack, double epsilon, bool tied) {
  const std::string module = "cls.predictions";
  int64_t hidden = stack.hidden;
  int64_t vocabulary = stack.embedding.vocabulary;
  HeadLayer transform;
  transform.linear =
      linear(module + ".transform.dense", hidden, hidden, /*bias=*/true);
  transform.activation = stack.blocks.front().block.feedForward.activation;
  transform.norm = layerNorm(module + ".transform.LayerNorm", hidden, epsilon);
  Linear decoder =
      linear(module + ".decoder", hidden, vocabulary, /*bias=*/false);
  if (tied)
    decoder.weight = *stack.embedding.tokens;
  decoder.bias = tensor(module + ".bias", {vocabulary});

  Head head = languageModelHead(std::move(decoder));
  head.layers.insert(head.layers.begin(), std::move(transform));
  return head;
}

/// Adds the head of `model` and names the tensors of the other heads, which
/// checkpoints may carry along.
static void readHead(ConfigReader &config, StringRef model, const Stack &stack,
                     double epsilon, ModelSpec &spec,
                     std::vector<std::string> &warnings) {
  std::vector<std::string> &ignorable = spec.checkpoint.ignorable;
  bool tied = config.flagOr("tie_word_embeddings", true);
  if (model == "BertForMaskedLM") {
    spec.heads.push_back(maskedLmHead(stack, epsilon, tied));
    ignorable.push_back(tied ? "cls.predictions.decoder.*"
                             : "cls.predictions.decoder.bias");
    ignorable.push_back("cls.seq_relationship.*");
    ignorable.push_back("*pooler.dense.*");
    return;
  }
  ignorable.push_back("cls.*");
  if (model == "BertModel") {
    spec.heads.push_back(poolerHead(stack.hidden));
    return;
  }
  spec.labels = classLabels(config);
  spec.heads.push_back(classifierHead(stack.hidden, spec.labels.size()));
  StringRef problem =
      config.stringOr("problem_type", "single_label_classification");
  if (problem != "single_label_classification")
    warnings.push_back("\"problem_type\" is \"" + escapeForDisplay(problem) +
                       "\": the logits are the same, but probabilities are "
                       "given as for a single label");
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config, {"BertModel", "BertForMaskedLM", "BertForSequenceClassification"},
      warnings);
  int64_t hidden = config.count("hidden_size");
  double epsilon = config.positiveOr("layer_norm_eps", 1e-12);

  Stack stack;
  stack.kind = StackKind::Encoder;
  stack.hidden = hidden;
  stack.input = "input_ids";
  stack.output = "last_hidden_state";
  stack.embedding = readEmbedding(config, hidden, epsilon);
  stack.maxPositions = stack.embedding.positions.count;
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, hidden, epsilon));

  spec.checkpoint.optionalPrefixes = {"bert."};
  spec.checkpoint.suffixAliases = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                   {"LayerNorm.bias", "LayerNorm.beta"}};
  spec.checkpoint.ignorable = {"*.position_ids"};
  readHead(config, model, stack, epsilon, spec, warnings);
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
