//===- ValidateRotaryTest.cpp - Rotary positions that make no sense -------===//
//
// Rotary positions and their scalings.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/spec/Subject.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

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
  rotary = {};
  rotary.dimensions = 6;
  rotary.theta = 0.5;
  EXPECT_EQ(subject.error(), "");
}

/// What a scaling does not read would be ignored.
TEST(Validate, RotaryOfAnotherScaling) {
  struct Row {
    void (*change)(Rotary &);
    const char *error;
  };
  const Row rows[] = {
      {[](Rotary &r) { r.betaFast = 16; },
       "beta_fast\" is 16; expected 32 where the scaling is none"},
      {[](Rotary &r) { r.betaSlow = 2; },
       "beta_slow\" is 2; expected 1 where the scaling is none"},
      {[](Rotary &r) { r.lowFrequencyFactor = 2; },
       "low_frequency_factor\" is 2; expected 1 where the scaling is none"},
      {[](Rotary &r) { r.highFrequencyFactor = 8; },
       "high_frequency_factor\" is 8; expected 4 where the scaling is none"},
      {[](Rotary &r) { r.factor = 2; },
       "factor\" is 2; expected 1 where the scaling is none"},
      {[](Rotary &r) { r.originalMaxPositions = 16; },
       "original_max_positions\" is 16; expected 0 where the scaling is none"},
      {[](Rotary &r) { r.shortFactors = {1.0}; },
       "short_factors\" is a list of 1; expected none where the scaling is "
       "none"}};
  for (const Row &row : rows) {
    Subject subject;
    row.change(subject.rotary());
    EXPECT_EQ(subject.error(), block0 + "attention.rotary." + row.error);
  }
}

TEST(Validate, RotaryByLength) {
  Subject subject;
  const std::string at = block0 + "attention.rotary.";
  Rotary &rotary = subject.rotary();
  rotary.scaling = RopeScalingKind::Dynamic;
  EXPECT_EQ(subject.error(), at + "original_max_positions\" is 0; expected an "
                                  "integer from 1 to 2147483647");
  rotary.originalMaxPositions = 8;
  rotary.factor = 2;
  EXPECT_EQ(subject.error(), "");
  rotary.factor = 0.5;
  EXPECT_EQ(subject.error(),
            at + "factor\" is 0.5; expected at least 1 with dynamic");
  rotary.factor = 2;
  rotary.dimensions = 2;
  EXPECT_EQ(subject.error(),
            at + "dimensions\" is 2; expected at least 4 with dynamic");
  rotary.dimensions = 6;
  rotary.scaling = RopeScalingKind::LongRope;
  rotary.factor = 1;
  EXPECT_EQ(subject.error(), at + "short_factors\" is a list of 0; expected 3 "
                                  "numbers, one for each pair");
  rotary.shortFactors = {1, 1, 1};
  rotary.longFactors = {1, 2, 0};
  EXPECT_EQ(subject.error(), at + "long_factors[2]\" is 0; expected a finite "
                                  "number above 0");
  rotary.longFactors[2] = 4;
  EXPECT_EQ(subject.error(), "");
}

/// What is forgotten is fed again: tokens of a decoder, whose angles change.
TEST(Validate, Recomputing) {
  const std::string at = "\"stacks[0].recompute_length\" is ";
  Subject subject;
  subject.stack().recomputeLength = 9;
  EXPECT_EQ(subject.error(), at + "9; expected 0 where no block's rotary "
                                  "scaling depends on the length");
  Rotary &rotary = subject.rotary();
  rotary.scaling = RopeScalingKind::Dynamic;
  rotary.originalMaxPositions = 8;
  EXPECT_EQ(subject.error(), "");
  subject.stack().recomputeLength = -1;
  EXPECT_EQ(subject.error(),
            at + "-1; expected an integer from 0 to 2147483647");
  Subject two(encoderDecoderSpec());
  two.stack().recomputeLength = 9;
  EXPECT_EQ(two.error(), "\"stacks[1].recompute_length\" is 9; expected 0 in a "
                         "model that is not a decoder alone");
}
