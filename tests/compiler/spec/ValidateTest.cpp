//===- ValidateTest.cpp - Descriptions that make no sense -----------------===//
//
// Each test breaks one field of a valid description. What validate() lets
// through, the rest of the compiler takes as given: a missing check is a crash
// or a wrong result there.
//
//===----------------------------------------------------------------------===//

#include "compiler/Spec/Validate.h"
#include "tests/compiler/spec/Specs.h"
#include "tests/compiler/support/ErrorText.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <utility>

using namespace ashlar;
using namespace ashlar::test;

namespace {
/// A valid description, the parts of it that tests break, and its error.
struct Subject {
  explicit Subject(ModelSpec valid = decoderSpec()) : spec(std::move(valid)) {}

  std::string error() const { return errorText(validate(spec)); }
  Stack &stack() { return spec.stacks.back(); }
  BlockGroup &group() { return stack().blocks[0]; }
  Block &block() { return group().block; }
  Attention &attention() { return block().attention; }
  Attention &cross() { return *block().crossAttention; }
  Embedding &embedding() { return stack().embedding; }
  Rotary &rotary() {
    attention().rotary.emplace().dimensions = 6;
    return *attention().rotary;
  }

  ModelSpec spec;
};
} // namespace

static const std::string block0 = "\"stacks[0].blocks[0].";

TEST(Validate, ValidDescriptions) {
  EXPECT_EQ(Subject().error(), "");
  EXPECT_EQ(Subject(encoderDecoderSpec()).error(), "");
}

