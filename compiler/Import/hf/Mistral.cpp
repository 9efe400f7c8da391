//===- Mistral.cpp - model_type "mistral" ---------------------------------===//
//
// Llama with a window: each token sees only so many before it.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  LlamaOptions options;
  options.defaultKvHeads = 8;
  Block block = llamaBlock(config, hidden, options);
  block.attention.window = readWindow(config, /*defaultWindow=*/4096);
  addLlamaNorms(block, hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"MistralForCausalLM", "MistralModel", "MistralForQuestionAnswering",
       "MistralForSequenceClassification", "MistralForTokenClassification"},
      warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/131072);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-6);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  stack.finalNorm = rmsNorm("model.norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false);
}

const Family &hf::mistral() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"attention_bias", "false"},
      {"mlp_bias", "false"},
  };
  // keep-sorted end
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",      "max_sequence_length",
      "pretraining_tp",    "unsloth_fixed", "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {.modelType = "mistral",
                                    .fixedKeys = fixed,
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.bos = 1, .eos = 2}};
  return family;
}
