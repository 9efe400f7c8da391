//===- NumbersTest.cpp - Functions without libm, and random numbers -------===//

#include "runtime/text/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

// Catches: a lost digit of ln 2, a term of the series too few, a power of two
// that is off by one, at any size of the argument.
TEST(Numbers, exponentialIsThatOfLibm) {
  for (double x = 0; x > -707; x = x * 1.0009765625 - 0x1p-60) {
    double expected = std::exp(x);
    ASSERT_NEAR(ashlar_exp(x), expected, expected * 4 * 0x1p-52) << x;
  }
  for (int i = 0; i <= 200000; ++i) {
    double x = -i * (104.0 / 200000);
    double expected = std::exp(x);
    ASSERT_NEAR(ashlar_exp(x), expected, expected * 4 * 0x1p-52) << x;
  }
  EXPECT_EQ(ashlar_exp(0), 1);
  EXPECT_EQ(ashlar_exp(-0.0), 1);
  EXPECT_EQ(ashlar_exp(-709), 0);
  EXPECT_EQ(ashlar_exp(-1e308), 0);
  EXPECT_EQ(ashlar_exp(-INFINITY), 0);
}

TEST(Numbers, logarithmIsThatOfLibm) {
  for (double x = 0x1p-1000; x < 0x1p1000; x *= 1.0078125) {
    double expected = std::log(x);
    ASSERT_NEAR(ashlar_log(x), expected,
                1e-15 * std::max(1.0, std::abs(expected)))
        << x;
  }
  for (double x = 0.5; x < 3; x += 0.0001)
    ASSERT_NEAR(ashlar_log(x), std::log(x), 1e-15) << x;
  EXPECT_EQ(ashlar_log(1), 0);
}

TEST(Numbers, squareRootIsThatOfLibm) {
  for (double x = 0x1p-1000; x < 0x1p1000; x *= 1.0078125)
    ASSERT_NEAR(ashlar_sqrt(x), std::sqrt(x), std::sqrt(x) * 0x1p-51) << x;
  EXPECT_EQ(ashlar_sqrt(0), 0);
  EXPECT_EQ(ashlar_sqrt(4), 2);
}

TEST(Numbers, powerIsThatOfLibm) {
  for (double x : {1.0, 2.0, 3.0, 17.0, 4096.0, 131072.0})
    for (double y : {-3.0, -1.0, -0.5, 0.0, 0.6, 1.0, 2.0, 20.0}) {
      double expected = std::pow(x, y);
      EXPECT_NEAR(ashlar_power(x, y), expected, expected * 1e-13);
    }
}

// The numbers that Java's SplittableRandom and others give for seed 0.
TEST(Numbers, randomNumbersAreThoseOfSplitmix) {
  ashlar_random random = {0};
  EXPECT_EQ(ashlar_random_next(&random), 0xe220a8397b1dcdafu);
  EXPECT_EQ(ashlar_random_next(&random), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(ashlar_random_next(&random), 0x06c45d188009454fu);
}

// Catches: neighbouring seeds or prompts that give the same text, perhaps a
// token later.
TEST(Numbers, streamsDiffer) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (uint64_t stream = 0; stream < 50; ++stream) {
      ashlar_random random;
      ashlar_random_begin(&random, seed, stream);
      for (int i = 0; i < 4; ++i)
        seen.insert(ashlar_random_next(&random));
    }
  EXPECT_EQ(seen.size(), 50u * 50 * 4);
}

TEST(Numbers, unitsAreEvenlySpread) {
  ashlar_random random;
  ashlar_random_begin(&random, 1, 2);
  int counts[16] = {};
  for (int i = 0; i < 160000; ++i) {
    double unit = ashlar_random_unit(&random);
    ASSERT_GE(unit, 0);
    ASSERT_LT(unit, 1);
    ++counts[int(unit * 16)];
  }
  for (int count : counts)
    EXPECT_NEAR(count, 10000, 500); // five standard deviations
}