TEST(Validate, LocatesTheField) {
  Subject subject;
  subject.attention().heads = 0;
  EXPECT_EQ(errorText(validate(
                subject.spec,
                [](llvm::StringRef path) { return "file@" + path.str(); })),
            "file@stacks[0].blocks[0].attention.heads: " + block0 +
                "attention.heads\" is 0; expected an integer from 1 to 65536");
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

TEST(Validate, Heads) {
  Subject subject;
  subject.attention().kvHeads = 3;
  EXPECT_EQ(subject.error(), block0 + "attention.kv_heads\" is 3; expected a "
                                      "divisor of \"heads\" (4)");
  subject.attention().kvHeads = 0;
  EXPECT_EQ(subject.error(), block0 + "attention.kv_heads\" is 0; expected an "
                                      "integer from 1 to 65536");
  subject.attention().kvHeads = 2;
  subject.attention().headDim = 5;
  EXPECT_EQ(subject.error(),
            block0 + "attention.query.out\" is 24; expected 20, heads * "
                     "head_dim");
  subject.attention().headDim = 65536;
  subject.attention().heads = 65536;
  EXPECT_EQ(subject.error(),
            block0 + "attention.head_dim\" is 65536; expected heads * head_dim "
                     "of at most 16777216");
}

TEST(Validate, Scale) {
  for (double scale : {0.0, -1.0, double(NAN), double(INFINITY)}) {
    Subject subject;
    subject.attention().scale = scale;
    EXPECT_NE(subject.error().find("attention.scale\" is "), std::string::npos)
        << scale;
  }
}

TEST(Validate, Causality) {
  Subject decoder;
  decoder.attention().causal = false;
  EXPECT_EQ(decoder.error(), block0 + "attention.causal\" is false; expected "
                                      "true in a decoder");
  Subject both(encoderDecoderSpec());
  both.cross().causal = true;
  EXPECT_EQ(both.error(), "\"stacks[1].blocks[0].cross_attention.causal\" is "
                          "true; expected false");
  // An encoder may be either.
  both.cross().causal = false;
  both.spec.stacks[0].blocks[0].block.attention.causal = true;
  EXPECT_EQ(both.error(), "");
}

TEST(Validate, CrossAttention) {
  Subject subject(encoderDecoderSpec());
  subject.cross().key.inFeatures = 8;
  EXPECT_EQ(subject.error(),
            "\"stacks[1].blocks[0].cross_attention.key.in\" is 8; expected 12, "
            "the hidden of what is attended to");
  subject.cross().rotary.emplace();
  EXPECT_EQ(subject.error(), "\"stacks[1].blocks[0].cross_attention.rotary\" "
                             "is present; expected none in cross-attention");
  subject.cross().rotary.reset();
  subject.cross().positionBias.emplace();
  EXPECT_EQ(subject.error(),
            "\"stacks[1].blocks[0].cross_attention.position_bias\" is present; "
            "expected none in cross-attention");
  subject.cross().positionBias.reset();
  subject.cross().window = 3;
  EXPECT_EQ(subject.error(), "\"stacks[1].blocks[0].cross_attention.window\" "
                             "is 3; expected 0 in cross-attention");
  subject.block().crossAttention.reset();
  EXPECT_EQ(subject.error(),
            "\"stacks[1].blocks[0].cross_attention\" is absent; expected the "
            "decoder's attention to the encoder");
  Subject alone;
  alone.block().crossAttention = attentionOf(8, 8, false);
  EXPECT_EQ(alone.error(), block0 + "cross_attention\" is present; expected "
                                    "none without an encoder to attend to");
}

TEST(Validate, Rotary) {
  Subject subject;
  EXPECT_EQ((subject.rotary(), subject.error()), "");
  subject.rotary().dimensions = 3;
  EXPECT_EQ(subject.error(), block0 + "attention.rotary.dimensions\" is 3; "
                                      "expected an even number");
  subject.rotary().dimensions = 8;
  EXPECT_EQ(subject.error(), block0 + "attention.rotary.dimensions\" is 8; "
                                      "expected an integer from 2 to 6");
  subject.rotary().theta = 0;
  EXPECT_EQ(subject.error(), block0 + "attention.rotary.theta\" is 0; expected "
                                      "a finite number above 0");
  subject.rotary().factor = -1;
  EXPECT_EQ(subject.error(), block0 + "attention.rotary.factor\" is -1; "
                                      "expected a finite number above 0");
}

TEST(Validate, RotaryLlama3) {
  Subject subject;
  Rotary &rotary = subject.rotary();
  rotary.scaling = RopeScalingKind::Llama3;
  EXPECT_EQ(subject.error(),
            block0 + "attention.rotary.original_max_positions\" is 0; expected "
                     "an integer from 1 to 2147483647");
  rotary.originalMaxPositions = 8;
  EXPECT_EQ(subject.error(), "");
  rotary.lowFrequencyFactor = 4;
  EXPECT_EQ(subject.error(),
            block0 + "attention.rotary.high_frequency_factor\" is 4; expected "
                     "more than \"low_frequency_factor\" (4)");
  rotary.lowFrequencyFactor = 0;
  EXPECT_EQ(subject.error(),
            block0 + "attention.rotary.low_frequency_factor\" is 0; expected a "
                     "finite number above 0");
}

TEST(Validate, RotaryYarn) {
  Subject subject;
  const std::string at = block0 + "attention.rotary.";
  Rotary &rotary = subject.rotary();
  rotary.scaling = RopeScalingKind::Yarn;
  EXPECT_EQ(subject.error(), at + "original_max_positions\" is 0; expected an "
                                  "integer from 1 to 2147483647");
  rotary.originalMaxPositions = 8;
  EXPECT_EQ(subject.error(), "");
  rotary.theta = 1; // its logarithm divides
  EXPECT_EQ(subject.error(),
            at + "theta\" is 1; expected more than 1 with yarn");
  rotary.betaFast = 1;
  EXPECT_EQ(subject.error(),
            at + "beta_fast\" is 1; expected more than \"beta_slow\" (1)");
  rotary.betaFast = INFINITY;
  EXPECT_NE(subject.error().find("beta_fast\" is "), std::string::npos);
  rotary.betaSlow = 0;
  EXPECT_EQ(subject.error(),
            at + "beta_slow\" is 0; expected a finite number above 0");
  rotary.magnitude = NAN;
  EXPECT_NE(subject.error().find("magnitude\" is "), std::string::npos);
  // Without yarn, what belongs to it has no say.
  rotary = {};
  rotary.dimensions = 6;
  rotary.theta = 0.5;
  rotary.betaFast = rotary.betaSlow = 0;
  EXPECT_EQ(subject.error(), "");
}

/// x = y where a projection is left out: only if both have the same width.
TEST(Validate, AbsentProjections) {
  Subject subject;
  Attention &attention = subject.attention();
  attention.query = {};
  EXPECT_EQ(subject.error(),
            block0 + "attention.query\" is absent; expected it, as the stack's "
                     "hidden (8) is not heads * head_dim (24)");
  attention.heads = attention.kvHeads = 4;
  attention.headDim = 2;
  attention.output = linearOf("o.{layer}", 8, 8);
  attention.value = linearOf("v.{layer}", 8, 8);
  attention.key = {};
  EXPECT_EQ(subject.error(), "");
  attention.value = attention.output = {};
  EXPECT_EQ(subject.error(), "");
  attention.kvHeads = 2;
  EXPECT_EQ(subject.error(),
            block0 + "attention.key\" is absent; expected it, as the hidden of "
                     "what is attended to (8) is not kv_heads * head_dim (4)");
}

TEST(Validate, AdditiveVector) {
  Subject subject;
  subject.attention().additiveVector = weightOf("v.{layer}", {24});
  EXPECT_EQ(subject.error(), "");
  subject.attention().additiveVector = weightOf("v.{layer}", {6});
  EXPECT_EQ(subject.error(), block0 + "attention.additive_vector.stored\" is "
                                      "[6]; expected a shape with 24 rows in "
                                      "use, not 6");
}

TEST(Validate, Window) {
  Subject subject;
  subject.attention().window = 1;
  EXPECT_EQ(subject.error(), "");
  subject.attention().window = -1;
  EXPECT_EQ(subject.error(), block0 + "attention.window\" is -1; expected an "
                                      "integer from 0 to 2147483647");
  subject.attention().window = int64_t(1) << 31;
  EXPECT_EQ(subject.error(), block0 + "attention.window\" is 2147483648; "
                                      "expected an integer from 0 to "
                                      "2147483647");
}

TEST(Validate, SoftCap) {
  Subject subject;
  subject.attention().softCap = 0.5;
  EXPECT_EQ(subject.error(), "");
  for (double cap : {0.0, -1.0, double(NAN), double(INFINITY)}) {
    subject.attention().softCap = cap;
    EXPECT_NE(subject.error().find("attention.soft_cap\" is "),
              std::string::npos)
        << cap;
  }
}

TEST(Validate, Alibi) {
  Subject subject;
  subject.attention().causal = true;
  PositionBias &bias = subject.attention().positionBias.emplace();
  const std::string at = block0 + "attention.position_bias.";
  EXPECT_EQ(subject.error(), "");
  bias.scale = 0;
  EXPECT_EQ(subject.error(),
            at + "scale\" is 0; expected a finite number above 0");
  bias.maxBias = -8;
  EXPECT_EQ(subject.error(),
            at + "max_bias\" is -8; expected a finite number above 0");
  bias.table = weightOf("bias", {32, 4});
  EXPECT_EQ(subject.error(), at + "table\" is present; expected it exactly "
                                  "where the bias is relative");
}

/// What says something of the other kind only would be ignored.
TEST(Validate, BiasOfTheOtherKind) {
  Subject subject;
  subject.attention().causal = true;
  PositionBias &bias = subject.attention().positionBias.emplace();
  const std::string at = block0 + "attention.position_bias.";
  bias.buckets = 8;
  EXPECT_EQ(subject.error(), at + "buckets\" is 8; expected no buckets, "
                                  "max_distance and bidirectional in alibi");
  bias.kind = PositionBiasKind::Relative;
  bias.table = weightOf("bias", {8, 4});
  bias.maxDistance = 20;
  EXPECT_EQ(subject.error(), "");
  bias.scale = 0.5;
  EXPECT_EQ(subject.error(),
            at + "scale\" is 0.5; expected 1 in a relative bias");
}

TEST(Validate, RelativeBias) {
  Subject subject;
  subject.attention().causal = true;
  PositionBias &bias = subject.attention().positionBias.emplace();
  const std::string at = block0 + "attention.position_bias.";
  bias.kind = PositionBiasKind::Relative;
  EXPECT_EQ(subject.error(), at + "table\" is absent; expected it exactly "
                                  "where the bias is relative");
  bias.table = weightOf("bias", {6, 4});
  EXPECT_EQ(subject.error(),
            at + "buckets\" is 0; expected an integer from 2 to 16777216");
  bias.buckets = 6;
  EXPECT_EQ(subject.error(), at + "max_distance\" is 0; expected an integer "
                                  "from 4 to 2147483647");
  bias.maxDistance = 4;
  EXPECT_EQ(subject.error(), "");
  bias.table->stored = {6, 5};
  EXPECT_EQ(subject.error(),
            at + "table.stored\" is [6, 5]; expected 4 columns");
  bias.table->stored = {7, 4};
  EXPECT_EQ(subject.error(), at + "table.stored\" is [7, 4]; expected a shape "
                                  "with 6 rows in use, not 7");
  // The table is made once, from the checkpoint's numbers as they lie there.
  bias.table->begin = 1;
  bias.table->count = 6;
  EXPECT_EQ(subject.error(),
            at + "table\" is a part of a tensor; expected all of it");
  bias.table = weightOf("bias", {4, 6});
  bias.table->transposed = true;
  EXPECT_EQ(subject.error(),
            at + "table\" is a part of a tensor; expected all of it");
  bias.table = weightOf("bias.{layer}", {6, 4});
  EXPECT_EQ(subject.error(), at + "table.tensor\" is \"bias.{layer}\"; "
                                  "expected one tensor for all layers");
  bias.table = weightOf("", {6, 4});
  EXPECT_EQ(subject.error(),
            at + "table.tensor\" is \"\"; expected one tensor for all layers");
}

/// Alibi and one-sided buckets say nothing of keys ahead.
TEST(Validate, BiasOfKeysAhead) {
  Subject subject;
  subject.spec.stacks[0].kind = StackKind::Encoder;
  subject.attention().causal = false;
  PositionBias &bias = subject.attention().positionBias.emplace();
  const std::string expected =
      block0 + "attention.position_bias.bidirectional\" is false; expected a "
               "relative bias with true, as keys ahead are seen";
  EXPECT_EQ(subject.error(), expected);
  bias.kind = PositionBiasKind::Relative;
  EXPECT_EQ(subject.error(), expected);
}

/// Half of the buckets look ahead, and half of those are for one distance each.
TEST(Validate, BidirectionalBias) {
  Subject subject;
  PositionBias &bias = subject.attention().positionBias.emplace();
  const std::string at = block0 + "attention.position_bias.";
  bias.kind = PositionBiasKind::Relative;
  bias.bidirectional = true;
  bias.table = weightOf("bias", {8, 4});
  bias.buckets = 8;
  bias.maxDistance = 3;
  EXPECT_EQ(subject.error(), "");
  bias.maxDistance = 2;
  EXPECT_EQ(subject.error(), at + "max_distance\" is 2; expected an integer "
                                  "from 3 to 2147483647");
  bias.buckets = 6;
  EXPECT_EQ(subject.error(), at + "buckets\" is 6; expected a multiple of 4, "
                                  "as the bias is bidirectional");
  bias.buckets = 2;
  EXPECT_EQ(subject.error(),
            at + "buckets\" is 2; expected an integer from 4 to 16777216");
}

/// Of each head by itself (6) or of all: 24 of queries, 12 of keys.
TEST(Validate, HeadNorms) {
  Subject subject;
  auto features = [&](int64_t query, int64_t key) {
    subject.attention().queryNorm = normOf("qn.{layer}", query);
    subject.attention().keyNorm = normOf("kn.{layer}", key);
    return subject.error();
  };
  EXPECT_EQ(features(6, 6), "");
  EXPECT_EQ(features(24, 12), "");
  EXPECT_EQ(features(6, 12), "");
  EXPECT_EQ(features(12, 6),
            block0 + "attention.query_norm.features\" is 12; expected 24, the "
                     "width of what it reads");
  EXPECT_EQ(features(6, 24), block0 + "attention.key_norm.features\" is 24; "
                                      "expected 12, the width of what it "
                                      "reads");
  EXPECT_EQ(features(0, 6), block0 + "attention.query_norm.features\" is 0; "
                                     "expected 24, the width of what it "
                                     "reads");
}

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

//===----------------------------------------------------------------------===//
// Norms, feed-forward, blocks
//===----------------------------------------------------------------------===//

TEST(Validate, Norms) {
  Subject subject;
  subject.block().attentionNorm->epsilon = 0;
  EXPECT_EQ(subject.error(), block0 + "attention_norm.epsilon\" is 0; expected "
                                      "a finite number above 0");
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
            block0 + "cross_attention_norm\" is present; expected none where "
                     "the placement is pre and there is no cross_attention");
  alone.block().crossAttentionNorm.reset();
  alone.block().crossAttentionOutputNorm = normOf("n.{layer}", 8);
  EXPECT_EQ(alone.error(),
            block0 + "cross_attention_output_norm\" is present; expected none "
                     "where the placement is pre and there is no "
                     "cross_attention");
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
                     "the placement is parallel and there is no "
                     "cross_attention");
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

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

