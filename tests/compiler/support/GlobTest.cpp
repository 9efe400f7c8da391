//===- GlobTest.cpp - Patterns and shapes ---------------------------------===//

#include "compiler/Support/Glob.h"
#include "compiler/Support/Shape.h"

#include <gtest/gtest.h>

using namespace ashlar;

TEST(Glob, Matches) {
  EXPECT_TRUE(matchesGlob("", ""));
  EXPECT_TRUE(matchesGlob("*", ""));
  EXPECT_TRUE(matchesGlob("***", "abc"));
  EXPECT_TRUE(matchesGlob("abc", "abc"));
  EXPECT_TRUE(matchesGlob("*.attn.bias", "h.0.attn.bias"));
  EXPECT_TRUE(matchesGlob("h.*.attn.*bias", "h.10.attn.masked_bias"));
  EXPECT_TRUE(matchesGlob("a*b*c", "aXbXbXc"));
  EXPECT_TRUE(matchesGlob("*ab", "aab"));
  EXPECT_TRUE(matchesGlob("a*", "a*"));
}

TEST(Glob, Refuses) {
  EXPECT_FALSE(matchesGlob("", "a"));
  EXPECT_FALSE(matchesGlob("abc", "ab"));
  EXPECT_FALSE(matchesGlob("abc", "abcd"));
  EXPECT_FALSE(matchesGlob("*.bias", "h.bias.weight"));
  EXPECT_FALSE(matchesGlob("a*b*c", "acb"));
  EXPECT_FALSE(matchesGlob("*ab", "aba"));
  EXPECT_FALSE(matchesGlob("a.b", "aXb"));
  EXPECT_FALSE(matchesGlob("?", "a"));
}

// Exponential matchers need centuries here.
TEST(Glob, StaysPolynomial) {
  std::string pattern, text(20000, 'a');
  for (int i = 0; i < 100; ++i)
    pattern += "a*";
  EXPECT_FALSE(matchesGlob(pattern + "b", text));
  EXPECT_TRUE(matchesGlob(pattern, text));
}

TEST(Shape, ElementCount) {
  EXPECT_EQ(elementCount({}), 1);
  EXPECT_EQ(elementCount({2, 3, 5}), 30);
  EXPECT_EQ(elementCount({INT64_MAX}), INT64_MAX);
  EXPECT_EQ(elementCount({0, 5}), 0);
  EXPECT_EQ(elementCount({int64_t(1) << 32, int64_t(1) << 31}), std::nullopt);
  EXPECT_EQ(elementCount({0, int64_t(1) << 32, int64_t(1) << 31}),
            std::nullopt);
  EXPECT_EQ(elementCount({3037000500, 3037000500}), std::nullopt);
  EXPECT_EQ(elementCount({3037000499, 3037000499}), 9223372030926249001);
}

TEST(Shape, Text) {
  EXPECT_EQ(shapeText({}), "[]");
  EXPECT_EQ(shapeText({2, 3}), "[2, 3]");
}
