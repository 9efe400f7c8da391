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

static Block readBlock(ConfigReader &config, StringRef prefix, int64_t hidden,
                       double epsilon) {
  bool bias = config.flagOr("attention_bias", false);
  LlamaOptions options;
  options.prefix = prefix;
  options.biases = {bias, bias};
  options.feedForwardBias = config.flagOr("mlp_bias", false);
  Block block = llamaBlock(config, hidden, options);
  addLlamaNorms(block, hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"LlamaForCausalLM", "LlamaModel", "LlamaForQuestionAnswering",
       "LlamaForSequenceClassification", "LlamaForTokenClassification"},
      warnings);
  DecoderNames names;
  names.prefix = llamaPrefix(model);
  Stack stack = modelStack(config, /*defaultPositions=*/2048, names.prefix);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);
  stack.blocks =
      uniformBlocks(config.count("num_hidden_layers", maxLayers),
                    readBlock(config, names.prefix, stack.hidden, epsilon));
  stack.finalNorm = rmsNorm(names.prefix + "norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false, names);
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
  static constexpr Family family = {.modelType = "llama",
                                    .fixedKeys = fixed,
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.bos = 1, .eos = 2}};
  return family;
}
