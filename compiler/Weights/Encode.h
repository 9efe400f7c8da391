//===- Encode.h - Numbers of a weight as the image holds them --*- C++ -*-===//
//
// Sixteen rows of floats in, one panel of bytes out, in the layout of
// passes/Layout/WeightLayout.h; no files. The same numbers give the same bytes
// on every machine.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_ENCODE_H
#define ASHLAR_COMPILER_WEIGHTS_ENCODE_H

#include "passes/Layout/WeightLayout.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace ashlar {

/// Squares of numbers, and of what encoding took away from them, added up in
/// float64. Several sums at a time, so that the compiler can use vectors.
struct ErrorSums {
  static constexpr int64_t lanes = 8;
  double error[lanes] = {};
  double norm[lanes] = {};

  void add(const ErrorSums &other);
  /// |w - encoded w| / |w|; 0 for zeros. NaN if a number was not finite.
  double relative() const;
};

/// Encodes the panels of one weight of one layer, in the order of the image.
///   bf16  nearest, ties to even; NaN stays NaN
///   int8  s = max|w| / 127 of a row; round(w / s)
///   int4  s of a group is a bf16, the one of a few near max|w| / 7 (with zero
///         points: near (max - min) / 15) that gives the least squared error
/// Ties go to even everywhere. A row or group of zeros has s = 0.
class PanelEncoder {
public:
  explicit PanelEncoder(const PanelLayout &layout);

  /// The next panel, of `rows` [up to 16][depth]; missing rows are zeros.
  /// False when int8 or int4 meets a number that is not finite.
  [[nodiscard]] bool encode(llvm::ArrayRef<float> rows);

  /// The panel that `encode` made: `layout.panelBytes`.
  llvm::ArrayRef<char> panel() const;
  /// After the last panel: scales, sums, zero points, with their padding.
  llvm::ArrayRef<char> tail() const { return behind; }
  const ErrorSums &errors() const { return sums; }

private:
  bool encodeRow(int64_t row, const float *numbers, uint32_t *words);
  bool encodeInt8(int64_t row, const float *numbers);
  bool encodeInt4(int64_t row, const float *numbers);
  template <typename T> T *behindPanels(int64_t offset) {
    return reinterpret_cast<T *>(behind.data() + offset -
                                 layout.panels * layout.panelBytes);
  }

  PanelLayout layout;
  int64_t done = 0; // panels
  ErrorSums sums;
  std::vector<char> behind;
  std::vector<float> padded;    // a row [padded depth]
  std::vector<int8_t> numbers;  // a row [padded depth], one number in a byte
  std::vector<uint16_t> halves; // a row [padded depth]
  std::vector<uint32_t> words;  // [16][lines]
  std::vector<uint32_t> lines;  // [lines][16]
};

/// Rows of a table in bf16, `stride` numbers each, zeros behind `columns`.
void encodeTable(llvm::ArrayRef<float> rows, int64_t columns, int64_t stride,
                 std::vector<uint16_t> &out, ErrorSums &sums);

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_ENCODE_H