TEST(Validate, Stacks) {
  Subject subject(encoderDecoderSpec());
  std::swap(subject.spec.stacks[0], subject.spec.stacks[1]);
  EXPECT_EQ(subject.error(), "\"stacks[0].kind\" is decoder; expected encoder");
  subject.spec.stacks.clear();
  EXPECT_EQ(subject.error(),
            "\"stacks\" is a list of 0; expected one or two stacks");
}

TEST(Validate, StackSizes) {
  Subject subject;
  subject.stack().maxPositions = int64_t(1) << 31;
  EXPECT_EQ(subject.error(), "\"stacks[0].max_positions\" is 2147483648; "
                             "expected an integer from 0 to 2147483647");
  subject.stack().hidden = 0;
  EXPECT_EQ(subject.error(), "\"stacks[0].hidden\" is 0; expected an integer "
                             "from 1 to 16777216");
}

TEST(Validate, Vocabulary) {
  Subject subject;
  subject.embedding().vocabulary = int64_t(1) << 40;
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.vocabulary\" is "
                             "1099511627776; expected an integer from 1 to "
                             "2147483647");
  subject.embedding().vocabulary = 17;
  subject.embedding().tokens.reset();
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.vocabulary\" is 17; "
                             "expected 0, as there is no table of tokens");
}

