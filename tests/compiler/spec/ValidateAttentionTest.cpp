//===- ValidateAttentionTest.cpp - Attention that makes no sense ----------===//
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
  // Not a word of "causal", which was not written.
  decoder.attention().mask =
      Mask::any({Mask::causal(), Mask::counting(MaskKind::FirstKeys, 5)});
  EXPECT_EQ(decoder.error(),
            block0 +
                "attention.mask\" is \"causal | prefix(5)\"; expected "
                "\"causal & (...)\" in a decoder, whose tokens come one "
                "after the other; where some see keys ahead of them, as in "
                "a prefix, make the stack an encoder");
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
  subject.cross().window = 0;
  subject.cross().mask = Mask::causal();
  EXPECT_EQ(subject.error(), "\"stacks[1].blocks[0].cross_attention.mask\" "
                             "is present; expected none in cross-attention");
  subject.cross().mask.reset();
  subject.cross().repeated = {Mask::causal(), 2};
  EXPECT_EQ(subject.error(),
            "\"stacks[1].blocks[0].cross_attention.repeated\" is present; "
            "expected none in cross-attention");
  subject.block().crossAttention.reset();
  EXPECT_EQ(subject.error(),
            "\"stacks[1].blocks[0].cross_attention\" is absent; expected the "
            "decoder's attention to the encoder");
  Subject alone;
  alone.block().crossAttention = attentionOf(8, 8, false);
  EXPECT_EQ(alone.error(), block0 + "cross_attention\" is present; expected "
                                    "none without an encoder to attend to");
}

TEST(Validate, Clip) {
  Subject subject;
  subject.attention().clip = 6;
  EXPECT_EQ(subject.error(), "");
  subject.attention().clip = 0;
  EXPECT_EQ(subject.error(),
            block0 + "attention.clip\" is 0; expected a finite number above 0");
}

