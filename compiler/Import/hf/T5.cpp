//===- T5.cpp - model_type "t5", "mt5" and "umt5" -------------------------===//
//
// Pre-norm encoder-decoder with RMS norms and no biases but one on the scores,
// by relative position, that all layers of a stack share; umt5's layers have
// one each.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Encoder.h"
#include "compiler/Import/hf/Families.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

namespace {
/// What the families do where their configurations say nothing.
struct Defaults {
  const char *feedForward;
  bool tied;
  bool sharedBias = true; // one table for all layers of a stack
};
} // namespace

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// The width of all heads together need not be the stack's; scores are not
/// scaled.
static Attention readAttention(ConfigReader &config, const Twine &module,
                               int64_t hidden, bool causal) {
  std::string name = module.str();
  Attention result;
  result.heads = config.count("num_heads", maxHeads);
  result.kvHeads = result.heads;
  result.headDim = config.countOr("d_kv", 64, maxHeads);
  result.causal = causal;
  int64_t width = result.heads * result.headDim;
  result.query = linear(name + ".q", hidden, width, /*bias=*/false);
  result.key = linear(name + ".k", hidden, width, /*bias=*/false);
  result.value = linear(name + ".v", hidden, width, /*bias=*/false);
  result.output = linear(name + ".o", width, hidden, /*bias=*/false);
  return result;
}

/// The first layer stores the table that all share.
static PositionBias readPositionBias(ConfigReader &config, StackKind kind,
                                     int64_t heads, bool shared) {
  PositionBias bias;
  bias.kind = PositionBiasKind::Relative;
  bias.buckets = config.countOr("relative_attention_num_buckets", 32);
  bias.maxDistance =
      config.countOr("relative_attention_max_distance", 128, maxCount);
  bias.bidirectional = kind == StackKind::Encoder;
  // Distances below it have buckets of their own; then the logarithm counts.
  int64_t exact = bias.buckets / (bias.bidirectional ? 4 : 2);
  if (exact < 1)
    config.fail("relative_attention_num_buckets", "expected at least 4");
  else if (bias.maxDistance <= exact)
    config.fail("relative_attention_max_distance",
                "expected more than " + Twine(exact) +
                    ", as so many distances have buckets of their own");
  bias.table =
      tensor(nameOf(kind) + Twine(".block.") + (shared ? "0" : "{layer}") +
                 ".layer.0.SelfAttention.relative_attention_bias.weight",
             {bias.buckets, heads});
  return bias;
}

/// feed_forward_proj names the form; dense_act_fn and is_gated_act repeat it in
/// newer files.
static FeedForward readFeedForward(ConfigReader &config, const Twine &module,
                                   int64_t hidden, const char *defaultForm) {
  const char *key = "feed_forward_proj";
  StringRef form = config.stringOr(key, defaultForm);
  StringRef name = form;
  bool gated = name.consume_front("gated-");
  // The gated form meant the tanh approximation before it had a name.
  std::optional<Activation> activation =
      ConfigReader::activationNamed(form == "gated-gelu" ? "gelu_new" : name);
  if (!activation) {
    config.fail(key, "supported: " + ConfigReader::activationNames() +
                         ", and each behind \"gated-\"");
    activation = Activation::Relu;
  }
  if (config.find("dense_act_fn"))
    activation = config.activationOr("dense_act_fn", "");
  gated = config.flagOr("is_gated_act", gated);

  FeedForward result;
  int64_t width = config.count("d_ff");
  std::string prefix = module.str();
  auto input = [&](const char *part) {
    return linear(prefix + part, hidden, width, /*bias=*/false);
  };
  result.width = width;
  result.activation = *activation;
  if (gated)
    result.gate = input(".wi_0");
  result.up = input(gated ? ".wi_1" : ".wi");
  result.down = linear(prefix + ".wo", width, hidden, /*bias=*/false);
  return result;
}