TEST(Validate, TokenTypes) {
  Subject subject;
  subject.embedding().tokenTypes = 2;
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.token_type_table\" is "
                             "absent; expected it exactly where token_types is "
                             "above 0");
  subject.embedding().tokenTypeTable = weightOf("types", {3, 8});
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.token_type_table.stored\" "
                             "is [3, 8]; expected a shape with 2 rows in use, "
                             "not 3");
}

TEST(Validate, Positions) {
  Subject subject;
  Positions &positions = subject.embedding().positions;
  const std::string at = "\"stacks[0].embedding.positions.";
  positions.kind = PositionKind::Learned;
  EXPECT_EQ(subject.error(), at + "table\" is absent; expected it exactly "
                                  "where the positions are learned");
  positions.table = weightOf("positions", {18, 8});
  EXPECT_EQ(subject.error(), at + "count\" is 0; expected an integer from 1 to "
                                  "2147483647");
  positions.count = 16;
  positions.offset = 2;
  EXPECT_EQ(subject.error(), "");
  // An offset would begin within a piece, or between two.
  positions.table->piece = 2;
  EXPECT_EQ(subject.error(),
            at + "table.piece\" is 2; expected 0: rows side by side");
  positions.table->piece = 0;
  positions.offset = 3;
  EXPECT_EQ(subject.error(), at + "table.stored\" is [18, 8]; expected a shape "
                                  "with 19 rows in use, not 18");
  positions.count = 15;
  EXPECT_EQ(subject.error(), at + "count\" is 15; expected at least the "
                                  "stack's max_positions (16), which is not "
                                  "0");
  positions.offset = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(subject.error(),
            at + "offset\" is 9223372036854775807; expected an integer from 0 "
                 "to 2147483632");
}

