//===- VisionFamiliesTest.cpp - Encoders of images ------------------------===//
//
// What the options of vit and its heirs become, and which are refused.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/Configs.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

using Names = std::vector<std::string>;
using Sizes = std::vector<int64_t>;
using Pools = std::vector<Pool>;

static Keys keysOf(const std::string &family, const std::string &model) {
  return {{"model_type", "\"" + family + "\""},
          {"architectures", "[\"" + model + "\"]"},
          {"hidden_size", "12"},
          {"intermediate_size", "20"},
          {"num_hidden_layers", "2"},
          {"num_attention_heads", "3"},
          {"image_size", "10"},
          {"patch_size", "4"}};
}

static Keys dinoKeys() {
  Keys keys = keysOf("dinov2", "Dinov2Model");
  keys[3] = {"mlp_ratio", "4"};
  return keys;
}

static ModelSpec specOf(const Keys &keys, const Keys &changes = {}) {
  ImportResult result = valueOf(importText(configOf(keys, changes)));
  EXPECT_EQ(result.warnings, Names());
  return result.spec;
}

static std::string errorOf(const Keys &keys, const Keys &changes) {
  return errorText(importText(configOf(keys, changes)));
}

TEST(VisionFamilies, VitReadsOblongImages) {
  Keys keys = keysOf("vit", "ViTModel");
  Stack stack =
      specOf(keys, {{"image_size", "[9, 13]"}, {"patch_size", "[4, 3]"}})
          .stacks[0];
  EXPECT_EQ(stack.input, "pixel_values");
  EXPECT_EQ(stack.maxPositions, 1 + 2 * 4);
  const Patches &patches = *stack.embedding.patches;
  EXPECT_EQ(patches.projection.weight.stored, (Sizes{12, 3, 4, 3}));
  EXPECT_EQ(patches.projection.inFeatures, 36);
  EXPECT_EQ(stack.embedding.positions.table->stored, (Sizes{1, 9, 12}));
  EXPECT_TRUE(stack.finalNorm);
  EXPECT_EQ(errorOf(keys, {{"patch_size", "[4, 3, 2]"}}),
            "config.json:9:17: \"patch_size\" is an array; expected a number, "
            "or a list of height and width");
  EXPECT_EQ(errorOf(keys, {{"patch_size", "11"}}),
            "config.json:9:17: \"patch_size\" is 11; expected at most "
            "\"image_size\" (10 x 10)");
}

TEST(VisionFamilies, ClassifiersReadBehindTheNorm) {
  ModelSpec spec = specOf(keysOf("vit", "ViTForImageClassification"),
                          {{"num_labels", "4"}, {"qkv_bias", "false"}});
  EXPECT_FALSE(spec.stacks[0].finalNorm);
  EXPECT_FALSE(spec.stacks[0].blocks[0].block.attention.query.bias);
  EXPECT_TRUE(spec.stacks[0].blocks[0].block.attention.output.bias);
  ASSERT_EQ(spec.heads.size(), 1u);
  const Head &head = spec.heads[0];
  EXPECT_EQ(head.rows, RowSelection::First);
  EXPECT_EQ(head.layers[0].norm->gain->tensor, "vit.layernorm.weight");
  EXPECT_EQ(head.layers[1].linear->weight.tensor, "classifier.weight");
  EXPECT_EQ(spec.labels.size(), 4u);
}

TEST(VisionFamilies, DeitHasTwoTokens) {
  ModelSpec spec = specOf(keysOf("deit", "DeiTModel"));
  const Patches &patches = *spec.stacks[0].embedding.patches;
  ASSERT_EQ(patches.prefix.size(), 2u);
  EXPECT_EQ(patches.prefix[1].tensor, "deit.embeddings.distillation_token");
  EXPECT_EQ(spec.stacks[0].maxPositions, 2 + 4);
  EXPECT_EQ(spec.heads[0].output, "pooler_output");
}

