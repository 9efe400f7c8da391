//===- Opt.cpp - model_type "opt" -----------------------------------------===//
//
// Decoder with learned positions that start at row 2 of their table. Its norms
// stand before the sub-blocks, or behind them in the 350M model, whose table of
// tokens is also narrower than its layers.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

/// No key sets the epsilon.
static Norm readNorm(ConfigReader &config, const Twine &module,
                     int64_t hidden) {
  Norm norm = layerNorm(module, hidden, 1e-5);
  if (!config.flagOr("layer_norm_elementwise_affine", true)) {
    norm.gain.reset();
    norm.bias.reset();
  }
  return norm;
}

static Block readBlock(ConfigReader &config, int64_t hidden) {
  const std::string layer = "model.decoder.layers.{layer}";
  int64_t heads = config.count("num_attention_heads", maxHeads);
  config.requireDivides("num_attention_heads", heads, "hidden_size", hidden);
  bool bias = config.flagOr("enable_bias", true);

  Block block;
  block.name = layer;
  block.placement = config.flagOr("do_layer_norm_before", true)
                        ? NormPlacement::Pre
                        : NormPlacement::Post;
  block.attention = attention(hidden, heads, /*causal=*/true);
  addProjections(block.attention, layer + ".self_attn", hidden, {bias, bias},
                 "out_proj");
  block.attentionNorm =
      readNorm(config, layer + ".self_attn_layer_norm", hidden);
  block.feedForward = plainFeedForward(
      layer + ".fc1", layer + ".fc2", hidden, config.count("ffn_dim"),
      config.activationOr("activation_function", "relu"), bias);
  block.feedForwardNorm = readNorm(config, layer + ".final_layer_norm", hidden);
  return block;
}

static Stack readStack(ConfigReader &config) {
  constexpr int64_t firstPosition = 2;
  int64_t hidden = config.count("hidden_size");
  Stack stack =
      decoderStack(hidden, config.count("vocab_size", maxCount),
                   config.countOr("max_position_embeddings", 2048, maxCount),
                   "model.decoder.embed_tokens.weight");
  Embedding &embedding = stack.embedding;
  embedding.positions =
      learnedPositions("model.decoder.embed_positions.weight",
                       stack.maxPositions, hidden, firstPosition);
  embedding.positions.byToken = true;
  int64_t width = config.countOr("word_embed_proj_dim", hidden);
  if (width != hidden) {
    embedding.width = width;
    embedding.tokens = tensor("model.decoder.embed_tokens.weight",
                              {embedding.vocabulary, width});
    embedding.tokenProjection =
        linear("model.decoder.project_in", width, hidden, /*bias=*/false);
  }
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, hidden));
  bool isPre = config.flagOr("do_layer_norm_before", true);
  if (!config.flagOr("_remove_final_layer_norm", false) && isPre)
    stack.finalNorm =
        readNorm(config, "model.decoder.final_layer_norm", hidden);
  return stack;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config,
                   {"OPTForCausalLM", "OPTModel", "OPTForQuestionAnswering",
                    "OPTForSequenceClassification"},
                   warnings);
  Stack stack = readStack(config);
  int64_t hidden = stack.hidden;
  int64_t width = stack.embedding.width;
  if (width) // the family's name is of what project_out gives
    stack.output = "unprojected_hidden_state";

  DecoderNames names;
  addDecoder(config, spec, std::move(stack), model, names,
             /*defaultTied=*/true);
  if (!width)
    return;
  HeadLayer projection;
  projection.linear =
      linear("model.decoder.project_out", hidden, width, /*bias=*/false);
  for (Head &head : spec.heads)
    head.layers.insert(head.layers.begin(), projection);
  Head projected;
  projected.output = "last_hidden_state";
  projected.layers = {projection};
  spec.heads.push_back(std::move(projected));
}

const Family &hf::opt() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "activation_dropout", "attention_dropout", "dropout",
      "init_std",           "layerdrop",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "opt",
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 2, .eos = 2, .pad = 1}};
  return family;
}
