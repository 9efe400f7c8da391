//===- Bloom.cpp - model_type "bloom" -------------------------------------===//
//
// Pre-norm decoder with a norm behind the embedding and a bias on the scores
// that grows with the distance, in place of positions. Query, key and value lie
// beside each other head by head.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// The value of the one of two names that the file has.
static int64_t countOfEither(ConfigReader &config, StringRef preferred,
                             StringRef other, int64_t maximum) {
  if (!config.find(preferred))
    return config.count(other, maximum);
  config.markRead(other);
  return config.count(preferred, maximum);
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "transformer.h.{layer}";
  StringRef headsKey =
      config.find("num_attention_heads") ? "num_attention_heads" : "n_head";
  int64_t heads =
      countOfEither(config, "num_attention_heads", "n_head", maxHeads);
  config.requireDivides(headsKey, heads,
                        config.find("n_embed") ? "n_embed" : "hidden_size",
                        hidden);

  Block block;
  block.name = layer;
  block.attention = attention(hidden, heads, /*causal=*/true);
  block.attention.positionBias = PositionBias();
  addInterleavedProjections(block.attention,
                            layer + ".self_attention.query_key_value", hidden,
                            /*bias=*/true);
  block.attention.output =
      linear(layer + ".self_attention.dense", hidden, hidden, /*bias=*/true);
  block.attentionNorm = layerNorm(layer + ".input_layernorm", hidden, epsilon);
  // No key sets width or activation, which is the tanh form.
  block.feedForward = plainFeedForward(
      layer + ".mlp.dense_h_to_4h", layer + ".mlp.dense_4h_to_h", hidden,
      4 * hidden, Activation::GeluTanh, /*bias=*/true);
  block.feedForwardNorm =
      layerNorm(layer + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"BloomForCausalLM", "BloomModel", "BloomForQuestionAnswering",
       "BloomForSequenceClassification", "BloomForTokenClassification"},
      warnings);
  int64_t hidden = countOfEither(config, "n_embed", "hidden_size", maxFeatures);
  double epsilon = config.positiveOr("layer_norm_epsilon", 1e-5);
  Stack stack =
      decoderStack(hidden, config.count("vocab_size", maxCount),
                   /*maxPositions=*/0, "transformer.word_embeddings.weight");
  stack.embedding.norm =
      layerNorm("transformer.word_embeddings_layernorm", hidden, epsilon);
  stack.blocks = uniformBlocks(
      countOfEither(config, "num_hidden_layers", "n_layer", maxLayers),
      readBlock(config, hidden, epsilon));
  stack.finalNorm = layerNorm("transformer.ln_f", hidden, epsilon);

  DecoderNames names;
  names.prefix = "transformer.";
  names.tokenHead = "classifier";
  addDecoder(config, spec, std::move(stack), model, names,
             /*defaultTied=*/true);
}

const Family &hf::bloom() {
  static constexpr FixedKey fixed[] = {
      {"apply_residual_connection_post_layernorm", "false"},
  };
  // pretraining_tp and slow_but_exact choose an order of summation; the others
  // are of the program that trained the models.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout",
      "attention_softmax_in_fp32",
      "bias_dropout_fusion",
      "hidden_dropout",
      "masked_softmax_fusion",
      "n_inner",
      "offset_alibi",
      "pretraining_tp",
      "seq_length",
      "skip_bias_add",
      "skip_bias_add_qkv",
      "slow_but_exact",
      "unk_token_id",
  };
  // keep-sorted end
  static constexpr Family family = {.modelType = "bloom",
                                    .fixedKeys = fixed,
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.bos = 1, .eos = 2}};
  return family;
}
