//===- ValidateBlocksTest.cpp - Weights and blocks that make no sense -----===//
//
// Each test breaks one field of a valid description. What validate() lets
// through, the rest of the compiler takes as given: a missing check is a crash
// or a wrong result there.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/spec/Subject.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace ashlar;
using namespace ashlar::test;

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

TEST(Validate, StoredShapes) {
  Subject subject;
  Weight &query = subject.attention().query.weight;
  const std::string at = block0 + "attention.query.weight.";
  query.stored = {24, 9};
  EXPECT_EQ(subject.error(), at + "stored\" is [24, 9]; expected 8 columns");
  query.stored = {25, 8};
  EXPECT_EQ(subject.error(), at + "stored\" is [25, 8]; expected a shape with "
                                  "24 rows in use, not 25");
  query.stored = {24};
  EXPECT_EQ(subject.error(), at + "stored\" is [24]; expected two sizes");
  query.stored = {24, 0};
  EXPECT_EQ(subject.error(), at + "stored\" is [24, 0]; expected sizes from 1 "
                                  "to 2147483647");
  query.transposed = true;
  query.stored = {8, 24};
  EXPECT_EQ(subject.error(), "");
  query.stored = {24, 8};
  EXPECT_EQ(subject.error(), at + "stored\" is [24, 8]; expected 8 rows");
}

TEST(Validate, Slices) {
  Subject subject;
  Weight &query = subject.attention().query.weight;
  const std::string at = block0 + "attention.query.weight.";
  query.stored = {72, 8};
  query.begin = 48;
  query.count = 24;
  EXPECT_EQ(subject.error(), "");
  query.begin = 49;
  EXPECT_EQ(subject.error(), at + "count\" is 24; expected at most the 23 rows "
                                  "from \"begin\" on");
  query.begin = -1;
  EXPECT_EQ(subject.error(),
            at + "begin\" is -1; expected an integer from 0 to 71");
  query.begin = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(subject.error(), at + "begin\" is 9223372036854775807; expected an "
                                  "integer from 0 to 71");
  query.begin = 1;
  query.count = 0;
  EXPECT_EQ(subject.error(),
            at + "begin\" is 1; expected 0, as \"count\" is 0");
}

/// Heads of 6 rows that lie beside 12 others.
TEST(Validate, Pieces) {
  Subject subject;
  Weight &query = subject.attention().query.weight;
  const std::string at = block0 + "attention.query.weight.";
  query.stored = {72, 8};
  query.begin = 12;
  query.count = 24;
  query.piece = 6;
  query.every = 18;
  EXPECT_EQ(subject.error(), ""); // ends with row 72
  query.begin = 13;
  EXPECT_EQ(subject.error(), at + "every\" is 18; expected pieces that end "
                                  "within the 72 rows");
  query.every = 5;
  EXPECT_EQ(subject.error(),
            at + "every\" is 5; expected an integer from 6 to 72");
  query.every = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(subject.error(), at + "every\" is 9223372036854775807; expected an "
                                  "integer from 6 to 72");
  query.piece = 7;
  EXPECT_EQ(subject.error(),
            at + "piece\" is 7; expected a divisor of \"count\" (24)");
  query.piece = 25;
  EXPECT_EQ(subject.error(),
            at + "piece\" is 25; expected an integer from 0 to 24");
  query.piece = 0;
  query.every = 18;
  EXPECT_EQ(subject.error(),
            at + "every\" is 18; expected 0, as there is no \"piece\"");
  query.every = 0;
  EXPECT_EQ(subject.error(), "");
  // Without a count there is nothing to take in pieces.
  query = weightOf("q", {24, 8});
  query.piece = 6;
  EXPECT_EQ(subject.error(),
            at + "piece\" is 6; expected an integer from 0 to 0");
}

TEST(Validate, PiecesOfVectors) {
  Subject subject;
  Linear &query = subject.attention().query;
  query.bias = weightOf("b.{layer}", {48});
  query.bias->begin = 6;
  query.bias->count = 24;
  query.bias->piece = 6;
  query.bias->every = 12;
  EXPECT_EQ(subject.error(), "");
  query.bias->begin = 7;
  EXPECT_EQ(subject.error(), block0 + "attention.query.bias.every\" is 12; "
                                      "expected pieces that end within the 48 "
                                      "rows");
}

