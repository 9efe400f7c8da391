//===- TorchTransformer.cpp - model_type "torch_transformer" --------------===//
//
// torch.nn.Transformer, bare (vectors in and out) or with the embeddings and
// the generator of the 2017 paper around it (vanilla). Query, key and value
// rows stand on top of each other in one tensor.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Families.h"
#include "compiler/Import/hf/Parts.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

namespace {
/// What both stacks have in common.
struct Common {
  bool vanilla = false;
  std::string prefix; // of the tensors: "transformer." when vanilla
  int64_t hidden = 0;
  int64_t heads = 0;
  int64_t width = 0;
  bool bias = true;
  bool normFirst = false;
  bool scaleEmbedding = true;
  double epsilon = 0;
  Activation activation = Activation::Relu;
};
} // namespace

static Common readCommon(ConfigReader &config) {
  Common common;
  StringRef kind = config.string("kind");
  common.vanilla = kind == "vanilla";
  if (!common.vanilla && kind != "bare")
    config.fail("kind", "supported: bare, vanilla");
  common.prefix = common.vanilla ? "transformer." : "";
  common.hidden = config.count("d_model");
  common.heads = config.count("nhead", maxHeads);
  config.requireDivides("nhead", common.heads, "d_model", common.hidden);
  common.width = config.count("dim_feedforward");
  common.bias = config.flagOr("bias", true);
  common.normFirst = config.flagOr("norm_first", false);
  common.epsilon = config.positiveOr("layer_norm_eps", 1e-5);
  common.activation = config.activationOr("activation", "relu");
  return common;
}

static Attention mergedAttention(const Common &common, const std::string &name,
                                 bool causal) {
  int64_t hidden = common.hidden;
  Attention result = attention(hidden, common.heads, causal);
  Linear *projections[] = {&result.query, &result.key, &result.value};
  for (int64_t i = 0; i < 3; ++i) {
    Linear &projection = *projections[i];
    projection.inFeatures = hidden;
    projection.outFeatures = hidden;
    projection.weight = rows(name + ".in_proj_weight", {3 * hidden, hidden},
                             i * hidden, hidden);
    if (common.bias)
      projection.bias =
          rows(name + ".in_proj_bias", {3 * hidden}, i * hidden, hidden);
  }
  result.output = linear(name + ".out_proj", hidden, hidden, common.bias);
  return result;
}

static Block makeBlock(const Common &common, StackKind kind) {
  const std::string layer = common.prefix + nameOf(kind) + ".layers.{layer}";
  int64_t hidden = common.hidden;
  bool isDecoder = kind == StackKind::Decoder;
  auto norm = [&](const char *name) {
    return layerNorm(layer + name, hidden, common.epsilon, common.bias);
  };
  Block block;
  block.name = layer;
  block.placement = common.normFirst ? NormPlacement::Pre : NormPlacement::Post;
  block.attention = mergedAttention(common, layer + ".self_attn", isDecoder);
  block.attentionNorm = norm(".norm1");
  if (isDecoder) {
    block.crossAttention = mergedAttention(common, layer + ".multihead_attn",
                                           /*causal=*/false);
    block.crossAttentionNorm = norm(".norm2");
  }
  FeedForward &feedForward = block.feedForward;
  feedForward.width = common.width;
  feedForward.activation = common.activation;
  feedForward.up =
      linear(layer + ".linear1", hidden, common.width, common.bias);
  feedForward.down =
      linear(layer + ".linear2", common.width, hidden, common.bias);
  block.feedForwardNorm = norm(isDecoder ? ".norm3" : ".norm2");
  return block;
}

static Embedding readEmbedding(ConfigReader &config, const Common &common,
                               const std::string &side) {
  Embedding embedding;
  embedding.vocabulary = config.count(side + "_vocab_size", maxCount);
  embedding.tokens =
      tensor(side + "_embed.weight", {embedding.vocabulary, common.hidden});
  if (config.flagOr("scale_embedding", true))
    embedding.scale = std::sqrt(static_cast<double>(common.hidden));
  embedding.positions.kind = PositionKind::Sinusoidal;
  embedding.positions.order = SinusoidalOrder::Interleaved;
  if (config.stringOr("positions", "sinusoidal_interleaved") !=
      "sinusoidal_interleaved")
    config.fail("positions", "supported: sinusoidal_interleaved");
  return embedding;
}

static Stack readStack(ConfigReader &config, const Common &common,
                       StackKind kind) {
  const std::string side = nameOf(kind);
  Stack stack;
  stack.kind = kind;
  stack.hidden = common.hidden;
  stack.blocks =
      uniformBlocks(config.count("num_" + side + "_layers", maxLayers),
                    makeBlock(common, kind));
  if (config.flagOr("final_" + side + "_norm", true))
    stack.finalNorm = layerNorm(common.prefix + side + ".norm", common.hidden,
                                common.epsilon, common.bias);
  return stack;
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings) {
  Common common = readCommon(config);
  Stack encoder = readStack(config, common, StackKind::Encoder);
  encoder.input = common.vanilla ? "input_ids" : "src";
  encoder.output = "memory";
  Stack decoder = readStack(config, common, StackKind::Decoder);
  decoder.input = common.vanilla ? "decoder_input_ids" : "tgt";
  decoder.output = "output";
  if (common.vanilla) {
    encoder.embedding = readEmbedding(config, common, "src");
    decoder.embedding = readEmbedding(config, common, "tgt");
    spec.heads.push_back(languageModelHead(linear("generator", common.hidden,
                                                  decoder.embedding.vocabulary,
                                                  /*bias=*/true)));
  }
  spec.stacks.push_back(std::move(encoder));
  spec.stacks.push_back(std::move(decoder));
}

const Family &hf::torchTransformer() {
  static constexpr FixedKey fixed[] = {
      {"decoder_causal", "true"},
  };
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "architectures",
      "batch_first",
      "dropout",
  };
  // keep-sorted end
  static constexpr Family family = {"torch_transformer", fixed, withoutEffect,
                                    build};
  return family;
}
