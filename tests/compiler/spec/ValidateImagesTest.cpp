//===- ValidateImagesTest.cpp - Descriptions of images that make no sense -===//
//
// Sizes that the runtime multiplies and copies by, tensors of more than two
// sizes, and the numbers that multiply what sub-blocks give.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/spec/Subject.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

/// An encoder of images of 9 x 11 in patches of 4 x 3: 2 rows, then 2 x 3.
static ModelSpec imageSpec() {
  ModelSpec spec;
  spec.family = "custom";
  Stack stack = stackOf(StackKind::Encoder, 8);
  stack.input = "pixel_values";
  stack.embedding.tokens.reset();
  stack.embedding.vocabulary = 0;
  stack.maxPositions = 8;
  Patches &patches = stack.embedding.patches.emplace();
  patches.channels = 2;
  patches.imageHeight = 9;
  patches.imageWidth = 11;
  patches.patchHeight = 4;
  patches.patchWidth = 3;
  patches.projection = linearOf("patch", 24, 8);
  patches.projection.weight.stored = {8, 2, 4, 3};
  patches.prefix = {weightOf("class", {1, 1, 8}), weightOf("other", {8})};
  spec.stacks.push_back(std::move(stack));
  return spec;
}

static const std::string at = "\"stacks[0].embedding.patches";

TEST(ValidateImages, IsValid) {
  ModelSpec spec = imageSpec();
  EXPECT_EQ(Subject(spec).error(), "");
  EXPECT_EQ(spec.stacks[0].embedding.patches->rows(), 8);
  EXPECT_EQ(spec.stacks[0].embedding.patches->features(), 24);
}

/// Rows in front are vectors of the model's own: it is not said whether they
/// would be scaled.
TEST(ValidateImages, HaveNoScale) {
  Subject subject(imageSpec());
  subject.embedding().scale = 2;
  EXPECT_EQ(subject.error(),
            "\"stacks[0].embedding.scale\" is 2; expected 1 beside patches");
}

TEST(ValidateImages, Sizes) {
  using Field = int64_t Patches::*;
  auto broken = [](Field field, int64_t value) {
    Subject subject(imageSpec());
    (*subject.embedding().patches).*field = value;
    return subject.error();
  };
  EXPECT_EQ(broken(&Patches::channels, 0),
            at + ".channels\" is 0; expected an integer from 1 to 16777216");
  EXPECT_EQ(broken(&Patches::imageHeight, -1),
            at + ".image_height\" is -1; expected an integer from 1 to "
                 "16777216");
  EXPECT_EQ(broken(&Patches::patchHeight, 10),
            at + ".patch_height\" is 10; expected an integer from 1 to 9");
  EXPECT_EQ(broken(&Patches::patchWidth, 12),
            at + ".patch_width\" is 12; expected an integer from 1 to 11");
  EXPECT_EQ(broken(&Patches::imageWidth, 14),
            at + "\" is 10 rows; expected as many as the stack's "
                 "max_positions (8)");
  EXPECT_EQ(broken(&Patches::channels, 3),
            at + ".projection.in\" is 24; expected 36, the numbers of a patch");
}

TEST(ValidateImages, ImageOfManyNumbers) {
  Subject subject(imageSpec());
  Patches &patches = *subject.embedding().patches;
  patches.imageHeight = patches.imageWidth = 1 << 15;
  EXPECT_EQ(subject.error(),
            at + ".image_width\" is 32768; expected channels * image_height * "
                 "image_width of at most 2147483647");
}

TEST(ValidateImages, PatchOfManyNumbers) {
  Subject subject(imageSpec());
  Patches &patches = *subject.embedding().patches;
  patches.channels = 1;
  patches.imageHeight = patches.patchHeight = 1 << 15;
  patches.imageWidth = patches.patchWidth = 1 << 10;
  subject.stack().maxPositions = 3;
  EXPECT_EQ(subject.error(),
            at + ".patch_width\" is 1024; expected channels * patch_height * "
                 "patch_width of at most 16777216");
}

TEST(ValidateImages, PlacesInTheModel) {
  Subject decoder(imageSpec());
  decoder.stack().kind = StackKind::Decoder;
  EXPECT_EQ(decoder.error(), at + "\" is present; expected none but in the "
                                  "encoder of an encoder-only model");
  Subject tokens(imageSpec());
  tokens.embedding().tokens = weightOf("tokens", {17, 8});
  tokens.embedding().vocabulary = 17;
  EXPECT_EQ(tokens.error(), at + "\" is present; expected none beside tokens, "
                                 "token types or a stem");
  Subject prefix(imageSpec());
  prefix.embedding().patches->prefix[1].stored = {7};
  EXPECT_EQ(prefix.error(), at + ".prefix[1].stored\" is [7]; expected a shape "
                                 "with 8 rows in use, not 7");
}

TEST(ValidateImages, StoredShapes) {
  Subject subject(imageSpec());
  Patches &patches = *subject.embedding().patches;
  Weight &weight = patches.projection.weight;
  const std::string of = at + ".projection.weight.stored\" is ";
  weight.stored = {8, 24};
  EXPECT_EQ(subject.error(), "");
  weight.stored = {1, 8, 24};
  EXPECT_EQ(subject.error(), "");
  weight.stored = {8, 24, 1};
  EXPECT_EQ(subject.error(), "");
  weight.stored = {8, 2, 4, 4};
  EXPECT_EQ(subject.error(), of + "[8, 2, 4, 4]; expected 24 columns");
  weight.stored = {4, 2, 24};
  EXPECT_EQ(subject.error(), of + "[4, 2, 24]; expected 24 columns");
  weight.stored = {24, 8, 1};
  weight.transposed = true;
  EXPECT_EQ(subject.error(), of + "[24, 8, 1]; expected two sizes");
  weight.transposed = false;
  weight.stored = {8, 2147483647, 2147483647, 2147483647};
  EXPECT_EQ(subject.error(),
            of + "[8, 2147483647, 2147483647, 2147483647]; expected fewer "
                 "than 2^62 numbers");
  weight.stored = {8, 2, 4, 3};
  patches.prefix[0].stored = {1, 2, 4};
  EXPECT_EQ(subject.error(),
            at + ".prefix[0].stored\" is [1, 2, 4]; expected one size");
}

TEST(ValidateImages, ScalesOfSubBlocks) {
  Subject subject(imageSpec());
  Block &block = subject.block();
  block.attentionScale = weightOf("s1.{layer}", {8});
  block.feedForwardScale = weightOf("s2.{layer}", {1, 8});
  EXPECT_EQ(subject.error(), "");
  block.feedForwardScale->stored = {9};
  EXPECT_EQ(subject.error(), block0 + "feed_forward_scale.stored\" is [9]; "
                                      "expected a shape with 8 rows in use, "
                                      "not 9");
  block.feedForwardScale->stored = {8};
  block.feedForward = {};
  block.feedForwardNorm.reset();
  EXPECT_EQ(subject.error(), block0 + "feed_forward_scale\" is present; "
                                      "expected none without a feed-forward");
  Subject post(imageSpec());
  post.block().placement = NormPlacement::Post;
  post.block().attentionScale = weightOf("s1.{layer}", {8});
  EXPECT_EQ(post.error(), block0 + "attention_scale\" is present; expected "
                                   "none where the placement is post");
}
