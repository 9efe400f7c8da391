//===- GptNeoX.cpp - model_type "gpt_neox" --------------------------------===//
//
// Decoder whose attention and feed-forward read the same hidden states, each
// through a norm of its own, with rotary positions over a part of each head.
// Query, key and value lie beside each other head by head.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// Where the file has both names of a thing they must say the same.
static double readOlderName(ConfigReader &config, const char *older,
                            const char *newer, double fallback) {
  double value = config.positiveOr(older, fallback);
  const JsonValue *given = config.find(older);
  if (given && config.positiveOr(newer, value) != value)
    config.fail(newer, llvm::Twine("expected the value of \"") + older +
                           "\" (" + describe(*given) + ")");
  return value;
}

/// The theta and the rotated part have older names; either will do.
static Rotary readRotaryOfEitherName(ConfigReader &config, int64_t headDim) {
  double part =
      readOlderName(config, "rotary_pct", "partial_rotary_factor", 0.25);
  double theta = readOlderName(config, "rotary_emb_base", "rope_theta", 1e4);
  return readRotary(config, headDim, theta, part);
}

static Block readBlock(ConfigReader &config, int64_t hidden) {
  const std::string layer = "gpt_neox.layers.{layer}";
  double epsilon = config.positiveOr("layer_norm_eps", 1e-5);
  int64_t heads = config.count("num_attention_heads", maxHeads);
  config.requireDivides("num_attention_heads", heads, "hidden_size", hidden);
  bool bias = config.flagOr("attention_bias", true);

  Block block;
  block.name = layer;
  block.placement = config.flagOr("use_parallel_residual", true)
                        ? NormPlacement::Parallel
                        : NormPlacement::Pre;
  block.attention = attention(hidden, heads, /*causal=*/true);
  block.attention.rotary =
      readRotaryOfEitherName(config, block.attention.headDim);
  addInterleavedProjections(block.attention,
                            layer + ".attention.query_key_value", hidden, bias);
  block.attention.output =
      linear(layer + ".attention.dense", hidden, hidden, bias);
  block.attentionNorm = layerNorm(layer + ".input_layernorm", hidden, epsilon);
  block.feedForward = plainFeedForward(
      layer + ".mlp.dense_h_to_4h", layer + ".mlp.dense_4h_to_h", hidden,
      config.count("intermediate_size"),
      config.activationOr("hidden_act", "gelu"), /*bias=*/true);
  block.feedForwardNorm =
      layerNorm(layer + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"GPTNeoXForCausalLM", "GPTNeoXModel", "GPTNeoXForQuestionAnswering",
       "GPTNeoXForSequenceClassification", "GPTNeoXForTokenClassification"},
      warnings);
  int64_t hidden = config.count("hidden_size");
  Stack stack =
      decoderStack(hidden, config.count("vocab_size", maxCount),
                   config.countOr("max_position_embeddings", 2048, maxCount),
                   "gpt_neox.embed_in.weight");
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, hidden));
  stack.finalNorm = layerNorm("gpt_neox.final_layer_norm", hidden,
                              config.positiveOr("layer_norm_eps", 1e-5));

  DecoderNames names;
  names.prefix = "gpt_neox.";
  names.tokenHead = "classifier";
  names.head = "embed_out";
  addDecoder(config, spec, std::move(stack), model, names,
             /*defaultTied=*/false);
  for (const char *buffer :
       {"*.attention.bias", "*.attention.masked_bias", "*.rotary_emb.inv_freq"})
    spec.checkpoint.ignorable.push_back(buffer);
}

const Family &hf::gptNeox() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "attention_probs_dropout_prob", "classifier_dropout",
      "hidden_dropout",    "hidden_dropout_prob",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "gpt_neox",
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .note = "`rope_theta` and `partial_rotary_factor` count where the older "
              "names `rotary_emb_base` and `rotary_pct` are absent; transformers "
              "4.47 takes these names' defaults then",
      .defaultTokens = {.bos = 0, .eos = 2}};
  return family;
}
