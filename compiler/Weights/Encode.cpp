//===- Encode.cpp - Numbers of a weight as the image holds them ----------===//

#include "compiler/Weights/Encode.h"

#include "compiler/Weights/HalfFloat.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

// A fused multiply-add would round differently, and give other bytes, on
// machines that have one.
#pragma STDC FP_CONTRACT OFF

using namespace ashlar;

void ErrorSums::add(const ErrorSums &other) {
  for (int64_t lane = 0; lane < lanes; ++lane) {
    error[lane] += other.error[lane];
    norm[lane] += other.norm[lane];
  }
}

double ErrorSums::relative() const {
  double errors = 0, norms = 0;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    errors += error[lane];
    norms += norm[lane];
  }
  return errors == 0 ? 0 : std::sqrt(errors / norms);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//
// Counts are multiples of the lanes: rows are padded.

constexpr int64_t lanes = ErrorSums::lanes;
/// Squares of so many numbers are added in float32 before they go to a sum.
constexpr int64_t block = 64;

/// Added to a float of up to 2^22, it leaves no bits for a fraction: the sum is
/// rounded to nearest even, and its low bits are the integer.
constexpr float rounder = 0x1.8p23f;
constexpr int32_t rounderBits = std::bit_cast<int32_t>(rounder);

namespace {
/// Sums of a block.
struct BlockSums {
  float error[lanes] = {};
  float norm[lanes] = {};

  void add(const float *numbers, const float *encoded) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      float lost = numbers[lane] - encoded[lane];
      error[lane] += lost * lost;
      norm[lane] += numbers[lane] * numbers[lane];
    }
  }
  /// Whether a float could hold every square that matters.
  bool inRange() const {
    float sum = 0;
    for (int64_t lane = 0; lane < lanes; ++lane)
      sum += norm[lane];
    return sum > 0x1p-60f && sum < 0x1p100f;
  }
  void addTo(ErrorSums &sums, double unit) const {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      sums.error[lane] += error[lane] * (unit * unit);
      sums.norm[lane] += norm[lane] * (unit * unit);
    }
  }
};
} // namespace

/// max|w|; infinity or NaN if any number is not finite.
static float largestMagnitude(const float *numbers, int64_t count) {
  int32_t largest = 0; // bits of magnitudes are ordered like magnitudes
  for (int64_t i = 0; i < count; ++i)
    largest =
        std::max(largest, std::bit_cast<int32_t>(numbers[i]) & 0x7fffffff);
  return std::bit_cast<float>(largest);
}

static void encodeBf16(const float *numbers, int64_t count, uint16_t *out,
                       ErrorSums &sums) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = floatToBfloat(numbers[i]);
  for (int64_t begin = 0; begin < count; begin += block) {
    int64_t end = std::min(count, begin + block);
    BlockSums local;
    for (int64_t i = begin; i < end; i += lanes) {
      float encoded[lanes];
      for (int64_t lane = 0; lane < lanes; ++lane)
        encoded[lane] = bfloatToFloat(out[i + lane]);
      local.add(numbers + i, encoded);
    }
    if (local.inRange()) {
      local.addTo(sums, 1);
      continue;
    }
    for (int64_t i = begin; i < end; ++i) {
      double number = numbers[i], lost = number - bfloatToFloat(out[i]);
      sums.error[0] += lost * lost;
      sums.norm[0] += number * number;
    }
  }
}

namespace {
/// Numbers are round(w / scale) in [low, high], `zero` added.
struct Quantizer {
  float scale;
  float low, high;
  int32_t zero = 0;

  float clamp(float number) const {
    number = number < low ? low : number;
    return number > high ? high : number;
  }
  void encode(const float *numbers, int64_t count, int8_t *out,
              ErrorSums &sums) const;
  double squaredError(const float *numbers, int64_t count) const;
};
} // namespace

