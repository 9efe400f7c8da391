//===- Mpt.cpp - model_type "mpt" -----------------------------------------===//
//
// Pre-norm decoder without any biases but the one on the scores, which grows
// with the distance, in place of positions. Options that Hugging Face's class
// leaves aside (qk_ln, logit_scale) mean what they do in the models' own code.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Norm norm(const llvm::Twine &module, int64_t hidden, double epsilon) {
  return layerNorm(module, hidden, epsilon, /*bias=*/false);
}

/// A number, or a formula's name.
static double readLogitScale(ConfigReader &config, int64_t hidden) {
  const JsonValue *value = config.find("logit_scale");
  if (!value || !value->isString())
    return config.positiveOr("logit_scale", 1.0);
  if (value->text != "inv_sqrt_d_model")
    config.fail("logit_scale", "supported: a number over 0, "
                               "\"inv_sqrt_d_model\"");
  return 1.0 / std::sqrt(static_cast<double>(hidden));
}

static void requireFlag(ConfigReader &config, StringRef key, bool expected) {
  if (config.flagOr(key, expected) != expected)
    config.fail(key, expected ? "supported: true" : "supported: false");
}

/// `attn_config`. It was written as a configuration of its own, so it may hold
/// the keys that every configuration has.
static void readAttentionConfig(ConfigReader &config, Attention &attention,
                                const std::string &module, double epsilon) {
  requireFlag(config, "alibi", true);
  requireFlag(config, "attn_uses_sequence_id", false);
  requireFlag(config, "prefix_lm", false);
  requireFlag(config, "qk_gn", false);
  if (config.flagOr("qk_ln", false)) {
    int64_t width = attention.heads * attention.headDim;
    attention.queryNorm = norm(module + ".q_ln", width, epsilon);
    attention.keyNorm = norm(module + ".k_ln", width, epsilon);
  }
  requireFlag(config, "rope", false);
  if (config.positiveOr("alibi_bias_max", 8.0) != 8.0)
    config.fail("alibi_bias_max", "supported: 8");
  if (config.stringOr("attn_type", "multihead_attention") !=
      "multihead_attention")
    config.fail("attn_type", "supported: \"multihead_attention\"");
  readClip(config, attention);
  if (config.countOr("kv_n_heads", attention.heads) != attention.heads)
    config.fail("kv_n_heads", "supported: \"n_heads\" (" +
                                  llvm::Twine(attention.heads) + ")");
  attention.scale = config.positiveOr("softmax_scale", attention.scale);
  for (const char *key : {"attn_impl", "attn_pdrop"})
    config.markRead(key);
  for (const char *key : commonKeysWithoutEffect())
    config.markRead(key);
  for (const FixedKey &key : commonFixedKeys())
    config.markRead(key.key);
}

static Attention readAttention(ConfigReader &config, const llvm::Twine &module,
                               int64_t hidden, double epsilon) {
  std::string name = module.str();
  int64_t heads = config.count("n_heads", maxHeads);
  config.requireDivides("n_heads", heads, "d_model", hidden);
  Attention result = attention(hidden, heads, /*causal=*/true);
  result.positionBias = PositionBias();
  if (const JsonValue *value = config.find("attn_config")) {
    if (value->isObject()) {
      ConfigReader nested(config.source(), *value, "attn_config.");
      readAttentionConfig(nested, result, name, epsilon);
      config.absorb(std::move(nested));
    } else {
      config.fail("attn_config", "expected an object");
    }
  }
  addMergedProjections(result, name + ".Wqkv", hidden, /*bias=*/false);
  result.output = linear(name + ".out_proj", hidden, hidden, /*bias=*/false);
  return result;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "transformer.blocks.{layer}";
  Block block;
  block.name = layer;
  block.attention = readAttention(config, layer + ".attn", hidden, epsilon);
  block.attentionNorm = norm(layer + ".norm_1", hidden, epsilon);
  block.feedForward =
      plainFeedForward(layer + ".ffn.up_proj", layer + ".ffn.down_proj", hidden,
                       4 * hidden, Activation::Gelu, /*bias=*/false);
  block.feedForwardNorm = norm(layer + ".norm_2", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  // The models' own code spells the class with capitals.
  StringRef model =
      architecture(config,
                   {"MptForCausalLM", "MPTForCausalLM", "MptModel",
                    "MptForQuestionAnswering", "MptForSequenceClassification",
                    "MptForTokenClassification"},
                   warnings);
  StringRef kind = config.stringOr("norm_type", "low_precision_layernorm");
  if (kind != "low_precision_layernorm" && kind != "layernorm")
    config.fail("norm_type",
                "supported: \"low_precision_layernorm\", \"layernorm\"");
  int64_t hidden = config.count("d_model");
  double epsilon = config.positiveOr("layer_norm_epsilon", 1e-5);
  Stack stack = decoderStack(hidden, config.count("vocab_size", maxCount),
                             config.countOr("max_seq_len", 2048, maxCount),
                             "transformer.wte.weight");
  stack.blocks = uniformBlocks(config.count("n_layers", maxLayers),
                               readBlock(config, hidden, epsilon));
  stack.finalNorm = norm("transformer.norm_f", hidden, epsilon);

  DecoderNames names;
  names.prefix = "transformer.";
  names.tokenHead = "classifier";
  double scale = readLogitScale(config, hidden);
  HeadLayer *head = addDecoder(config, spec, std::move(stack), model, names,
                               /*defaultTied=*/true);
  if (head)
    head->scale = scale;
}

const Family &hf::mpt() {
  static constexpr FixedKey fixed[] = {
      {"no_bias", "true"},
  };
  // The feed-forward is four times as wide whatever expansion_ratio says;
  // learned_pos_emb means nothing where alibi stands in place of positions.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "auto_map",       "emb_pdrop",   "embedding_fraction", "expansion_ratio",
      "init_config",    "init_device", "learned_pos_emb",    "resid_pdrop",
      "tokenizer_name", "verbose",
  };
  // keep-sorted end
  static constexpr Family family = {
      "mpt",
      fixed,
      withoutEffect,
      build,
      /*sharedKeysWithoutEffect=*/{},
      /*buildTower=*/nullptr,
      "`logit_scale` and `attn_config.qk_ln` mean what they do in the models' "
      "own code; transformers 4.47 leaves them aside"};
  return family;
}