static Block readBlock(ConfigReader &config, StackKind kind, int64_t hidden,
                       double epsilon, const Defaults &defaults) {
  bool isDecoder = kind == StackKind::Decoder;
  Block block;
  block.name = std::string(nameOf(kind)) + ".block.{layer}";
  int64_t next = 0;
  auto subLayer = [&] {
    return block.name + ".layer." + std::to_string(next++);
  };
  std::string layer = subLayer();
  block.attention =
      readAttention(config, layer + ".SelfAttention", hidden, isDecoder);
  block.attention.positionBias = readPositionBias(
      config, kind, block.attention.heads, defaults.sharedBias);
  block.attentionNorm = rmsNorm(layer + ".layer_norm", hidden, epsilon);
  if (isDecoder) {
    layer = subLayer();
    block.crossAttention = readAttention(config, layer + ".EncDecAttention",
                                         hidden, /*causal=*/false);
    block.crossAttentionNorm = rmsNorm(layer + ".layer_norm", hidden, epsilon);
  }
  layer = subLayer();
  block.feedForward = readFeedForward(config, layer + ".DenseReluDense", hidden,
                                      defaults.feedForward);
  block.feedForwardNorm = rmsNorm(layer + ".layer_norm", hidden, epsilon);
  return block;
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

static Stack readStack(ConfigReader &config, StackKind kind,
                       const Defaults &defaults) {
  bool isDecoder = kind == StackKind::Decoder;
  double epsilon = config.positiveOr("layer_norm_epsilon", 1e-6);
  int64_t layers = config.count("num_layers", maxLayers);
  if (isDecoder)
    layers = config.countOr("num_decoder_layers", layers, maxLayers);

  Stack stack;
  stack.kind = kind;
  stack.hidden = config.count("d_model");
  stack.input = isDecoder ? "decoder_input_ids" : "input_ids";
  stack.output = isDecoder ? "last_hidden_state" : "encoder_last_hidden_state";
  stack.embedding.vocabulary = config.count("vocab_size", maxCount);
  stack.embedding.tokens =
      tensor("shared.weight", {stack.embedding.vocabulary, stack.hidden});
  stack.blocks = uniformBlocks(
      layers, readBlock(config, kind, stack.hidden, epsilon, defaults));
  stack.finalNorm =
      rmsNorm(nameOf(kind) + Twine(".final_layer_norm"), stack.hidden, epsilon);
  return stack;
}

/// The table of tokens as a head reads states that are scaled down.
static Head readHead(const Stack &decoder, bool tied) {
  const Embedding &embedding = decoder.embedding;
  Head head = languageModelHead(
      linear("lm_head", decoder.hidden, embedding.vocabulary, /*bias=*/false));
  if (tied) {
    HeadLayer &layer = head.layers.front();
    layer.linear->weight = *embedding.tokens;
    layer.scale = 1.0 / std::sqrt(static_cast<double>(decoder.hidden));
  }
  return head;
}

/// The encoder alone, of whose checkpoints some have the rest too.
static void addEncoder(ConfigReader &config, StringRef model, ModelSpec &spec,
                       Stack encoder) {
  for (const char *key : {"num_decoder_layers", "tie_word_embeddings"})
    config.markRead(key);
  for (const char *tensors : {"decoder.*", "lm_head.weight"})
    spec.checkpoint.ignorable.push_back(tensors);
  // What classifies tokens calls the encoder so.
  spec.checkpoint.optionalPrefixes = {"transformer."};
  addTokenHeads(config, spec, model, encoder.hidden);
  encoder.output = "last_hidden_state";
  spec.stacks.push_back(std::move(encoder));
}

static void describe(ConfigReader &config, StringRef model, ModelSpec &spec,
                     const Defaults &defaults) {
  Stack encoder = readStack(config, StackKind::Encoder, defaults);
  CheckpointRules &rules = spec.checkpoint;
  rules.suffixAliases = {{"shared.weight", "encoder.embed_tokens.weight"},
                         {"shared.weight", "decoder.embed_tokens.weight"}};
  // Old checkpoints have a table for cross-attention that was never read.
  rules.ignorable = {
      "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
      "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"};
  if (model.ends_with("EncoderModel") ||
      model.ends_with("ForTokenClassification"))
    return addEncoder(config, model, spec, std::move(encoder));
  Stack decoder = readStack(config, StackKind::Decoder, defaults);
  bool hasHead = model.ends_with("ForConditionalGeneration") ||
                 model.ends_with("WithLMHeadModel");
  bool tied = config.flagOr("tie_word_embeddings", defaults.tied);
  if (hasHead)
    spec.heads.push_back(readHead(decoder, tied));
  if (tied)
    rules.suffixAliases.push_back({"shared.weight", "lm_head.weight"});
  if (tied || !hasHead)
    rules.ignorable.push_back("lm_head.weight");
  spec.stacks.push_back(std::move(encoder));
  spec.stacks.push_back(std::move(decoder));
}

static void buildT5(ConfigReader &config, ModelSpec &spec,
                    std::vector<std::string> &warnings) {
  // T5WithLMHeadModel is the old name of the first.
  StringRef model =
      architecture(config,
                   {"T5ForConditionalGeneration", "T5Model", "T5EncoderModel",
                    "T5ForTokenClassification", "T5WithLMHeadModel"},
                   warnings);
  describe(config, model, spec, {"relu", /*tied=*/true});
}

static void buildMt5(ConfigReader &config, ModelSpec &spec,
                     std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config,
                   {"MT5ForConditionalGeneration", "MT5Model",
                    "MT5EncoderModel", "MT5ForTokenClassification"},
                   warnings);
  describe(config, model, spec, {"gated-gelu", /*tied=*/false});
}

static void buildUmt5(ConfigReader &config, ModelSpec &spec,
                      std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config,
                   {"UMT5ForConditionalGeneration", "UMT5Model",
                    "UMT5EncoderModel", "UMT5ForTokenClassification"},
                   warnings);
  describe(config, model, spec,
           {"gated-gelu", /*tied=*/true, /*sharedBias=*/false});
}

// n_positions is the length of the training texts: there is no limit.
// keep-sorted start
static constexpr const char *withoutEffect[] = {
    "classifier_dropout",
    "dropout_rate",
    "initializer_factor",
    "n_positions",
};
// keep-sorted end

const Family &hf::t5() {
  static constexpr Family family = {.modelType = "t5",
                                    .keysWithoutEffect = withoutEffect,
                                    .build = buildT5,
                                    .defaultTokens = {.eos = 1, .pad = 0}};
  return family;
}

const Family &hf::mt5() {
  static constexpr Family family = {
      .modelType = "mt5",
      .keysWithoutEffect = withoutEffect,
      .build = buildMt5,
      .defaultTokens = {.eos = 1, .pad = 0, .decoderStart = 0}};
  return family;
}

const Family &hf::umt5() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "classifier_dropout",
      "dropout_rate",
      "initializer_factor",
      "scalable_attention",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "umt5",
      .keysWithoutEffect = withoutEffect,
      .build = buildUmt5,
      .defaultTokens = {.eos = 1, .pad = 0, .decoderStart = 0}};
  return family;
}
