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
  EXPECT_EQ(
      errorOf(keysOf("deit", "DeiTForImageClassificationWithTeacher"), {}),
      "config.json:3:21: \"architectures\" has "
      "\"DeiTForImageClassificationWithTeacher\"; supported: "
      "DeiTForImageClassification, DeiTModel");
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
  EXPECT_EQ(errorOf(dinoKeys(),
                    {{"architectures", "[\"Dinov2ForImageClassification\"]"}}),
            "config.json:3:21: \"architectures\" has "
            "\"Dinov2ForImageClassification\"; supported: Dinov2Model");
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

TEST(VisionFamilies, SiglipDoesNotPool) {
  Keys keys = keysOf("siglip_vision_model", "SiglipVisionModel");
  ModelSpec spec = specOf(keys, {{"vision_use_head", "false"}});
  EXPECT_TRUE(spec.stacks[0].embedding.patches->prefix.empty());
  EXPECT_EQ(spec.stacks[0].maxPositions, 4);
  EXPECT_TRUE(spec.stacks[0].finalNorm);
  EXPECT_TRUE(spec.heads.empty());
  EXPECT_EQ(errorOf(keys, {{"vision_use_head", "true"}}),
            "config.json:10:22: \"vision_use_head\" is true; supported: false "
            "(attention pooling is not)\nset it to false for "
            "last_hidden_state alone");
}
