//===- Falcon.cpp - model_type "falcon" -----------------------------------===//
//
// Decoder in three shapes: one key head for all queries and one norm for both
// sub-blocks (7B), grouped key heads with a norm for each sub-block (40B), and
// as many key heads as query heads with a bias by distance (RW).
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

static bool isNewArchitecture(ConfigReader &config) {
  return config.flagOr("new_decoder_architecture", false);
}

/// Key heads count in the new architecture; the old one has one or all.
static int64_t readKeyHeads(ConfigReader &config, int64_t heads) {
  int64_t keyHeads = config.countOr("num_kv_heads", heads, maxHeads);
  if (isNewArchitecture(config)) {
    config.markRead("multi_query");
    config.requireDivides("num_kv_heads", keyHeads, "num_attention_heads",
                          heads);
    return keyHeads;
  }
  if (config.flagOr("multi_query", true))
    return 1;
  if (keyHeads != heads)
    config.fail("num_kv_heads",
                "supported: \"num_attention_heads\" (" + Twine(heads) +
                    "), as \"new_decoder_architecture\" is false");
  return heads;
}

static Attention readAttention(ConfigReader &config, const Twine &module,
                               int64_t hidden) {
  int64_t heads = config.count("num_attention_heads", maxHeads);
  config.requireDivides("num_attention_heads", heads,
                        config.find("n_embed") ? "n_embed" : "hidden_size",
                        hidden);
  bool bias = config.flagOr("bias", false);
  std::string name = module.str();
  Attention result = attention(hidden, heads, /*causal=*/true);
  result.kvHeads = readKeyHeads(config, heads);
  // The bias is added to scores that are not scaled yet.
  if (config.flagOr("alibi", false)) {
    result.positionBias = PositionBias();
    result.positionBias->scale = result.scale;
    for (StringRef key :
         {"head_dim", "rope_parameters", "rope_scaling", "rope_theta"})
      config.markRead(key);
  } else {
    result.rotary = readRotary(config, result.headDim);
  }
  // One key head for all queries is the same thing by key head.
  addInterleavedProjections(result, name + ".query_key_value", hidden, bias);
  result.output = linear(name + ".dense", hidden, hidden, bias);
  return result;
}

static void addNorms(ConfigReader &config, Block &block, int64_t hidden,
                     double epsilon) {
  bool isNew = isNewArchitecture(config);
  int64_t norms = config.countOr("num_ln_in_parallel_attn", isNew ? 2 : 1);
  if (norms > (isNew ? 2 : 1))
    config.fail("num_ln_in_parallel_attn",
                isNew ? "supported: 1, 2"
                      : "supported: 1, as \"new_decoder_architecture\" is "
                        "false");
  std::string layer = block.name;
  if (!config.flagOr("parallel_attn", true)) {
    if (isNew)
      config.fail("parallel_attn",
                  "supported: true, as \"new_decoder_architecture\" is true");
    block.placement = NormPlacement::Pre;
    block.attentionNorm =
        layerNorm(layer + ".input_layernorm", hidden, epsilon);
    block.feedForwardNorm =
        layerNorm(layer + ".post_attention_layernorm", hidden, epsilon);
    return;
  }
  block.placement = NormPlacement::Parallel;
  if (norms == 1) {
    block.attentionNorm =
        layerNorm(layer + ".input_layernorm", hidden, epsilon);
    return;
  }
  block.attentionNorm = layerNorm(layer + ".ln_attn", hidden, epsilon);
  block.feedForwardNorm = layerNorm(layer + ".ln_mlp", hidden, epsilon);
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  Block block;
  block.name = "transformer.h.{layer}";
  block.attention =
      readAttention(config, block.name + ".self_attention", hidden);
  block.feedForward = plainFeedForward(
      block.name + ".mlp.dense_h_to_4h", block.name + ".mlp.dense_4h_to_h",
      hidden, config.countOr("ffn_hidden_size", 4 * hidden),
      config.activationOr("activation", "gelu"), config.flagOr("bias", false));
  addNorms(config, block, hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"FalconForCausalLM", "FalconModel", "FalconForQuestionAnswering",
       "FalconForSequenceClassification", "FalconForTokenClassification"},
      warnings);
  StringRef hiddenKey = config.find("n_embed") ? "n_embed" : "hidden_size";
  config.markRead("hidden_size");
  int64_t hidden = config.count(hiddenKey);
  double epsilon = config.positiveOr("layer_norm_epsilon", 1e-5);
  int64_t positions = config.countOr("max_position_embeddings", 2048, maxCount);
  // The length is a property of rotary positions alone.
  if (config.flagOr("alibi", false))
    positions = 0;
  Stack stack = decoderStack(hidden, config.count("vocab_size", maxCount),
                             positions, "transformer.word_embeddings.weight");
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, hidden, epsilon));
  stack.finalNorm = layerNorm("transformer.ln_f", hidden, epsilon);

  DecoderNames names;
  names.prefix = "transformer.";
  names.tokenHead = "classifier";
  addDecoder(config, spec, std::move(stack), model, names,
             /*defaultTied=*/true);
  spec.checkpoint.ignorable.push_back("*.rotary_emb.inv_freq");
}

const Family &hf::falcon() {
  static constexpr FixedKey fixed[] = {
      {"apply_residual_connection_post_layernorm", "false"},
  };
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout",
      "auto_map",
      "hidden_dropout",
  };
  // keep-sorted end
  static constexpr Family family = {.modelType = "falcon",
                                    .fixedKeys = fixed,
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.bos = 11, .eos = 11}};
  return family;
}
