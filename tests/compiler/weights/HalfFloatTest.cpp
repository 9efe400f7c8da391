//===- HalfFloatTest.cpp - All 16-bit patterns ----------------------------===//

#include "compiler/Weights/HalfFloat.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace ashlar;

/// The value of binary16 `bits` by its definition.
static double halfByDefinition(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  double fraction = bits & 1023;
  double magnitude = exponent == 0 ? std::ldexp(fraction, -24)
                     : exponent == 31
                         ? (fraction ? NAN : INFINITY)
                         : std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

TEST(HalfFloat, WidensEveryHalf) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float value = halfToFloat(bits);
    double expected = halfByDefinition(bits);
    ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
    if (std::isnan(expected))
      ASSERT_TRUE(std::isnan(value)) << bits;
    else
      ASSERT_EQ(static_cast<double>(value), expected) << bits;
  }
}

TEST(HalfFloat, WidensEveryBfloat) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits)
    ASSERT_EQ(std::bit_cast<uint32_t>(bfloatToFloat(bits)), bits << 16);
}

TEST(HalfFloat, NarrowingIsTheInverse) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    bool halfNan = (bits & 0x7fff) > 0x7c00,
         bfloatNan = (bits & 0x7fff) > 0x7f80;
    // A signalling NaN comes back quiet.
    ASSERT_EQ(floatToHalf(halfToFloat(bits)), bits | (halfNan ? 0x200 : 0));
    ASSERT_EQ(floatToBfloat(bfloatToFloat(bits)),
              bits | (bfloatNan ? 0x40 : 0));
  }
}

/// Checks that `narrow` is the neighbour of `value` that is nearest, the even
/// one of two equally near. Infinity stands one unit above the largest.
template <typename Widen>
static void checkNearest(float value, uint16_t narrow, Widen widen,
                         double pastLargest) {
  auto valueOf = [&](uint16_t bits) {
    double widened = widen(bits);
    return std::isinf(widened) ? std::copysign(pastLargest, widened) : widened;
  };
  double distance = std::abs(valueOf(narrow) - double(value));
  for (int step : {-1, 1}) {
    uint16_t other = static_cast<uint16_t>(narrow + step);
    if (std::isnan(widen(other)) || (other & 0x8000) != (narrow & 0x8000))
      continue;
    double otherDistance = std::abs(valueOf(other) - double(value));
    ASSERT_LE(distance, otherDistance) << value;
    if (distance == otherDistance)
      ASSERT_EQ(narrow & 1, 0) << value;
  }
}

TEST(HalfFloat, NarrowingRoundsToNearestEven) {
  // Values between each pair of neighbours: the middle, and one float beside.
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    float low = halfToFloat(bits);
    float high = bits == 0x7bff ? 65536.0f : halfToFloat(bits + 1);
    float middle = low + (high - low) / 2;
    for (float value :
         {middle, std::nextafter(middle, low), std::nextafter(middle, high)}) {
      checkNearest(value, floatToHalf(value), halfToFloat, 65536.0);
      ASSERT_EQ(floatToHalf(-value), floatToHalf(value) | 0x8000);
    }
  }
  for (uint32_t bits = 0; bits < 0x7f80; ++bits) {
    uint32_t middle = bits << 16 | 0x8000;
    for (uint32_t pattern : {middle, middle - 1, middle + 1}) {
      float value = std::bit_cast<float>(pattern);
      checkNearest(value, floatToBfloat(value), bfloatToFloat, 0x1p128);
    }
  }
}

TEST(HalfFloat, Extremes) {
  EXPECT_EQ(floatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(floatToHalf(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(floatToHalf(-INFINITY), 0xfc00);
  EXPECT_EQ(floatToHalf(0x1p-25f), 0);
  EXPECT_EQ(floatToHalf(0x1.000002p-25f), 1);
  EXPECT_EQ(floatToHalf(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(floatToHalf(-0.0f), 0x8000);
  EXPECT_EQ(floatToBfloat(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(floatToBfloat(-INFINITY), 0xff80);
  EXPECT_EQ(floatToBfloat(-0.0f), 0x8000);
  // A NaN whose payload lies in the lost bits must not become infinity.
  EXPECT_EQ(floatToBfloat(std::bit_cast<float>(0x7f800001)), 0x7fc0);
  EXPECT_EQ(floatToHalf(std::bit_cast<float>(0x7f800001)), 0x7e00);
}
