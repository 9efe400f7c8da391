//===- HalfFloat.h - 16-bit floating-point numbers -------------*- C++ -*-===//
//
// IEEE binary16 and bfloat16 as bit patterns. Widening is exact; narrowing
// rounds to nearest, ties to even, and keeps NaN a NaN.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_HALFFLOAT_H
#define ASHLAR_COMPILER_WEIGHTS_HALFFLOAT_H

#include <bit>
#include <cstdint>

namespace ashlar {

inline float bfloatToFloat(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}

/// NaN becomes quiet and keeps its sign and upper payload.
inline uint16_t floatToBfloat(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  // Adds half a unit, less one bit where the result would be even.
  uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  uint32_t quiet = bits | 0x400000;
  bool isNan = (bits & 0x7fffffff) > 0x7f800000;
  return static_cast<uint16_t>((isNan ? quiet : rounded) >> 16);
}

float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_HALFFLOAT_H