TEST(VisionFamilies, ATeachersClassifiersReadOneTokenEach) {
  ModelSpec spec =
      specOf(keysOf("deit", "DeiTForImageClassificationWithTeacher"));
  EXPECT_TRUE(spec.stacks[0].finalNorm);
  ASSERT_EQ(spec.heads.size(), 3u);
  const Head &both = spec.heads[0];
  EXPECT_EQ(both.output, "logits");
  EXPECT_EQ(both.join, PoolJoin::Mean);
  ASSERT_EQ(both.pools.size(), 2u);
  EXPECT_EQ(both.pools[1].from, 1);
  EXPECT_EQ(both.pools[1].count, 1);
  EXPECT_EQ(both.pools[1].layers[0].linear->weight.tensor,
            "distillation_classifier.weight");
  EXPECT_EQ(spec.heads[1].output, "cls_logits");
  EXPECT_EQ(spec.heads[1].pools, Pools{both.pools[0]});
  EXPECT_EQ(spec.heads[2].output, "distillation_logits");
  EXPECT_EQ(spec.labels.size(), 2u);
}

TEST(VisionFamilies, Dinov2ScalesWhatSubBlocksGive) {
  Block plain = specOf(dinoKeys()).stacks[0].blocks[0].block;
  EXPECT_EQ(plain.attentionScale->tensor,
            "dinov2.encoder.layer.{layer}.layer_scale1.lambda1");
  EXPECT_EQ(plain.feedForwardScale->stored, Sizes{12});
  EXPECT_EQ(plain.feedForward.width, 48);
  FeedForward gated = specOf(dinoKeys(), {{"use_swiglu_ffn", "true"}})
                          .stacks[0]
                          .blocks[0]
                          .block.feedForward;
  EXPECT_EQ(gated.width, 32);
  EXPECT_EQ(gated.activation, Activation::Silu);
  EXPECT_EQ(gated.up.weight.begin, 32);
  EXPECT_EQ(gated.gate->weight.stored, (Sizes{64, 12}));
  EXPECT_EQ(errorOf(dinoKeys(), {{"architectures", "[\"Dinov2Backbone\"]"}}),
            std::string("config.json:3:21: \"architectures\" has "
                        "\"Dinov2Backbone\"; supported: Dinov2Model, "
                        "Dinov2ForImageClassification") +
                classRemedy);
  EXPECT_EQ(errorOf(dinoKeys(), {{"image_size", "[10, 10]"}}),
            "config.json:8:17: \"image_size\" is an array; expected an integer "
            "from 1 to 16777216");
}

TEST(VisionFamilies, ClipNormsInFrontOfItsBlocks) {
  Keys keys = keysOf("clip_vision_model", "CLIPVisionModelWithProjection");
  ModelSpec spec = specOf(keys, {{"projection_dim", "5"}});
  const Embedding &embedding = spec.stacks[0].embedding;
  EXPECT_EQ(embedding.norm->gain->tensor, "vision_model.pre_layrnorm.weight");
  EXPECT_FALSE(embedding.patches->projection.bias);
  EXPECT_EQ(embedding.patches->prefix[0].stored, Sizes{12});
  EXPECT_EQ(spec.stacks[0].blocks[0].block.feedForward.activation,
            Activation::QuickGelu);
  EXPECT_EQ(spec.heads[0].output, "image_embeds");
  EXPECT_EQ(spec.heads[0].layers[1].linear->outFeatures, 5);
  keys[1].second = "[\"CLIPVisionModel\"]";
  spec = specOf(keys);
  EXPECT_EQ(spec.heads[0].output, "pooler_output");
  EXPECT_EQ(spec.heads[0].layers.size(), 1u);
}

