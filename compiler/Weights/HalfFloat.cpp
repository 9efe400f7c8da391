//===- HalfFloat.cpp - 16-bit floating-point numbers ----------------------===//

#include "compiler/Weights/HalfFloat.h"

using namespace ashlar;

float ashlar::halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 0x1f;
  uint32_t fraction = bits & 0x3ff;
  if (exponent == 0x1f) // infinity, NaN with its payload
    return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent != 0)
    return std::bit_cast<float>(sign | (exponent + 127 - 15) << 23 |
                                fraction << 13);
  // Zero and subnormals: fraction * 2^-24, exact in a float.
  float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

uint16_t ashlar::floatToHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000)
    return static_cast<uint16_t>(sign | 0x7c00);
  uint32_t result;
  if (magnitude < 0x38800000) {
    // Below 2^-14 the unit is 2^-24: adding 0.5, whose own unit is 2^-24,
    // rounds to it.
    float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    result = std::bit_cast<uint32_t>(shifted) - 0x3f000000;
  } else {
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    result = (rounded - ((127 - 15) << 23)) >> 13;
  }
  return static_cast<uint16_t>(sign | result);
}
