//===- Llama.cpp - model_type "llama" -------------------------------------===//
//
// Pre-norm decoder with RMS norms, rotary positions, gated feed-forward and
// grouped key and value heads.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, int64_t hidden) {
  const std::string layer = "model.layers.{layer}";
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);
  Block block;
  block.name = layer;
  block.attention = groupedAttention(config, hidden);
  block.attention.rotary = readRotary(config, block.attention.headDim);
  bool bias = config.flagOr("attention_bias", false);
  addProjections(block.attention, layer + ".self_attn", hidden, {bias, bias});
  block.attentionNorm = rmsNorm(layer + ".input_layernorm", hidden, epsilon);
  block.feedForward = gatedFeedForward(
      layer + ".mlp", hidden, config.count("intermediate_size"),
      config.activationOr("hidden_act", "silu"),
      config.flagOr("mlp_bias", false));
  block.feedForwardNorm =
      rmsNorm(layer + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config, {"LlamaForCausalLM", "LlamaModel"}, warnings);
  int64_t hidden = config.count("hidden_size");
  Stack stack =
      decoderStack(hidden, config.count("vocab_size", maxCount),
                   config.countOr("max_position_embeddings", 2048, maxCount),
                   "model.embed_tokens.weight");
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, hidden));
  stack.finalNorm =
      rmsNorm("model.norm", hidden, config.positiveOr("rms_norm_eps", 1e-6));

  DecoderNames names;
  names.prefix = "model.";
  addDecoder(spec, std::move(stack), names,
             /*hasHead=*/model == "LlamaForCausalLM",
             config.flagOr("tie_word_embeddings", false));
  spec.checkpoint.ignorable.push_back("*.rotary_emb.inv_freq");
}

const Family &hf::llama() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"rope_interleaved", "false"},
  };
  // keep-sorted end
  // pretraining_tp splits matrix products over devices: the same mathematics.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "is_llama_config", "max_sequence_length",
      "pretraining_tp",    "unsloth_fixed",   "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {"llama", fixed, withoutEffect, build};
  return family;
}