TEST(VisionFamilies, Dinov2ClassifiesByTokenAndMean) {
  ModelSpec spec = specOf(
      dinoKeys(), {{"architectures", "[\"Dinov2ForImageClassification\"]"},
                   {"num_labels", "3"}});
  const Head &head = spec.heads[0];
  EXPECT_EQ(head.join, PoolJoin::Concat);
  ASSERT_EQ(head.pools.size(), 2u);
  EXPECT_EQ(head.pools[0].count, 1);
  EXPECT_EQ(head.pools[1].from, 1);
  EXPECT_EQ(head.pools[1].count, 0);
  EXPECT_EQ(head.layers[0].linear->inFeatures, 24);
  EXPECT_EQ(spec.labels.size(), 3u);
}

TEST(VisionFamilies, SiglipPoolsByAttention) {
  Keys keys = keysOf("siglip_vision_model", "SiglipVisionModel");
  ModelSpec spec = specOf(keys, {{"vision_use_head", "false"}});
  EXPECT_TRUE(spec.stacks[0].embedding.patches->prefix.empty());
  EXPECT_EQ(spec.stacks[0].maxPositions, 4);
  EXPECT_TRUE(spec.stacks[0].finalNorm);
  EXPECT_TRUE(spec.heads.empty());
  spec = specOf(keys);
  ASSERT_EQ(spec.heads.size(), 1u);
  EXPECT_EQ(spec.heads[0].output, "pooler_output");
  const AttentionPool &pool = *spec.heads[0].pools[0].attention;
  EXPECT_EQ(pool.probe.stored, (Sizes{1, 1, 12}));
  EXPECT_EQ(pool.attention.heads, 3);
  EXPECT_EQ(pool.attention.key.weight.tensor,
            "vision_model.head.attention.in_proj_weight");
  EXPECT_EQ(pool.attention.key.weight.begin, 12);
  EXPECT_EQ(pool.attention.value.bias->begin, 24);
  EXPECT_EQ(pool.feedForward.width, 20);
}

//===----------------------------------------------------------------------===//
// Folders with two towers
//===----------------------------------------------------------------------===//

static Keys bothTowers(const std::string &family, const std::string &model) {
  return {
      {"model_type", "\"" + family + "\""},
      {"architectures", "[\"" + model + "\"]"},
      {"text_config", "{\"hidden_size\": 8, \"num_attention_heads\": 2}"},
      {"vision_config", "{\"hidden_size\": 12, \"num_attention_heads\": 3}"}};
}

static llvm::Expected<ImportResult> importTower(const Keys &keys,
                                                const std::string &tower,
                                                const Keys &changes = {}) {
  return importConfig(configOf(keys, changes), "config.json", nullptr, "",
                      tower);
}

TEST(VisionFamilies, ATowerOfTwoIsChosen) {
  Keys keys = bothTowers("clip", "CLIPModel");
  ModelSpec text =
      valueOf(importTower(keys, "text", {{"projection_dim", "5"}})).spec;
  EXPECT_EQ(text.stacks[0].input, "input_ids");
  EXPECT_EQ(text.stacks[0].hidden, 8);
  EXPECT_TRUE(text.stacks[0].blocks[0].block.attention.causal);
  EXPECT_EQ(text.heads[0].output, "text_embeds");
  EXPECT_EQ(text.heads[0].layers[0].linear->outFeatures, 5);
  ModelSpec image = valueOf(importTower(keys, "vision")).spec;
  EXPECT_EQ(image.stacks[0].input, "pixel_values");
  EXPECT_EQ(image.stacks[0].maxPositions, 1 + 49);
  EXPECT_EQ(image.heads[0].output, "image_embeds");
  EXPECT_EQ(image.heads[0].layers[1].linear->outFeatures, 512);

  keys = bothTowers("siglip", "SiglipModel");
  text = valueOf(importTower(keys, "text")).spec;
  EXPECT_FALSE(text.stacks[0].blocks[0].block.attention.causal);
  EXPECT_EQ(text.heads[0].rows, RowSelection::Last);
  image = valueOf(importTower(keys, "vision")).spec;
  EXPECT_EQ(image.stacks[0].maxPositions, 14 * 14);
  EXPECT_TRUE(image.heads[0].pools[0].attention);
}