/// The first two rows of the table are no token's.
TEST(Validate, FirstPosition) {
  Subject subject;
  Positions &positions = subject.embedding().positions;
  const std::string at = "\"stacks[0].embedding.positions.";
  positions.kind = PositionKind::Learned;
  positions.table = weightOf("positions", {18, 8});
  positions.count = 18;
  positions.first = 2;
  EXPECT_EQ(subject.error(), "");
  positions.first = 3;
  EXPECT_EQ(subject.error(), at + "count\" is 18; expected at least the "
                                  "stack's max_positions (16), which is not "
                                  "0, behind \"first\"");
  positions.first = 18;
  EXPECT_EQ(subject.error(),
            at + "first\" is 18; expected an integer from 0 to 17");
  positions.first = -1;
  EXPECT_EQ(subject.error(),
            at + "first\" is -1; expected an integer from 0 to 17");
  positions = {};
  positions.kind = PositionKind::Sinusoidal;
  positions.first = 1;
  EXPECT_EQ(subject.error(),
            at + "first\" is 1; expected an integer from 0 to 0");
}

/// Tokens of width 6 in a stack of 8: types, positions and norm have the width
/// at their place, before or behind the projection.
/// A stack of vectors has no table that could be of another width.
TEST(Validate, WidthOfVectors) {
  Subject subject;
  subject.embedding().tokens.reset();
  subject.embedding().vocabulary = 0;
  subject.embedding().width = 6;
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.width\" is 6; expected 0, "
                             "as there is no table of tokens");
}