TEST(Validate, Vectors) {
  Subject subject;
  Linear &query = subject.attention().query;
  const std::string at = block0 + "attention.query.bias.";
  query.bias = weightOf("b.{layer}", {1, 24});
  EXPECT_EQ(subject.error(), "");
  query.bias->stored = {24, 1};
  EXPECT_EQ(subject.error(), at + "stored\" is [24, 1]; expected one size");
  query.bias->stored = {23};
  EXPECT_EQ(subject.error(), at + "stored\" is [23]; expected a shape with 24 "
                                  "rows in use, not 23");
  query.bias->transposed = true;
  EXPECT_EQ(subject.error(), at + "transposed\" is true; expected false for a "
                                  "vector");
}

TEST(Validate, TensorNames) {
  Subject subject;
  subject.attention().query.weight.tensor = "";
  EXPECT_EQ(subject.error(), block0 + "attention.query.weight.tensor\" is "
                                      "empty; expected a name");
  subject.attention().query.weight.tensor = std::string("a\0b", 3);
  EXPECT_EQ(subject.error(), block0 + "attention.query.weight.tensor\" is "
                                      "\"a\\x00b\"; expected a name without "
                                      "NUL");
  Subject other;
  other.embedding().tokens->tensor = "tokens.{layer}";
  EXPECT_EQ(other.error(), "\"stacks[0].embedding.tokens.tensor\" is "
                           "\"tokens.{layer}\"; expected {layer} in the "
                           "tensors of blocks only");
}

TEST(Validate, PartsOfAVector) {
  Subject subject;
  Norm &norm = subject.attention().queryNorm.emplace();
  norm.features = 24;
  norm.groups = 4;
  Weight &gain = norm.gain.emplace(weightOf("g.{layer}.{part}", {6}));
  gain.parts = 4;
  EXPECT_EQ(subject.error(), "");
  const std::string at = block0 + "attention.query_norm.gain.";
  gain.count = 6;
  EXPECT_EQ(subject.error(),
            at + "count\" is 6; expected 0: all of a vector that has parts");
  gain.count = 0;
  gain.parts = 3;
  EXPECT_EQ(subject.error(), at + "stored\" is [6]; expected a shape with 24 "
                                  "numbers in 3 parts");
  gain.stored = {1, 8};
  EXPECT_EQ(subject.error(), at + "stored\" is [1, 8]; expected one size, that "
                                  "of a part");
  gain.parts = 1;
  EXPECT_EQ(subject.error(), at + "tensor\" is \"g.{layer}.{part}\"; expected "
                                  "{part} where it has several parts only");
  gain.tensor = "g.{layer}";
  gain.parts = 3;
  EXPECT_EQ(subject.error(), at + "tensor\" is \"g.{layer}\"; expected {part} "
                                  "in it, as it has several parts");
  gain.parts = 0;
  EXPECT_EQ(subject.error(),
            at + "parts\" is 0; expected an integer from 1 to 65536");
  Subject matrix;
  Weight &query = matrix.attention().query.weight;
  query = weightOf("q.{layer}.{part}", {12});
  query.parts = 2;
  EXPECT_EQ(matrix.error(), block0 + "attention.query.weight.parts\" is 2; "
                                     "expected 1 for a matrix");
}

//===----------------------------------------------------------------------===//
// Norms, feed-forward, blocks
//===----------------------------------------------------------------------===//

TEST(Validate, Norms) {
  Subject subject;
  subject.block().attentionNorm->epsilon = 0;
  EXPECT_EQ(subject.error(), block0 + "attention_norm.epsilon\" is 0; expected "
                                      "a finite number above 0");
  // In float32 it would be 0: a constant row gives NaN.
  subject.block().attentionNorm->epsilon = 1e-60;
  EXPECT_EQ(subject.error(), block0 + "attention_norm.epsilon\" is 1e-60; "
                                      "expected a number from 1.1754944e-38 to "
                                      "3.4028234e+38, as float32 has them");
  subject.block().attentionNorm->features = 9;
  EXPECT_EQ(subject.error(), block0 + "attention_norm.features\" is 9; "
                                      "expected 8, the width of what it "
                                      "reads");
}

