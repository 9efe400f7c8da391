//===- Clip.cpp - "clip", "clip_text_model" and "clip_vision_model" -------===//
//
// Tokens of the text tower see those before them; the text's vector is a
// projection of its end token. The image tower has a class token and a norm in
// front of the blocks; the image's vector is a projection of the normalized
// class token.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Towers.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

static constexpr TowerTraits textTraits = {.hidden = 512,
                                           .width = 2048,
                                           .heads = 8,
                                           .epsilon = 1e-5,
                                           .activation = "quick_gelu",
                                           .causal = true,
                                           .vocabulary = 49408,
                                           .positions = 77};

static constexpr TowerTraits imageTraits = {.hidden = 768,
                                            .width = 3072,
                                            .heads = 12,
                                            .epsilon = 1e-5,
                                            .activation = "quick_gelu",
                                            .patchSize = 32,
                                            .classToken = true,
                                            .preNorm = "pre_layrnorm"};

// keep-sorted start
static constexpr const char *towerWithoutEffect[] = {
    "attention_dropout",
    "dropout",
    "initializer_factor",
};
// keep-sorted end

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

/// The end token's row. Old configurations say 2 where the vocabulary's last id
/// ends a text.
static Head endTokenHead(ConfigReader &config, StringRef output) {
  Head head;
  head.output = output.str();
  int64_t token = config.countOr("eos_token_id", 49407, maxCount);
  head.rows = token == 2 ? RowSelection::HighestToken : RowSelection::Token;
  head.token = token == 2 ? 0 : token;
  return head;
}

static Head textHead(ConfigReader &config, int64_t hidden, int64_t features) {
  Head head = endTokenHead(config, "text_embeds");
  head.layers = {
      headLayer(linear("text_projection", hidden, features, /*bias=*/false))};
  return head;
}

static Head imageHead(Norm norm, int64_t hidden, int64_t features) {
  HeadLayer first;
  first.norm = std::move(norm);
  HeadLayer projection =
      headLayer(linear("visual_projection", hidden, features, /*bias=*/false));
  return firstTokenHead("image_embeds",
                        {std::move(first), std::move(projection)});
}

//===----------------------------------------------------------------------===//
// One tower
//===----------------------------------------------------------------------===//

static void buildText(ConfigReader &config, ModelSpec &spec,
                      std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config, {"CLIPTextModelWithProjection", "CLIPTextModel"}, warnings);
  Stack stack = textTower(config, textTraits);
  spec.checkpoint.ignorable = {"*.position_ids"};
  int64_t features = config.countOr("projection_dim", 512);
  if (model == "CLIPTextModelWithProjection") {
    spec.heads.push_back(textHead(config, stack.hidden, features));
  } else {
    spec.heads.push_back(endTokenHead(config, "pooler_output"));
    spec.checkpoint.ignorable.push_back("text_projection.weight");
  }
  spec.stacks.push_back(std::move(stack));
}

static void buildImage(ConfigReader &config, ModelSpec &spec,
                       std::vector<std::string> &warnings) {
  StringRef model = architecture(
      config, {"CLIPVisionModelWithProjection", "CLIPVisionModel"}, warnings);
  Stack stack = imageTower(config, imageTraits);
  Norm norm = imageTowerNorm(config, imageTraits, stack.hidden);
  spec.checkpoint.ignorable = {"*.position_ids"};
  int64_t features = config.countOr("projection_dim", 512);
  if (model == "CLIPVisionModelWithProjection") {
    spec.heads.push_back(imageHead(std::move(norm), stack.hidden, features));
  } else {
    HeadLayer layer;
    layer.norm = std::move(norm);
    spec.heads.push_back(firstTokenHead("pooler_output", {std::move(layer)}));
    spec.checkpoint.ignorable.push_back("visual_projection.weight");
  }
  spec.stacks.push_back(std::move(stack));
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

static void readText(ConfigReader &tower, ModelSpec &spec, int64_t features) {
  spec.checkpoint.ignorable = {"*.position_ids", "logit_scale",
                               "vision_model.*", "visual_projection.weight"};
  Stack stack = textTower(tower, textTraits);
  spec.heads.push_back(textHead(tower, stack.hidden, features));
  spec.stacks.push_back(std::move(stack));
}

static void readImage(ConfigReader &config, ConfigReader &tower,
                      ModelSpec &spec, StringRef model, int64_t features) {
  spec.checkpoint.ignorable = {"*.position_ids", "logit_scale", "text_model.*",
                               "text_projection.weight"};
  Stack stack = imageTower(tower, imageTraits);
  Norm norm = imageTowerNorm(tower, imageTraits, stack.hidden);
  if (model == "CLIPModel") {
    spec.heads.push_back(imageHead(std::move(norm), stack.hidden, features));
  } else {
    addPatchClassifier(config, spec, stack.hidden, /*firstPatch=*/1);
    for (const char *unused :
         {"vision_model.post_layernorm.*", "visual_projection.weight"})
      spec.checkpoint.ignorable.push_back(unused);
  }
  spec.stacks.push_back(std::move(stack));
}

static void build(ConfigReader &config, ModelSpec &spec,
                  std::vector<std::string> &warnings, StringRef tower) {
  StringRef model = architecture(
      config, {"CLIPModel", "CLIPForImageClassification"}, warnings);
  TowerSide side = chooseTower(config, tower, model);
  int64_t features = config.countOr("projection_dim", 512);
  readTower(config, side, /*hasOldKeys=*/true, towerWithoutEffect,
            [&](ConfigReader &part) {
              part.markRead("projection_dim"); // the one of both counts
              if (side == TowerSide::Text)
                readText(part, spec, features);
              else
                readImage(config, part, spec, model, features);
            });
}

const Family &hf::clip() {
  static constexpr const char *withoutEffect[] = {"initializer_factor",
                                                  "logit_scale_init_value"};
  static constexpr Family family = {"clip",
                                    {},
                                    withoutEffect,
                                    /*build=*/nullptr,
                                    /*sharedKeysWithoutEffect=*/{},
                                    build};
  return family;
}

const Family &hf::clipText() {
  static constexpr Family family = {
      "clip_text_model", {}, towerWithoutEffect, buildText};
  return family;
}

const Family &hf::clipVision() {
  static constexpr Family family = {
      "clip_vision_model", {}, towerWithoutEffect, buildImage};
  return family;
}