TEST(Validate, EmbeddingWidth) {
  Subject subject;
  Embedding &embedding = subject.embedding();
  const std::string at = "\"stacks[0].embedding.";
  embedding.width = 6;
  EXPECT_EQ(subject.error(), at + "projection\" is 0 with token_projection; "
                                  "expected one, as the tokens have a width "
                                  "of their own");
  embedding.tokens = weightOf("tokens", {17, 6});
  embedding.tokenTypes = 3;
  embedding.norm = normOf("norm", 6);
  embedding.positions = {};
  embedding.positions.kind = PositionKind::Learned;
  embedding.positions.count = 16;
  embedding.positions.table = weightOf("positions", {16, 6});
  embedding.tokenTypeTable = weightOf("types", {3, 6});
  embedding.projection = linearOf("projection", 6, 8);
  EXPECT_EQ(subject.error(), "");
  embedding.projection->inFeatures = 7;
  EXPECT_EQ(subject.error(), at + "projection.in\" is 7; expected 6, the width "
                                  "of the tokens");
  embedding.tokenProjection = linearOf("projection", 6, 8);
  EXPECT_EQ(subject.error(), at + "projection\" is 2 with token_projection; "
                                  "expected one, as the tokens have a width "
                                  "of their own");
  embedding.projection.reset();
  EXPECT_EQ(subject.error(), at + "token_type_table.stored\" is [3, 6]; "
                                  "expected 8 columns");
  embedding.tokenTypeTable->stored = {3, 8};
  EXPECT_EQ(subject.error(),
            at + "positions.table.stored\" is [16, 6]; expected 8 columns");
  embedding.positions.table->stored = {16, 8};
  EXPECT_EQ(subject.error(), at + "norm.features\" is 6; expected 8, the width "
                                  "of what it reads");
  embedding.norm = normOf("norm", 8);
  EXPECT_EQ(subject.error(), "");
  embedding.tokens->stored = {17, 8};
  EXPECT_EQ(subject.error(),
            at + "tokens.stored\" is [17, 8]; expected 6 columns");
  embedding.width = 0;
  EXPECT_EQ(subject.error(), at + "projection\" is 1 with token_projection; "
                                  "expected none without \"width\"");
  embedding.width = -1;
  EXPECT_EQ(subject.error(),
            at + "width\" is -1; expected an integer from 0 to 16777216");
}

//===----------------------------------------------------------------------===//
// Heads, labels, generation, names
//===----------------------------------------------------------------------===//

TEST(Validate, HeadLayers) {
  Subject subject;
  Head &head = subject.spec.heads[0];
  head.layers[0].norm = normOf("n", 8);
  EXPECT_EQ(subject.error(), "\"heads[0].layers[0].norm.features\" is 8; "
                             "expected 17, the width of what it reads");
  head.layers[0] = {};
  EXPECT_EQ(subject.error(), "\"heads[0].layers[0]\" is empty; expected a "
                             "linear, a scale, a soft_cap, an activation or a "
                             "norm");
  head.layers.clear();
  EXPECT_EQ(subject.error(),
            "\"heads[0].layers\" is empty; expected at least one layer");
}

