//===- ClipVision.cpp - "clip_vision_model", "siglip_vision_model" --------===//
//
// The towers that read images. clip: a class token, a norm in front of the
// blocks; the image's embedding is a projection of the normalized class token.
// siglip: patches alone, a norm behind the blocks.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Families.h"
#include "compiler/Import/hf/Vision.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static Embedding readEmbedding(ConfigReader &config, int64_t hidden,
                               bool isClip) {
  const std::string embeddings = "vision_model.embeddings";
  ImageDefaults defaults;
  defaults.patchSize = isClip ? 32 : 16;
  Embedding embedding;
  embedding.patches = readPatches(config, embeddings + ".patch_embedding",
                                  hidden, /*bias=*/!isClip, defaults);
  if (isClip)
    embedding.patches->prefix = {
        tensor(embeddings + ".class_embedding", {hidden})};
  embedding.positions = imagePositions(
      embeddings + ".position_embedding.weight", *embedding.patches, hidden);
  return embedding;
}

static Stack readStack(ConfigReader &config, int64_t hidden, double epsilon,
                       bool isClip) {
  return imageStack(hidden, readEmbedding(config, hidden, isClip),
                    config.countOr("num_hidden_layers", 12, maxLayers),
                    towerBlock(config, hidden, epsilon,
                               isClip ? "quick_gelu" : "gelu_pytorch_tanh"));
}

static void buildClip(ConfigReader &config, ModelSpec &spec,
                      std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config, {"CLIPVisionModelWithProjection", "CLIPVisionModel"}, warnings);
  int64_t hidden = config.countOr("hidden_size", 768);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-5);
  Stack stack = readStack(config, hidden, epsilon, /*isClip=*/true);
  stack.embedding.norm =
      layerNorm("vision_model.pre_layrnorm", hidden, epsilon);
  spec.checkpoint.ignorable = {"*.position_ids"};

  HeadLayer norm;
  norm.norm = layerNorm("vision_model.post_layernorm", hidden, epsilon);
  int64_t features = config.countOr("projection_dim", 512);
  if (model == "CLIPVisionModelWithProjection") {
    HeadLayer projection = headLayer(
        linear("visual_projection", hidden, features, /*bias=*/false));
    spec.heads.push_back(firstTokenHead(
        "image_embeds", {std::move(norm), std::move(projection)}));
  } else {
    spec.heads.push_back(firstTokenHead("pooler_output", {std::move(norm)}));
    spec.checkpoint.ignorable.push_back("visual_projection.weight");
  }
  spec.stacks.push_back(std::move(stack));
}

static void buildSiglip(ConfigReader &config, ModelSpec &spec,
                        std::vector<std::string> &warnings) {
  architecture(config, {"SiglipVisionModel"}, warnings);
  int64_t hidden = config.countOr("hidden_size", 768);
  double epsilon = config.positiveOr("layer_norm_eps", 1e-6);
  Stack stack = readStack(config, hidden, epsilon, /*isClip=*/false);
  stack.finalNorm = layerNorm("vision_model.post_layernorm", hidden, epsilon);
  if (config.flagOr("vision_use_head", true))
    config.fail("vision_use_head",
                "supported: false (attention pooling is not)",
                "set it to false for last_hidden_state alone");
  spec.checkpoint.ignorable = {"*.position_ids", "vision_model.head.*"};
  spec.stacks.push_back(std::move(stack));
}

const Family &hf::clipVision() {
  // keep-sorted start
  static constexpr const char *withoutEffect[] = {
      "attention_dropout",
      "dropout",
      "initializer_factor",
  };
  // keep-sorted end
  static constexpr Family family = {
      "clip_vision_model", {}, withoutEffect, buildClip};
  return family;
}

const Family &hf::siglipVision() {
  static constexpr const char *withoutEffect[] = {"attention_dropout"};
  static constexpr Family family = {
      "siglip_vision_model", {}, withoutEffect, buildSiglip};
  return family;
}
