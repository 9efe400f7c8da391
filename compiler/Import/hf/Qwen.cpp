//===- Qwen.cpp - model_type "qwen2" and "qwen3" --------------------------===//
//
// Llama with, perhaps, a window in the upper layers. Qwen2 has biases of query,
// key and value; qwen3 has RMS norms over each head of query and key.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block qwen2Block(ConfigReader &config, StringRef prefix, int64_t hidden,
                        double) {
  LlamaOptions options;
  options.prefix = prefix;
  options.biases.inputs = true;
  options.defaultKvHeads = 32;
  return llamaBlock(config, hidden, options);
}

static Block qwen3Block(ConfigReader &config, StringRef prefix, int64_t hidden,
                        double epsilon) {
  bool bias = config.flagOr("attention_bias", false);
  LlamaOptions options;
  options.prefix = prefix;
  options.biases = {bias, bias};
  options.defaultHeadDim = 128;
  options.defaultKvHeads = 32;
  Block block = llamaBlock(config, hidden, options);
  Attention &attention = block.attention;
  std::string module = block.name + ".self_attn";
  attention.queryNorm = rmsNorm(module + ".q_norm", attention.headDim, epsilon);
  attention.keyNorm = rmsNorm(module + ".k_norm", attention.headDim, epsilon);
  return block;
}

/// What both have in common around the block that `readBlock` gives.
static void addQwen(ConfigReader &config, ModelSpec &spec, StringRef model,
                    Block (*readBlock)(ConfigReader &, StringRef, int64_t,
                                       double),
                    std::vector<std::string> &warnings) {
  DecoderNames names;
  names.prefix = llamaPrefix(model);
  Stack stack = modelStack(config, /*defaultPositions=*/32768, names.prefix);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);
  Block block = readBlock(config, names.prefix, stack.hidden, epsilon);
  addLlamaNorms(block, stack.hidden, epsilon);
  stack.blocks = upperWindowedBlocks(config, block);
  stack.finalNorm = rmsNorm(names.prefix + "norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false, names);
}

static void buildQwen2(ConfigReader &config, ModelSpec &spec,
                       std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"Qwen2ForCausalLM", "Qwen2Model", "Qwen2ForQuestionAnswering",
       "Qwen2ForSequenceClassification", "Qwen2ForTokenClassification"},
      warnings);
  addQwen(config, spec, model, qwen2Block, warnings);
}

static void buildQwen3(ConfigReader &config, ModelSpec &spec,
                       std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"Qwen3ForCausalLM", "Qwen3Model", "Qwen3ForQuestionAnswering",
       "Qwen3ForSequenceClassification", "Qwen3ForTokenClassification"},
      warnings);
  addQwen(config, spec, model, qwen3Block, warnings);
}

static constexpr FixedKey fixed[] = {
    {"use_mrope", "false"},
};
// keep-sorted start
static constexpr const char *withoutEffect[] = {
    "attention_dropout", "auto_map",        "pretraining_tp",
    "unsloth_fixed",     "unsloth_version",
};
// keep-sorted end

const Family &hf::qwen2() {
  static constexpr Family family = {"qwen2", fixed, withoutEffect, buildQwen2};
  return family;
}

const Family &hf::qwen3() {
  static constexpr Family family = {"qwen3", fixed, withoutEffect, buildQwen3};
  return family;
}