void Quantizer::encode(const float *numbers, int64_t count, int8_t *out,
                       ErrorSums &sums) const {
  Quantizer self = *this; // nothing that is written changes it
  if (scale == 0)         // everything is lost
    self = {0x1p-100f, 0, 0, zero};
  for (int64_t begin = 0; begin < count; begin += block) {
    BlockSums local;
    for (int64_t i = begin; i < std::min(count, begin + block); i += lanes) {
      float exact[lanes], rounded[lanes];
      for (int64_t lane = 0; lane < lanes; ++lane) {
        exact[lane] = numbers[i + lane] / self.scale;
        rounded[lane] = self.clamp(exact[lane]) + rounder;
      }
      for (int64_t lane = 0; lane < lanes; ++lane)
        out[i + lane] = static_cast<int8_t>(
            std::bit_cast<int32_t>(rounded[lane]) - rounderBits + self.zero);
      for (int64_t lane = 0; lane < lanes; ++lane)
        rounded[lane] -= rounder;
      local.add(exact, rounded);
    }
    local.addTo(sums, self.scale);
  }
}

/// What `encode` would lose; the scale has a finite reciprocal.
double Quantizer::squaredError(const float *numbers, int64_t count) const {
  const float reciprocal = 1.0f / scale;
  float squares[lanes] = {}; // in units of the scale
  for (int64_t i = 0; i < count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane) {
      float number = numbers[i + lane] * reciprocal;
      float lost = number - (clamp(number) + rounder - rounder);
      squares[lane] += lost * lost;
    }
  float sum = 0;
  for (float square : squares)
    sum += square;
  return static_cast<double>(sum) * scale * scale;
}

/// Of a group whose numbers lie in [least, greatest], which includes 0.
static Quantizer makeInt4(float least, float greatest, bool zeroPoints) {
  if (!zeroPoints) {
    float magnitude = std::max(-least, greatest);
    return {bfloatToFloat(floatToBfloat(magnitude / 7)), -7, 7, 8};
  }
  // In float64: the range may be over the greatest float.
  double range = static_cast<double>(greatest) - least;
  float scale = bfloatToFloat(floatToBfloat(static_cast<float>(range / 15)));
  if (scale == 0)
    return {0, 0, 0, 0};
  float zero = std::min(std::nearbyint(-least / scale), 15.0f);
  return {scale, -zero, 15 - zero, static_cast<int32_t>(zero)};
}

