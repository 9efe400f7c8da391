//===- Mixtral.cpp - model_type "mixtral" ---------------------------------===//
//
// Mistral with experts: of several gated feed-forward blocks each token goes
// through those whose router logits are the largest (Jiang et al. 2024).
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;
using llvm::Twine;

static FeedForward readExperts(ConfigReader &config, const Twine &module,
                               int64_t hidden) {
  int64_t width = config.count("intermediate_size");
  std::string expert = (module + ".experts.{expert}").str();
  FeedForward feedForward;
  feedForward.width = width;
  feedForward.activation = config.activationOr("hidden_act", "silu");
  feedForward.gate = linear(expert + ".w1", hidden, width, /*bias=*/false);
  feedForward.up = linear(expert + ".w3", hidden, width, /*bias=*/false);
  feedForward.down = linear(expert + ".w2", width, hidden, /*bias=*/false);
  Experts &experts = feedForward.experts.emplace();
  experts.count = config.countOr("num_local_experts", 8, maxExperts);
  experts.topK = config.countOr("num_experts_per_tok", 2, maxExperts);
  if (experts.topK > experts.count)
    config.fail("num_experts_per_tok",
                "expected at most \"num_local_experts\" (" +
                    Twine(experts.count) + ")");
  experts.renormalize = true;
  experts.router =
      linear(module + ".gate", hidden, experts.count, /*bias=*/false);
  return feedForward;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  LlamaOptions options;
  options.defaultKvHeads = 8;
  options.defaultTheta = 1000000.0;
  Block block = llamaAttentionBlock(config, hidden, options);
  block.attention.window = readWindow(config, /*defaultWindow=*/0);
  block.feedForward =
      readExperts(config, block.name + ".block_sparse_moe", hidden);
  addLlamaNorms(block, hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config,
      {"MixtralForCausalLM", "MixtralModel", "MixtralForQuestionAnswering",
       "MixtralForSequenceClassification", "MixtralForTokenClassification"},
      warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/131072);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-5);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  stack.finalNorm = rmsNorm("model.norm", stack.hidden, epsilon);
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false);
}

const Family &hf::mixtral() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"attention_bias", "false"},
      {"mlp_bias", "false"},
  };
  // keep-sorted end
  // What the router says of itself, its loss and its jitter are for training.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout",    "auto_map",       "max_sequence_length",
      "output_router_logits", "pretraining_tp", "router_aux_loss_coef",
      "router_jitter_noise",  "unsloth_fixed",  "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {.modelType = "mixtral",
                                    .fixedKeys = fixed,
                                    .keysWithoutEffect = withoutEffect,
                                    .build = build,
                                    .defaultTokens = {.bos = 1, .eos = 2}};
  return family;
}
