//===- GptJ.cpp - model_type "gptj" ---------------------------------------===//
//
// Decoder whose attention and feed-forward read the same norm of the hidden
// states, with interleaved rotary positions over a part of each head.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

/// null turns the whole head, by angles of "n_embd" features: for one head.
static Rotary readInterleavedRotary(ConfigReader &config, int64_t heads,
                                    int64_t headDim) {
  Rotary rotary;
  rotary.interleaved = true;
  bool whole = saysNull(config, "rotary_dim");
  rotary.dimensions = config.countOr("rotary_dim", whole ? headDim : 64);
  if (whole && heads > 1)
    config.fail("rotary_dim",
                "expected a number, as \"n_head\" is " + llvm::Twine(heads));
  if (rotary.dimensions > headDim || rotary.dimensions % 2 != 0)
    config.fail("rotary_dim", "expected an even number up to the size of a "
                              "head, " +
                                  llvm::Twine(headDim));
  return rotary;
}

static Block readBlock(ConfigReader &config, int64_t hidden, double epsilon) {
  const std::string layer = "transformer.h.{layer}";
  int64_t heads = config.count("n_head", maxHeads);
  config.requireDivides("n_head", heads, "n_embd", hidden);

  Block block;
  block.name = layer;
  block.placement = NormPlacement::Parallel;
  block.attention = attention(hidden, heads, /*causal=*/true);
  block.attention.rotary =
      readInterleavedRotary(config, heads, block.attention.headDim);
  addProjections(block.attention, layer + ".attn", hidden, {}, "out_proj");
  block.attentionNorm = layerNorm(layer + ".ln_1", hidden, epsilon);
  block.feedForward = plainFeedForward(
      layer + ".mlp.fc_in", layer + ".mlp.fc_out", hidden,
      config.countOr("n_inner", 4 * hidden),
      config.activationOr("activation_function", "gelu_new"), /*bias=*/true);
  return block;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  StringRef model =
      architecture(config,
                   {"GPTJForCausalLM", "GPTJModel", "GPTJForQuestionAnswering",
                    "GPTJForSequenceClassification"},
                   warnings);
  int64_t hidden = config.count("n_embd");
  double epsilon = config.positiveOr("layer_norm_epsilon", 1e-5);
  Stack stack = decoderStack(hidden, config.count("vocab_size", maxCount),
                             config.countOr("n_positions", 2048, maxCount),
                             "transformer.wte.weight");
  stack.blocks = uniformBlocks(config.count("n_layer", maxLayers),
                               readBlock(config, hidden, epsilon));
  stack.finalNorm = layerNorm("transformer.ln_f", hidden, epsilon);

  DecoderNames names;
  names.prefix = "transformer.";
  names.headBias = true;
  addDecoder(config, spec, std::move(stack), model, names,
             /*defaultTied=*/false);
  for (const char *buffer :
       {"*.attn.bias", "*.attn.masked_bias", "*.attn.embed_positions"})
    spec.checkpoint.ignorable.push_back(buffer);
}

const Family &hf::gptj() {
  // keep-sorted start
  static constexpr FixedKey fixed[] = {
      {"rotary", "true"},
      {"scale_attn_weights", "true"},
  };
  static constexpr const char *withoutEffect[] = {
      "attn_pdrop",
      "embd_pdrop",
      "n_ctx",
      "resid_pdrop",
      "summary_activation",
      "summary_first_dropout",
      "summary_proj_to_labels",
      "summary_type",
      "summary_use_proj",
  };
  // keep-sorted end
  static constexpr Family family = {
      .modelType = "gptj",
      .fixedKeys = fixed,
      .keysWithoutEffect = withoutEffect,
      .build = build,
      .defaultTokens = {.bos = 50256, .eos = 50256}};
  return family;
}
