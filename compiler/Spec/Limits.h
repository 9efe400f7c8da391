//===- Limits.h - How large a description may be ---------------*- C++ -*-===//
//
// No product of two of these overflows 64 bits, so arithmetic on a validated
// description needs no checks of its own.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_LIMITS_H
#define ASHLAR_COMPILER_SPEC_LIMITS_H

#include <cfloat>
#include <cstddef>
#include <cstdint>

namespace ashlar {

/// Vocabulary, positions, token ids.
inline constexpr int64_t maxCount = (int64_t(1) << 31) - 1;
/// Widths: hidden, feed-forward, heads * head_dim, token types.
inline constexpr int64_t maxFeatures = int64_t(1) << 24;
inline constexpr int64_t maxHeads = int64_t(1) << 16;
inline constexpr int64_t maxLayers = 10000;
inline constexpr int64_t maxExperts = 4096;
/// Rows of an input that a stem makes one of.
inline constexpr int64_t maxRowsPerToken = 1024;
/// Rows that a head makes of a sequence, each in its own way.
inline constexpr size_t maxPools = 16;
/// Parts of a mask: each is code.
inline constexpr int64_t maxMaskParts = 64;
/// Of beam search: its absolute value.
inline constexpr double maxLengthPenalty = 20.0;
/// Numbers above 0 that code computes with: smaller ones would be 0 in float32,
/// larger ones infinity.
inline bool fitsFloat(double value) {
  return value >= FLT_MIN && value <= FLT_MAX;
}
inline constexpr const char *floatRange =
    "a number from 1.1754944e-38 to 3.4028234e+38, as float32 has them";

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_LIMITS_H
