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
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);
  bool bias = config.flagOr("attention_bias", false);
  LlamaOptions options;
  options.biases = {bias, bias};
  options.feedForwardBias = config.flagOr("mlp_bias", false);
  Block block = llamaBlock(config, hidden, options);
  addLlamaNorms(block, hidden, epsilon);
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