TEST(Validate, RowsOfHeads) {
  Subject decoder;
  decoder.spec.heads[0].rows = RowSelection::Token;
  EXPECT_EQ(decoder.error(), "\"heads[0].rows\" is token; expected all or "
                             "first, as the last stack is no encoder of "
                             "tokens");
  Subject subject;
  subject.stack().kind = StackKind::Encoder;
  Head &head = subject.spec.heads[0];
  head.rows = RowSelection::Token;
  head.token = 16;
  EXPECT_EQ(subject.error(), "");
  head.token = 17;
  EXPECT_EQ(subject.error(),
            "\"heads[0].token\" is 17; expected an integer from 0 to 16");
  head.rows = RowSelection::HighestToken;
  head.token = 1;
  EXPECT_EQ(subject.error(),
            "\"heads[0].token\" is 1; expected an integer from 0 to 0");
  head.token = 0;
  EXPECT_EQ(subject.error(), "");
  subject.embedding().tokens.reset();
  subject.embedding().vocabulary = 0;
  EXPECT_EQ(subject.error(), "\"heads[0].rows\" is highest_token; expected all "
                             "or first, as the last stack is no encoder of "
                             "tokens");
}

TEST(Validate, HeadScaleAndCap) {
  Subject subject;
  HeadLayer &layer = subject.spec.heads[0].layers[0];
  const std::string at = "\"heads[0].layers[0].";
  layer.scale = 0.0625;
  layer.softCap = 30;
  EXPECT_EQ(subject.error(), "");
  layer.softCap = 0;
  EXPECT_EQ(subject.error(),
            at + "soft_cap\" is 0; expected a finite number above 0");
  layer.scale = -1;
  EXPECT_EQ(subject.error(),
            at + "scale\" is -1; expected a finite number above 0");
  // Either of them is a layer.
  subject.spec.heads[0].layers.emplace_back().scale = 2;
  subject.spec.heads[0].layers.emplace_back().softCap = 2;
  subject.spec.heads[0].layers.front() = {};
  subject.spec.heads[0].layers.front().linear = linearOf("head", 8, 17);
  EXPECT_EQ(subject.error(), "");
}

TEST(Validate, Labels) {
  Subject subject;
  subject.spec.labels = {"a", "b"};
  EXPECT_EQ(subject.error(), "\"labels\" is a list of 2; expected 17 names, "
                             "one for each class of the first head");
  subject.spec.heads.clear();
  EXPECT_EQ(subject.error(),
            "\"labels\" is a list of 2; expected none without a head");
}

TEST(Validate, GenerationTokens) {
  Subject subject;
  subject.spec.generation.endTokens = {3, 17};
  EXPECT_EQ(subject.error(), "\"generation.end_tokens[1]\" is 17; expected an "
                             "id below the vocabulary's 17");
  subject.spec.generation.endTokens = {};
  subject.spec.generation.padToken = -1;
  EXPECT_EQ(subject.error(), "\"generation.pad_token\" is -1; expected an id "
                             "below the vocabulary's 17");
  subject.spec.generation.padToken.reset();
  subject.spec.generation.maxLength = 0;
  EXPECT_EQ(subject.error(), "\"generation.max_length\" is 0; expected an "
                             "integer from 1 to 2147483647");
}

TEST(Validate, NamesAreUnique) {
  Subject subject;
  subject.spec.heads[0].output = "last_hidden_state";
  EXPECT_EQ(subject.error(), "\"heads[0].output\" is \"last_hidden_state\"; "
                             "expected a name that no other input or output "
                             "has");
  subject.spec.heads[0].output = "";
  EXPECT_EQ(subject.error(), "\"heads[0].output\" is empty; expected a name");
}

TEST(Validate, SuffixAliases) {
  Subject subject;
  subject.spec.checkpoint.suffixAliases = {{"", "x"}};
  EXPECT_EQ(subject.error(), "\"checkpoint.suffix_aliases[0]\" is empty; "
                             "expected a name");
}
