//===- Phi3.cpp - model_type "phi3" ---------------------------------------===//
//
// Llama that stores query, key and value in one tensor, and gate and up in
// another; perhaps with a window.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// Gate and up are the two halves of a [2 * width, hidden] tensor.
static FeedForward readFeedForward(ConfigReader &config,
                                   const std::string &module, int64_t hidden) {
  int64_t width = config.count("intermediate_size");
  FeedForward result = plainFeedForward(
      module + ".gate_up_proj", module + ".down_proj", hidden, width,
      config.activationOr("hidden_act", "silu"), /*bias=*/false);
  Weight &up = result.up.weight;
  up = rows(up.tensor, {2 * width, hidden}, width, width);
  result.gate = result.up;
  result.gate->weight.begin = 0;
  return result;
}

/// In this family "yarn" is a former name of longrope.
static void refuseYarn(ConfigReader &config) {
  for (StringRef key : {"rope_scaling", "rope_parameters"}) {
    const JsonValue *value = config.find(key);
    if (!value || !value->isObject())
      continue;
    ConfigReader scaling(config.source(), *value, key.str() + ".");
    for (StringRef kind : {"type", "rope_type"})
      if (scaling.stringOr(kind, "") == "yarn" && !scaling.find("short_factor"))
        scaling.fail(kind,
                     "supported: default, dynamic, linear, llama3, longrope");
    config.record(scaling.takeError());
  }
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  Block block;
  block.name = "model.layers.{layer}";
  Attention &attention = block.attention;
  attention = groupedAttention(config, hidden);
  refuseYarn(config);
  attention.rotary = readRotary(config, attention.headDim,
                                /*defaultTheta=*/10000.0, /*defaultPart=*/1.0);
  attention.window = readWindow(config, /*defaultWindow=*/0);
  addMergedProjections(attention, block.name + ".self_attn.qkv_proj", hidden,
                       /*bias=*/false);
  attention.output =
      linear(block.name + ".self_attn.o_proj",
             attention.heads * attention.headDim, hidden, /*bias=*/false);
  block.attentionNorm =
      rmsNorm(block.name + ".input_layernorm", hidden, epsilon);
  block.feedForward = readFeedForward(config, block.name + ".mlp", hidden);
  block.feedForwardNorm =
      rmsNorm(block.name + ".post_attention_layernorm", hidden, epsilon);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model = architecture(config,
                                 {"Phi3ForCausalLM", "Phi3Model",
                                  "Phi3ForSequenceClassification",
                                  "Phi3ForTokenClassification"},
                                 warnings);
  Stack stack = modelStack(config, /*defaultPositions=*/4096);
  double epsilon = config.positiveOr("rms_norm_eps", 1e-5);
  stack.blocks = uniformBlocks(config.count("num_hidden_layers", maxLayers),
                               readBlock(config, stack.hidden, epsilon));
  // Transformers forgets the cache where the long factors begin to hold.
  if (const Rotary &rotary = *stack.blocks.front().block.attention.rotary;
      rotary.scaling == RopeScalingKind::LongRope)
    stack.recomputeLength = rotary.originalMaxPositions + 1;
  stack.finalNorm = rmsNorm("model.norm", stack.hidden, epsilon);
  DecoderNames names;
  names.tokenHead = "classifier";
  addModel(config, spec, std::move(stack), model, /*defaultTied=*/false, names);
}

const Family &hf::phi3() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"attention_bias", "false"}, {"full_attn_mod", "1"},
      {"interpolate_factor", "1"}, {"lm_head_bias", "false"},
      {"mlp_bias", "false"},
  };
  // keep-sorted end
  // The original length matters to longrope only.
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout", "auto_map",
      "embd_pdrop",        "original_max_position_embeddings",
      "pretraining_tp",    "resid_pdrop",
      "unsloth_fixed",     "unsloth_version",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "phi3",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 1, .eos = 32000, .pad = 32000}};
  return family;
}