TEST(VisionFamilies, WhatATowerIsChosenBy) {
  const std::string both = "config.json: the folder holds two models, one of "
                           "texts and one of images\nchoose with --tower=text "
                           "or --tower=vision";
  Keys keys = bothTowers("clip", "CLIPModel");
  EXPECT_EQ(errorText(importTower(keys, "")), both);
  EXPECT_EQ(errorText(importTower(bothTowers("siglip", "SiglipModel"), "")),
            both);
  EXPECT_EQ(errorText(importTower(keys, "sound")),
            "config.json: --tower is \"sound\"; expected text or vision");
  keys = bothTowers("clip", "CLIPForImageClassification");
  EXPECT_EQ(valueOf(importTower(keys, "")).spec.heads[0].pools[0].from, 1);
  EXPECT_EQ(errorText(importTower(keys, "text")),
            "config.json: --tower is \"text\"; expected vision, as "
            "CLIPForImageClassification has no other");
  keys = bothTowers("siglip", "SiglipForImageClassification");
  EXPECT_EQ(valueOf(importTower(keys, "vision")).spec.heads[0].pools[0].from,
            0);
  EXPECT_EQ(errorText(importTower(keysOf("vit", "ViTModel"), "vision")),
            "config.json: --tower is \"vision\", but the folder holds one "
            "model, a \"vit\"\nleave --tower out");
}

TEST(VisionFamilies, PartsOfAConfiguration) {
  Keys keys = bothTowers("clip", "CLIPModel");
  // The old key counts, with the defaults of what it leaves out.
  ModelSpec old =
      valueOf(importTower(keys, "text",
                          {{"text_config_dict", "{\"hidden_size\": 16}"}}))
          .spec;
  EXPECT_EQ(old.stacks[0].hidden, 16);
  EXPECT_EQ(old.stacks[0].blocks[0].block.attention.heads, 8);
  EXPECT_EQ(valueOf(importTower(keys, "text", {{"text_config_dict", "null"}}))
                .spec.stacks[0]
                .hidden,
            8);
  EXPECT_EQ(valueOf(importTower(keys, "vision", {{"vision_config", ""}}))
                .spec.stacks[0]
                .hidden,
            768);
  EXPECT_EQ(
      errorText(importTower(keys, "text",
                            {{"text_config_dict", "{\"vocab_"
                                                  "size\": 0}"}})),
      "config.json:6:38: \"text_config_dict.vocab_size\" is 0; expected an "
      "integer from 1 to 2147483647");
  EXPECT_EQ(errorText(importTower(keys, "text", {{"text_config", "3"}})),
            "config.json:4:18: \"text_config\" is 3; expected an object");
  EXPECT_EQ(errorText(importTower(keys, "text",
                                  {{"text_config", "{\"hidden_size\": 9}"}})),
            "config.json:4:18: \"text_config.num_attention_heads\" is absent; "
            "expected a divisor of \"hidden_size\" (9)");
  EXPECT_EQ(
      errorText(importTower(keys, "vision",
                            {{"vision_config", "{\"hidden_act\": \"foo\"}"}}))
          .substr(0, 65),
      "config.json:5:35: \"vision_config.hidden_act\" is \"foo\"; "
      "supported:");
  ImportResult unknown =
      valueOf(importTower(keys, "text", {{"text_config", "{\"heat\": 1}"}}));
  // Siglip has no such old keys.
  ImportResult other =
      valueOf(importTower(bothTowers("siglip", "SiglipModel"), "text",
                          {{"text_config_dict", "{\"hidden_size\": 16}"}}));
  EXPECT_EQ(other.spec.stacks[0].hidden, 8);
  ASSERT_EQ(other.warnings.size(), 1u);
  EXPECT_NE(other.warnings[0].find("\"text_config_dict\""), std::string::npos);
  ASSERT_EQ(unknown.warnings.size(), 1u);
  EXPECT_EQ(unknown.warnings[0],
            "config.json has keys that are unknown here and were ignored: "
            "\"text_config.heat\"");
}