/// The best of some scales: it pays to cut the greatest numbers off a little
/// when the others are stored finer for it.
static Quantizer chooseInt4(const float *numbers, int64_t count,
                            bool zeroPoints) {
  float least[lanes] = {}, greatest[lanes] = {};
  for (int64_t i = 0; i < count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane) {
      float number = numbers[i + lane];
      least[lane] = number < least[lane] ? number : least[lane];
      greatest[lane] = number > greatest[lane] ? number : greatest[lane];
    }
  float low = *std::min_element(least, least + lanes);
  float high = *std::max_element(greatest, greatest + lanes);
  Quantizer best = makeInt4(low, high, zeroPoints);
  if (best.scale < 0x1p-100f) // far from scales without a reciprocal
    return best;
  double bestError = best.squaredError(numbers, count);
  for (float part : {0.94f, 0.88f, 0.82f}) {
    Quantizer narrower = makeInt4(low * part, high * part, zeroPoints);
    double error = narrower.squaredError(numbers, count);
    if (error >= bestError)
      continue;
    best = narrower;
    bestError = error;
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// Words [16][lines] to [lines][16]; sixteen lines at a time stay in L1.
static void transpose(const uint32_t *words, int64_t lines, uint32_t *out) {
  for (int64_t block = 0; block < lines; block += panelWidth) {
    int64_t end = std::min(lines, block + panelWidth);
    for (int64_t row = 0; row < panelWidth; ++row)
      for (int64_t line = block; line < end; ++line)
        out[line * panelWidth + row] = words[row * lines + line];
  }
}

PanelEncoder::PanelEncoder(const PanelLayout &layout)
    : layout(layout), behind(layout.bytes - layout.panels * layout.panelBytes),
      padded(layout.paddedDepth), numbers(layout.paddedDepth),
      halves(layout.paddedDepth), words(panelWidth * layout.lines()),
      lines(panelWidth * layout.lines()) {}

llvm::ArrayRef<char> PanelEncoder::panel() const {
  return {reinterpret_cast<const char *>(lines.data()),
          lines.size() * sizeof(uint32_t)};
}

bool PanelEncoder::encode(llvm::ArrayRef<float> rows) {
  int64_t depth = layout.depth;
  int64_t count = static_cast<int64_t>(rows.size()) / depth;
  assert(done < layout.panels && count <= panelWidth && "no such panel");
  for (int64_t row = 0; row < panelWidth; ++row) {
    const float *floats = rows.data() + row * depth;
    if (row >= count || depth < layout.paddedDepth) {
      std::fill_n(padded.begin(), depth, 0.0f);
      if (row < count)
        std::copy_n(floats, depth, padded.begin());
      floats = padded.data();
    }
    if (!encodeRow(row, floats, &words[row * layout.lines()]))
      return false;
  }
  transpose(words.data(), layout.lines(), lines.data());
  ++done;
  return true;
}

bool PanelEncoder::encodeRow(int64_t row, const float *floats,
                             uint32_t *words) {
  int64_t bytes = layout.lines() * sizeof(uint32_t);
  switch (layout.precision) {
  case ir::Precision::F32:
    std::memcpy(words, floats, bytes);
    return true;
  case ir::Precision::Bf16:
    encodeBf16(floats, layout.paddedDepth, halves.data(), sums);
    std::memcpy(words, halves.data(), bytes);
    return true;
  case ir::Precision::Int8:
    if (!encodeInt8(row, floats))
      return false;
    std::memcpy(words, numbers.data(), bytes);
    return true;
  case ir::Precision::Int4:
    if (!encodeInt4(row, floats))
      return false;
    // Inputs 0 to 3 are the low halves of a word's bytes, 4 to 7 the high ones.
    for (int64_t line = 0; line < layout.lines(); ++line) {
      uint32_t four[2];
      std::memcpy(four, &numbers[line * 8], sizeof(four));
      words[line] = four[0] | four[1] << 4;
    }
    return true;
  }
  llvm_unreachable("every precision is handled above");
}

bool PanelEncoder::encodeInt8(int64_t row, const float *floats) {
  float magnitude = largestMagnitude(floats, layout.paddedDepth);
  if (!std::isfinite(magnitude))
    return false;
  Quantizer quantizer{magnitude / 127, -127, 127};
  quantizer.encode(floats, layout.paddedDepth, numbers.data(), sums);
  int32_t sum = 0;
  for (int8_t number : numbers)
    sum += number;
  int64_t feature = done * panelWidth + row;
  behindPanels<float>(layout.scales)[feature] = quantizer.scale;
  behindPanels<int32_t>(layout.sums)[feature] = sum;
  return true;
}

bool PanelEncoder::encodeInt4(int64_t row, const float *floats) {
  if (!std::isfinite(largestMagnitude(floats, layout.paddedDepth)))
    return false;
  bool zeroPoints = layout.zeroPoints >= 0;
  for (int64_t group = 0; group < layout.groups(); ++group) {
    int64_t first = group * layout.group;
    Quantizer quantizer = chooseInt4(floats + first, layout.group, zeroPoints);
    quantizer.encode(floats + first, layout.group, &numbers[first], sums);
    int64_t at = (done * layout.groups() + group) * panelWidth + row;
    behindPanels<uint16_t>(layout.scales)[at] = floatToBfloat(quantizer.scale);
    if (zeroPoints)
      behindPanels<uint8_t>(layout.zeroPoints)[at] =
          static_cast<uint8_t>(quantizer.zero);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

void ashlar::encodeTable(llvm::ArrayRef<float> rows, int64_t columns,
                         int64_t stride, std::vector<uint16_t> &out,
                         ErrorSums &sums) {
  int64_t count = static_cast<int64_t>(rows.size()) / columns;
  std::vector<float> padded(stride);
  out.resize(count * stride);
  for (int64_t row = 0; row < count; ++row) {
    std::copy_n(rows.data() + row * columns, columns, padded.begin());
    encodeBf16(padded.data(), stride, &out[row * stride], sums);
  }
}
