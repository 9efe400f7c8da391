//===- Qwen2.cpp - model_type "qwen2" -------------------------------------===//
//
// Llama with biases of query, key and value, and perhaps a window in the upper
// layers.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  LlamaOptions options;
  options.biases.inputs = true;
  options.defaultKvHeads = 32;
  Block block = llamaBlock(config, hidden, options);
  block.attentionNorm =
      rmsNorm(block.name + ".input_layernorm", hidden, epsilon);
  block.feedForwardNorm =
      rmsNorm(block.name + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config, {"Qwen2ForCausalLM", "Qwen2Model"}, warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/32768);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);
  stack.blocks =
      upperWindowedBlocks(config, readBlock(config, stack.hidden, epsilon));
  stack.finalNorm = rmsNorm("model.norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack),
           /*hasHead=*/model == "Qwen2ForCausalLM", /*defaultTied=*/false);
}

const Family &hf::qwen2() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"use_mrope", "false"},
  };
  // keep-sorted end
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",        "pretraining_tp",
      "unsloth_fixed",     "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {"qwen2", fixed, withoutEffect, build};
  return family;
}
