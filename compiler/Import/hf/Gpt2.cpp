//===- Gpt2.cpp - model_type "gpt2" ---------------------------------------===//
//
// Pre-norm decoder with learned positions. Its linear layers store [in, out],
// and one of them holds query, key and value beside each other.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::Twine;

/// Columns [begin, begin + out) of a module stored as [in, storedOut].
static Linear transposedLinear(const Twine &module, int64_t in,
                               int64_t storedOut, int64_t begin, int64_t out) {
  Linear result;
  result.inFeatures = in;
  result.outFeatures = out;
  int64_t count = out == storedOut ? 0 : out;
  result.weight = rows(module + ".weight", {in, storedOut}, begin, count);
  result.weight.transposed = true;
  result.bias = rows(module + ".bias", {storedOut}, begin, count);
  return result;
}

static Linear transposedLinear(const Twine &module, int64_t in, int64_t out) {
  return transposedLinear(module, in, out, /*begin=*/0, out);
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "transformer.h.{layer}";
  int64_t heads = config.count("n_head", maxHeads);
  config.requireDivides("n_head", heads, "n_embd", hidden);

  Block block;
  block.name = layer;
  block.placement = NormPlacement::Pre;
  block.attention = attention(hidden, heads, /*causal=*/true);
  if (!config.flagOr("scale_attn_weights", true))
    block.attention.scale = 1.0;
  std::string merged = layer + ".attn.c_attn";
  Linear *projections[] = {&block.attention.query, &block.attention.key,
                           &block.attention.value};
  for (int64_t i = 0; i < 3; ++i)
    *projections[i] =
        transposedLinear(merged, hidden, 3 * hidden, i * hidden, hidden);
  block.attention.output =
      transposedLinear(layer + ".attn.c_proj", hidden, hidden);
  block.attentionNorm = layerNorm(layer + ".ln_1", hidden, epsilon);

  FeedForward &feedForward = block.feedForward;
  feedForward.width = config.countOr("n_inner", 4 * hidden);
  feedForward.activation =
      config.activationOr("activation_function", "gelu_new");
  feedForward.up =
      transposedLinear(layer + ".mlp.c_fc", hidden, feedForward.width);
  feedForward.down =
      transposedLinear(layer + ".mlp.c_proj", feedForward.width, hidden);
  block.feedForwardNorm = layerNorm(layer + ".ln_2", hidden, epsilon);
  return block;
}

/// Layers differ only where the scores are divided by the layer's number.
static std::vector<BlockGroup> layers(int64_t count, const Block &block,
                                      bool scaleByInverseIndex) {
  if (!scaleByInverseIndex)
    return uniformBlocks(count, block);
  std::vector<BlockGroup> groups;
  for (int64_t layer = 0; layer < count; ++layer) {
    groups.push_back({layer, /*count=*/1, block});
    groups.back().block.attention.scale /= static_cast<double>(layer + 1);
  }
  return groups;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  llvm::StringRef model = architecture(
      config,
      {"GPT2LMHeadModel", "GPT2Model", "GPT2ForQuestionAnswering",
       "GPT2ForSequenceClassification", "GPT2ForTokenClassification"},
      warnings);
  int64_t hidden = config.count("n_embd");
  int64_t positions = config.count("n_positions", maxCount);
  double epsilon = config.positiveOr("layer_norm_epsilon", 1e-5);

  Stack stack = decoderStack(hidden, config.count("vocab_size", maxCount),
                             positions, "transformer.wte.weight");
  stack.embedding.positions =
      learnedPositions("transformer.wpe.weight", positions, hidden);
  Block block = readBlock(config, hidden, epsilon);
  stack.blocks =
      layers(config.count("n_layer", maxLayers), block,
             config.flagOr("scale_attn_by_inverse_layer_idx", false));
  stack.finalNorm = layerNorm("transformer.ln_f", hidden, epsilon);

  spec.checkpoint.ignorable = {"*.attn.bias", "*.attn.masked_bias"};
  DecoderNames names;
  names.prefix = "transformer.";
  names.tokenHead = "classifier";
  addDecoder(config, spec, std::move(stack), model, names,
             /*defaultTied=*/true);
}

const Family &hf::gpt2() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attn_pdrop",
      "embd_pdrop",
      "n_ctx",
      "predict_special_tokens",
      "reorder_and_upcast_attn",
      "resid_pdrop",
      "summary_activation",
      "summary_first_dropout",
      "summary_proj_to_labels",
      "summary_type",
      "summary_use_proj",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "gpt2",
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 50256, .eos = 50256}};
  return family;
}
