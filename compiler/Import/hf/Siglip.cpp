//===- Siglip.cpp - "siglip", "siglip_text_model", "siglip_vision_model" --===//
//
// All tokens of the text tower see each other; the text's vector is a linear of
// the last one. The image tower has patches alone and a norm behind the blocks;
// the image's vector is what a learned probe's attention to the patches gives,
// behind a feed-forward block.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "compiler/Import/hf/Towers.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static constexpr TowerTraits textTraits = {.hidden = 768,
                                           .width = 3072,
                                           .heads = 12,
                                           .epsilon = 1e-6,
                                           .activation = "gelu_pytorch_tanh",
                                           .vocabulary = 32000,
                                           .positions = 64};

static constexpr TowerTraits imageTraits = {.hidden = 768,
                                            .width = 3072,
                                            .heads = 12,
                                            .epsilon = 1e-6,
                                            .activation = "gelu_pytorch_tanh",
                                            .patchSize = 16,
                                            .patchBias = true};

static constexpr const char *towerWithoutEffect[] = {"attention_dropout"};

//===----------------------------------------------------------------------===//
// Towers
//===----------------------------------------------------------------------===//

/// Texts are padded to all positions, without a mask: the last token is the
/// last row.
static void addText(ConfigReader &config, ModelSpec &spec, StringRef output) {
  Stack stack = textTower(config, textTraits);
  int64_t features = config.countOr("projection_size", stack.hidden);
  Head head;
  head.output = output.str();
  head.rows = RowSelection::Last;
  head.layers = {headLayer(
      linear("text_model.head", stack.hidden, features, /*bias=*/true))};
  spec.heads.push_back(std::move(head));
  spec.stacks.push_back(std::move(stack));
}

/// Query, key and value are one tensor, as torch's MultiheadAttention has them.
static AttentionPool readPool(const Stack &stack, const Norm &like) {
  const std::string module = "vision_model.head";
  int64_t hidden = stack.hidden;
  const Block &block = stack.blocks.front().block;
  AttentionPool pool;
  pool.probe = tensor(module + ".probe", {1, 1, hidden});
  pool.attention = attention(hidden, block.attention.heads, /*causal=*/false);
  Linear *inputs[] = {&pool.attention.query, &pool.attention.key,
                      &pool.attention.value};
  const std::string merged = module + ".attention.in_proj_";
  for (int64_t i = 0; i < 3; ++i) {
    Linear &input = *inputs[i];
    input.inFeatures = input.outFeatures = hidden;
    input.weight =
        rows(merged + "weight", {3 * hidden, hidden}, i * hidden, hidden);
    input.bias = rows(merged + "bias", {3 * hidden}, i * hidden, hidden);
  }
  pool.attention.output =
      linear(module + ".attention.out_proj", hidden, hidden, /*bias=*/true);
  pool.norm = layerNorm(module + ".layernorm", hidden, like.epsilon);
  pool.feedForward =
      plainFeedForward(module + ".mlp.fc1", module + ".mlp.fc2", hidden,
                       block.feedForward.width, block.feedForward.activation,
                       /*bias=*/true);
  return pool;
}

static Stack readImages(ConfigReader &config) {
  Stack stack = imageTower(config, imageTraits);
  stack.finalNorm = imageTowerNorm(config, imageTraits, stack.hidden);
  return stack;
}

static void addImage(ConfigReader &config, ModelSpec &spec, StringRef output) {
  Stack stack = readImages(config);
  if (config.flagOr("vision_use_head", true)) {
    Head head;
    head.output = output.str();
    head.pools.emplace_back().attention = readPool(stack, *stack.finalNorm);
    spec.heads.push_back(std::move(head));
  } else {
    spec.checkpoint.ignorable.push_back("vision_model.head.*");
  }
  spec.stacks.push_back(std::move(stack));
}

static void buildText(ConfigReader &config, ModelSpec &spec,
                      std::vector<std::string> &warnings) {
  architecture(config, {"SiglipTextModel"}, warnings);
  spec.checkpoint.ignorable = {"*.position_ids"};
  addText(config, spec, "pooler_output");
}

static void buildImage(ConfigReader &config, ModelSpec &spec,
                       std::vector<std::string> &warnings) {
  architecture(config, {"SiglipVisionModel"}, warnings);
  spec.checkpoint.ignorable = {"*.position_ids"};
  addImage(config, spec, "pooler_output");
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings, StringRef tower) {
  StringRef model = architecture(
      config, {"SiglipModel", "SiglipForImageClassification"}, warnings);
  TowerSide side = chooseTower(config, tower, model);
  bool ofText = side == TowerSide::Text;
  spec.checkpoint.ignorable = {"*.position_ids", "logit_bias", "logit_scale",
                               ofText ? "vision_model.*" : "text_model.*"};
  readTower(config, side, /*hasOldKeys=*/false, towerWithoutEffect,
            [&](ConfigReader &part) {
              if (ofText)
                return addText(part, spec, "text_embeds");
              if (model == "SiglipModel")
                return addImage(part, spec, "image_embeds");
              part.markRead("vision_use_head");
              spec.checkpoint.ignorable.push_back("vision_model.head.*");
              Stack stack = readImages(part);
              addPatchClassifier(config, spec, stack.hidden, /*firstPatch=*/0);
              spec.stacks.push_back(std::move(stack));
            });
}

const Family &hf::siglip() {
  static constexpr const char *withoutEffect[] = {"initializer_factor"};
  static constexpr Family family = {"siglip",
                                    {},
                                    withoutEffect,
                                    /*build=*/nullptr,
                                    /*sharedKeysWithoutEffect=*/{},
                                    build};
  return family;
}

const Family &hf::siglipText() {
  static constexpr Family family = {
      "siglip_text_model", {}, towerWithoutEffect, buildText};
  return family;
}

const Family &hf::siglipVision() {
  static constexpr Family family = {
      "siglip_vision_model", {}, towerWithoutEffect, buildImage};
  return family;
}