TEST(Validate, GainOffset) {
  Subject subject;
  Norm &norm = *subject.block().attentionNorm;
  norm.gainOffset = 1;
  EXPECT_EQ(subject.error(), "");
  norm.gainOffset = -1e39;
  EXPECT_EQ(subject.error(), block0 + "attention_norm.gain_offset\" is -1e+39; "
                                      "expected a number that float32 has");
  norm.gainOffset = INFINITY;
  EXPECT_NE(subject.error().find("attention_norm.gain_offset\" is "),
            std::string::npos);
  norm.gain.reset();
  norm.gainOffset = 1;
  EXPECT_EQ(subject.error(), block0 + "attention_norm.gain_offset\" is 1; "
                                      "expected 0, as there is no gain");
}

static const std::optional<Norm> none;

TEST(Validate, NormsOfPrePlacement) {
  Subject subject(encoderDecoderSpec());
  Block &block = subject.block();
  block.attentionOutputNorm = normOf("o1.{layer}", 8);
  block.crossAttentionOutputNorm = normOf("o2.{layer}", 8);
  block.feedForwardOutputNorm = normOf("o3.{layer}", 8);
  EXPECT_EQ(subject.error(), "");
  // All of them are optional.
  block.attentionNorm = block.crossAttentionNorm = block.feedForwardNorm = none;
  EXPECT_EQ(subject.error(), "");
  for (std::optional<Norm> *norm :
       {&block.attentionNorm, &block.crossAttentionNorm, &block.feedForwardNorm,
        &block.attentionOutputNorm, &block.crossAttentionOutputNorm,
        &block.feedForwardOutputNorm}) {
    *norm = normOf("n.{layer}", 7);
    EXPECT_NE(subject.error().find("norm.features\" is 7; expected 8, "),
              std::string::npos);
    *norm = normOf("n.{layer}", 8);
  }
  // Nothing between the norm of a cross-attention and what is not there.
  Subject alone;
  alone.block().crossAttentionNorm = normOf("n.{layer}", 8);
  EXPECT_EQ(alone.error(),
            block0 + "cross_attention_norm\" is present; expected none "
                     "without a cross_attention");
  alone.block().crossAttentionNorm.reset();
  alone.block().crossAttentionOutputNorm = normOf("n.{layer}", 8);
  EXPECT_EQ(alone.error(),
            block0 + "cross_attention_output_norm\" is present; expected none "
                     "without a cross_attention");
}

TEST(Validate, NormsOfPostPlacement) {
  Subject subject(encoderDecoderSpec());
  Block &block = subject.block();
  const std::string at = "\"stacks[1].blocks[0].";
  block.placement = NormPlacement::Post;
  EXPECT_EQ(subject.error(), "");
  const std::pair<const char *, std::optional<Norm> *> required[] = {
      {"attention_norm", &block.attentionNorm},
      {"cross_attention_norm", &block.crossAttentionNorm},
      {"feed_forward_norm", &block.feedForwardNorm}};
  for (auto [name, norm] : required) {
    std::optional<Norm> kept = std::exchange(*norm, none);
    EXPECT_EQ(subject.error(), at + name +
                                   "\" is absent; expected a norm, as the "
                                   "placement is post");
    *norm = kept;
  }
  const std::pair<const char *, std::optional<Norm> *> refused[] = {
      {"attention_output_norm", &block.attentionOutputNorm},
      {"cross_attention_output_norm", &block.crossAttentionOutputNorm},
      {"feed_forward_output_norm", &block.feedForwardOutputNorm}};
  for (auto [name, norm] : refused) {
    *norm = normOf("o.{layer}", 8);
    EXPECT_EQ(subject.error(), at + name +
                                   "\" is present; expected none where the "
                                   "placement is post");
    norm->reset();
  }
}

TEST(Validate, NormsOfParallelPlacement) {
  Subject subject;
  Block &block = subject.block();
  block.placement = NormPlacement::Parallel;
  EXPECT_EQ(subject.error(), "");
  block.feedForwardNorm.reset(); // reads what the attention reads
  EXPECT_EQ(subject.error(), "");
  block.attentionOutputNorm = normOf("o.{layer}", 8);
  EXPECT_EQ(subject.error(),
            block0 + "attention_output_norm\" is present; expected none where "
                     "the placement is parallel");
  block.attentionNorm.reset();
  EXPECT_EQ(subject.error(), block0 + "attention_norm\" is absent; expected a "
                                      "norm, as the placement is parallel");
  Subject both(encoderDecoderSpec());
  both.block().placement = NormPlacement::Parallel;
  EXPECT_EQ(both.error(), "\"stacks[1].blocks[0].placement\" is parallel; "
                          "expected pre or post with an encoder");
}

