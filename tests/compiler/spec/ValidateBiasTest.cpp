//===- ValidateBiasTest.cpp - Position biases that make no sense ----------===//
//
// Slopes and tables that are added to scores.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/spec/Subject.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

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
  bias.scale = 1;
  bias.maxBias = 4;
  EXPECT_EQ(subject.error(),
            at + "max_bias\" is 4; expected it to be left out in a relative "
                 "bias, which does not read it");
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
  // One for all layers, or one for each.
  bias.table = weightOf("bias.{layer}", {6, 4});
  EXPECT_EQ(subject.error(), "");
}

/// Alibi and one-sided buckets say nothing of keys ahead.
TEST(Validate, BiasOfKeysAhead) {
  Subject subject;
  subject.spec.stacks[0].kind = StackKind::Encoder;
  subject.attention().causal = false;
  PositionBias &bias = subject.attention().positionBias.emplace();
  const std::string at = block0 + "attention.position_bias.";
  EXPECT_EQ(subject.error(),
            at + "kind\" is alibi; expected relative, or \"causal\" in the "
                 "attention: alibi has no bias for keys ahead of the query");
  bias.kind = PositionBiasKind::Relative;
  EXPECT_EQ(subject.error(), at + "bidirectional\" is false; expected true, as "
                                  "keys ahead of the query are seen");
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
  // Half of the buckets to each side, and of these half for near keys: rounded
  // down.
  bias.buckets = 7;
  bias.table = weightOf("bias", {7, 4});
  EXPECT_EQ(subject.error(), "");
  bias.buckets = 2;
  EXPECT_EQ(subject.error(),
            at + "buckets\" is 2; expected an integer from 4 to 16777216");
}
