//===- ModernBert.cpp - model_type "modernbert" ---------------------------===//
//
// Pre-norm encoder with rotary positions, gated feed-forward and norms without
// biases. Every few layers attention goes over the whole sequence, in between
// only to near tokens, each kind with frequencies of its own.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

namespace {
/// What all layers have in common.
struct Common {
  int64_t hidden, width;
  double epsilon;
  Attention attention; // of a layer over the whole sequence
  Activation activation;
  bool attentionBias, mlpBias, normBias;
};
} // namespace

static Common readCommon(ConfigReader &config) {
  Common common;
  common.hidden = config.count("hidden_size");
  common.width = config.count("intermediate_size");
  common.epsilon = config.positiveOr("norm_eps", 1e-5);
  common.attention = encoderAttention(config, common.hidden);
  common.activation = config.activationOr("hidden_activation", "gelu");
  common.attentionBias = config.flagOr("attention_bias", false);
  common.mlpBias = config.flagOr("mlp_bias", false);
  common.normBias = config.flagOr("norm_bias", false);
  if (common.attention.headDim % 2)
    config.fail("num_attention_heads",
                "expected an even head_dim, as positions are rotary");
  return common;
}

/// One module holds the gate's rows, then the up projection's.
static FeedForward feedForwardOf(const Common &common, std::string module) {
  FeedForward result =
      plainFeedForward(module + ".Wi", module + ".Wo", common.hidden,
                       common.width, common.activation, common.mlpBias);
  result.gate = result.up;
  Linear *halves[] = {&*result.gate, &result.up};
  for (int64_t i = 0; i < 2; ++i) {
    Linear &half = *halves[i];
    half.weight = rows(module + ".Wi.weight", {2 * common.width, common.hidden},
                       i * common.width, common.width);
    if (half.bias)
      half.bias = rows(module + ".Wi.bias", {2 * common.width},
                       i * common.width, common.width);
  }
  return result;
}

/// The first layer reads what the embedding's norm gives: it has none.
static Block blockOf(const Common &common, bool isFirst, int64_t window,
                     double theta) {
  const std::string layer = "model.layers.{layer}";
  Block block;
  block.name = layer;
  block.attention = common.attention;
  block.attention.window = window;
  block.attention.rotary.emplace();
  block.attention.rotary->dimensions = common.attention.headDim;
  block.attention.rotary->theta = theta;
  addMergedProjections(block.attention, layer + ".attn.Wqkv", common.hidden,
                       common.attentionBias);
  block.attention.output = linear(layer + ".attn.Wo", common.hidden,
                                  common.hidden, common.attentionBias);
  if (!isFirst)
    block.attentionNorm = layerNorm(layer + ".attn_norm", common.hidden,
                                    common.epsilon, common.normBias);
  block.feedForward = feedForwardOf(common, layer + ".mlp");
  block.feedForwardNorm = layerNorm(layer + ".mlp_norm", common.hidden,
                                    common.epsilon, common.normBias);
  return block;
}

static std::vector<BlockGroup> readBlocks(ConfigReader &config,
                                          const Common &common) {
  int64_t every = config.countOr("global_attn_every_n_layers", 3, maxLayers);
  // Half of it to each side.
  int64_t window = config.countOr("local_attention", 128, maxCount) / 2 + 1;
  double globalTheta = config.positiveOr("global_rope_theta", 160000.0);
  // null is not absence here.
  double localTheta = config.positiveOr(
      "local_rope_theta",
      saysNull(config, "local_rope_theta") ? globalTheta : 10000.0);
  return groupBlocks(config.count("num_hidden_layers", maxLayers),
                     [&](int64_t layer) {
                       bool isGlobal = layer % every == 0;
                       return blockOf(common, layer == 0, isGlobal ? 0 : window,
                                      isGlobal ? globalTheta : localTheta);
                     });
}

/// What every head begins with.
static HeadLayer readTransform(ConfigReader &config, const Common &common) {
  bool bias = config.flagOr("classifier_bias", false);
  return headLayer(
      linear("head.dense", common.hidden, common.hidden, bias),
      config.activationOr("classifier_activation", "gelu"),
      layerNorm("head.norm", common.hidden, common.epsilon, common.normBias));
}

static void addMaskedLm(ConfigReader &config, ModelSpec &spec,
                        const Common &common, const Stack &stack) {
  HeadLayer transform = readTransform(config, common);
  Linear decoder = linear("decoder", common.hidden, stack.embedding.vocabulary,
                          config.flagOr("decoder_bias", true));
  if (config.flagOr("tie_word_embeddings", true)) {
    decoder.weight = *stack.embedding.tokens;
    spec.checkpoint.ignorable.push_back("decoder.weight");
  }
  Head head = languageModelHead(std::move(decoder));
  head.layers.insert(head.layers.begin(), std::move(transform));
  spec.heads.push_back(std::move(head));
}

/// Classes of texts, by the first token or the mean of all, or of tokens.
static void addClasses(ConfigReader &config, ModelSpec &spec,
                       const Common &common, bool ofTokens) {
  Head head;
  head.layers = {readTransform(config, common)};
  StringRef pooling = config.stringOr("classifier_pooling", "cls");
  if (!ofTokens && pooling == "cls")
    head.rows = RowSelection::First;
  else if (!ofTokens && pooling == "mean")
    head.pools.resize(1);
  else if (!ofTokens)
    config.fail("classifier_pooling", "supported: cls, mean");
  addClassifier(config, spec, std::move(head), common.hidden, "classifier");
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"ModernBertForMaskedLM", "ModernBertModel",
                                  "ModernBertForSequenceClassification",
                                  "ModernBertForTokenClassification"},
                                 warnings);
  Common common = readCommon(config);
  Embedding embedding;
  embedding.vocabulary = config.count("vocab_size", maxCount);
  embedding.tokens = tensor("model.embeddings.tok_embeddings.weight",
                            {embedding.vocabulary, common.hidden});
  embedding.norm = layerNorm("model.embeddings.norm", common.hidden,
                             common.epsilon, common.normBias);

  Stack stack;
  stack.kind = StackKind::Encoder;
  stack.hidden = common.hidden;
  stack.maxPositions = config.count("max_position_embeddings", maxCount);
  stack.input = "input_ids";
  stack.output = "last_hidden_state";
  stack.embedding = std::move(embedding);
  stack.blocks = readBlocks(config, common);
  stack.finalNorm = layerNorm("model.final_norm", common.hidden, common.epsilon,
                              common.normBias);
  spec.checkpoint.optionalPrefixes = {"model."};
  if (model == "ModernBertForMaskedLM")
    addMaskedLm(config, spec, common, stack);
  else if (model.ends_with("Classification"))
    addClasses(config, spec, common, model.ends_with("ForTokenClassification"));
  else
    spec.checkpoint.ignorable = {"head.*", "decoder.*"};
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::modernbert() {
  static constexpr FixedKey fixed[] = {
      {"position_embedding_type", "\"absolute\""},
  };
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout",
      "classifier_activation",
      "classifier_bias",
      "classifier_dropout",
      "classifier_pooling",
      "cls_token_id",
      "decoder_bias",
      "deterministic_flash_attn",
      "embedding_dropout",
      "gradient_checkpointing",
      "initializer_cutoff_factor",
      "layer_norm_eps",
      "mlp_dropout",
      "reference_compile",
      "repad_logits_with_grad",
      "sparse_pred_ignore_index",
      "sparse_prediction",
      "tie_word_embeddings",
  };
  // keep-sorted end
  static constexpr Family family = {"modernbert", fixed, withoutEffect, build};
  return family;
}