/// Heads of their own gains, which may be stored as [heads, head_dim].
TEST(Validate, GroupsOfNorms) {
  Subject subject; // 4 heads of 6
  Norm &norm = subject.attention().queryNorm.emplace(normOf("n.{layer}", 24));
  norm.groups = 4;
  EXPECT_EQ(subject.error(), "");
  norm.gain->stored = {4, 6};
  EXPECT_EQ(subject.error(), "");
  norm.gain->count = 12;
  EXPECT_EQ(subject.error(),
            block0 + "attention.query_norm.gain.count\" is 12; expected 0: all "
                     "of a vector that is stored in two dimensions");
  norm.gain->count = 0;
  norm.gain->stored = {4, 5};
  EXPECT_EQ(subject.error(), block0 + "attention.query_norm.gain.stored\" is "
                                      "[4, 5]; expected one size");
  norm.gain->stored = {24};
  norm.groups = 3;
  EXPECT_EQ(subject.error(),
            block0 + "attention.query_norm.groups\" is 3; expected 1 or the "
                     "number of heads (4)");
  subject.attention().queryNorm.reset();
  subject.block().attentionNorm = normOf("n.{layer}", 8);
  subject.block().attentionNorm->groups = 2;
  EXPECT_EQ(subject.error(),
            block0 + "attention_norm.groups\" is 2; expected 1 here");
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

TEST(Validate, Mask) {
  Subject subject;
  subject.attention().mask = Mask::counting(MaskKind::FirstKeys, 3);
  EXPECT_EQ(subject.error(), "");
  subject.attention().mask =
      Mask::negate(Mask::lastBlock(MaskKind::LastQueries, 3));
  EXPECT_EQ(subject.error(),
            block0 + "attention.mask\" is dependent on the sequence's length; "
                     "expected no last_block, last_block_queries and "
                     "length_up_to in a decoder");
  std::vector<Mask> many;
  for (int64_t i = 1; i <= 64; ++i)
    many.push_back(Mask::counting(MaskKind::FirstKeys, i));
  subject.attention().mask = Mask::any(many);
  EXPECT_EQ(subject.error(),
            block0 + "attention.mask\" is of 65 parts; expected at most 64");
  Mask &random = subject.attention().mask.emplace();
  random.kind = MaskKind::Random;
  random.count = 66;
  EXPECT_EQ(subject.error(),
            block0 + "attention.mask\" is of 66 parts; expected at most 64");
  subject.attention().mask.reset();
  subject.attention().repeated = {Mask::counting(MaskKind::FirstKeys, 3), 1};
  EXPECT_EQ(subject.error(), block0 + "attention.repeated.times\" is 1; "
                                      "expected an integer from 2 to "
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

/// Numbers that float32 has no place for would become infinity, and then NaN.
TEST(Validate, NumbersBeyondFloat32) {
  const std::string range = "; expected a number from 1.1754944e-38 to "
                            "3.4028234e+38, as float32 has them";
  Subject subject;
  Attention &attention = subject.attention();
  attention.scale = 1e39;
  EXPECT_EQ(subject.error(), block0 + "attention.scale\" is 1e+39" + range);
  attention.scale = 3.4028234e38;
  EXPECT_EQ(subject.error(), "");
  attention.softCap = 1e39;
  EXPECT_EQ(subject.error(), block0 + "attention.soft_cap\" is 1e+39" + range);
  attention.softCap = 1e-40;
  EXPECT_EQ(subject.error(), block0 + "attention.soft_cap\" is 1e-40" + range);
  attention.softCap = 1.1754944e-38;
  EXPECT_EQ(subject.error(), "");
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

/// An encoder of tokens whose masks may ask for marks.
static Subject markedSubject() {
  ModelSpec encoder = encoderDecoderSpec();
  encoder.stacks.pop_back();
  encoder.heads.clear();
  Subject subject(std::move(encoder));
  subject.stack().marks.emplace().input = "marks";
  subject.attention().mask = Mask::marked(MaskKind::MarkedKeys);
  return subject;
}

TEST(Validate, Marks) {
  Subject subject = markedSubject();
  EXPECT_EQ(subject.error(), "");
  const std::string at = "\"stacks[0].marks";
  Marks &marks = *subject.stack().marks;
  marks.token = 1;
  EXPECT_EQ(subject.error(),
            at + ".token\" is 1; expected an integer from 0 to 0");
  marks.otherwise = MarkRule::Before;
  EXPECT_EQ(subject.error(), "");
  marks.token = 17;
  EXPECT_EQ(subject.error(),
            at + ".token\" is 17; expected an integer from 0 to 16");
  marks.token = 0;
  marks.input = "";
  EXPECT_EQ(subject.error(), at + ".input\" is empty; expected a name");
  marks.input = "attention_mask";
  EXPECT_EQ(subject.error(), at + ".input\" is \"attention_mask\"; expected a "
                                  "name that no other input or output has");
  subject = markedSubject();
  subject.attention().mask.reset();
  EXPECT_EQ(subject.error(), at + "\" is present; expected a mask with marked "
                                  "or marked_queries");
  subject.attention().repeated = {Mask::marked(MaskKind::MarkedQueries), 2};
  EXPECT_EQ(subject.error(), "");
  subject.stack().marks.reset();
  EXPECT_EQ(subject.error(),
            block0 + "attention.repeated.keys\" is dependent on marks; "
                     "expected \"marks\" in the stack, which say where they "
                     "come from");
  Subject decoder;
  decoder.stack().marks.emplace().input = "marks";
  EXPECT_EQ(decoder.error(),
            at + "\" is present; expected none but in an encoder of tokens");
}

TEST(Validate, MarkedProjections) {
  Subject subject = markedSubject();
  Attention &attention = subject.attention();
  attention.marked = {attention.query, attention.key, attention.value};
  EXPECT_EQ(subject.error(), "");
  attention.mask.reset(); // they ask for marks themselves
  EXPECT_EQ(subject.error(), "");
  attention.marked->value.inFeatures = 7;
  EXPECT_NE(subject.error().find("attention.marked.value.in\" is 7"),
            std::string::npos);
  attention.marked->value = attention.value;
  subject.stack().marks.reset();
  EXPECT_EQ(subject.error(),
            block0 + "attention.marked\" is present; expected \"marks\" in the "
                     "stack, which say where they come from");
  Subject cross(encoderDecoderSpec());
  cross.cross().marked = {cross.cross().query, cross.cross().key,
                          cross.cross().value};
  EXPECT_EQ(cross.error(),
            "\"stacks[1].blocks[0].cross_attention.marked\" is present; "
            "expected none in cross-attention");
}