TEST(Validate, FeedForward) {
  Subject subject;
  subject.block().feedForward.gate = linearOf("gate.{layer}", 8, 11);
  EXPECT_EQ(subject.error(), block0 + "feed_forward.gate.out\" is 11; expected "
                                      "10, the feed-forward width");
  subject.block().feedForward.width = -1;
  EXPECT_EQ(subject.error(), block0 + "feed_forward.width\" is -1; expected an "
                                      "integer from 1 to 16777216");
}

TEST(Validate, BlocksOfAttentionAlone) {
  Subject subject;
  Block &block = subject.block();
  const std::string at = block0 + "feed_forward\" is absent; expected it, as "
                                  "its norm is there or the placement is "
                                  "parallel";
  block.feedForward = {};
  EXPECT_EQ(subject.error(), at);
  block.feedForwardNorm.reset();
  EXPECT_EQ(subject.error(), "");
  block.feedForwardOutputNorm = normOf("o.{layer}", 8);
  EXPECT_EQ(subject.error(), at);
  block.feedForwardOutputNorm.reset();
  block.residual = false;
  EXPECT_EQ(subject.error(), "");
  block.placement = NormPlacement::Post; // no norm of what is not there
  EXPECT_EQ(subject.error(), "");
  block.placement = NormPlacement::Parallel;
  EXPECT_EQ(subject.error(), at);
  block.feedForward = blockOf(8, true).feedForward;
  EXPECT_EQ(subject.error(), block0 +
                                 "residual\" is false; expected true where "
                                 "blocks are parallel");
}

TEST(Validate, Layers) {
  Subject subject;
  subject.group().first = 1;
  EXPECT_EQ(subject.error(), block0 + "first\" is 1; expected 0, the layer "
                                      "after those before it");
  subject.group().first = 0;
  subject.group().count = 0;
  EXPECT_EQ(subject.error(),
            block0 + "count\" is 0; expected an integer from 1 to 10000");
  subject.group().count = 10000;
  subject.stack().blocks.push_back(subject.group());
  subject.stack().blocks[1].first = 10000;
  EXPECT_EQ(subject.error(), "\"stacks[0].blocks[1].count\" is 10000; expected "
                             "an integer from 1 to 0");
  subject.stack().blocks.clear();
  EXPECT_EQ(subject.error(),
            "\"stacks[0].blocks\" is empty; expected at least one block");
}

TEST(Validate, Experts) {
  Subject subject;
  FeedForward &feedForward = subject.block().feedForward;
  const std::string at = block0 + "feed_forward.";
  feedForward.up.weight.tensor = "up.{layer}.{expert}";
  EXPECT_EQ(subject.error(), at + "up.weight.tensor\" is "
                                  "\"up.{layer}.{expert}\"; expected {expert} "
                                  "in the tensors of experts only");
  Experts &experts = feedForward.experts.emplace();
  experts.count = 5;
  experts.topK = 5;
  experts.router = linearOf("r.{layer}", 8, 5);
  EXPECT_EQ(subject.error(), "");
  experts.topK = 6;
  EXPECT_EQ(subject.error(),
            at + "experts.top_k\" is 6; expected an integer from 1 to 5");
  experts.topK = 0;
  EXPECT_EQ(subject.error(),
            at + "experts.top_k\" is 0; expected an integer from 1 to 5");
  experts.topK = 2;
  experts.count = 0;
  EXPECT_EQ(subject.error(),
            at + "experts.count\" is 0; expected an integer from 1 to 4096");
  experts.count = 4;
  EXPECT_EQ(subject.error(), at + "experts.router.out\" is 5; expected 4, the "
                                  "count of experts");
  experts.count = 5;
  experts.router.weight.tensor = "r.{expert}";
  EXPECT_EQ(subject.error(), at + "experts.router.weight.tensor\" is "
                                  "\"r.{expert}\"; expected {expert} in the "
                                  "tensors of experts only");
}
