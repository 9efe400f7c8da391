//===- WeightLayout.h - Shapes of packed weights and operands --*- C++ -*-===//
//
// The one place that knows how a weight's numbers lie in the image and how rows
// lie that are multiplied with them; the packer writes by it, the kernels read
// by it.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LAYOUT_WEIGHTLAYOUT_H
#define ASHLAR_PASSES_LAYOUT_WEIGHTLAYOUT_H

#include "dialect/Ashlar.h"

namespace ashlar {

/// Output features of a panel, floats of a vector, unit of padding.
constexpr int64_t panelWidth = 16;
/// Rows of an operand's tile.
constexpr int64_t tileRows = 16;
/// Bytes of a row of a tile, of a line of a panel, of a cache line.
constexpr int64_t lineBytes = 64;

inline int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}
inline int64_t ceilDiv(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit;
}

/// How a weight of linears lies in the image: panels of 16 output features,
/// each [padded depth / step] lines of [16][step] numbers, one behind the
/// other; those of gated weights by turns (gate, up). A line has 64 bytes.
/// What is padded is zero.
///   f32   step 1; depth not padded
///   bf16  step 2; depth padded to 32
///   int8  step 4; depth padded to 64; then scales f32 [panels][16] and sums
///         int32 [panels][16] of each feature's numbers
///   int4  step 8: byte j of feature n holds inputs j (low nibble) and 4 + j
///         (high nibble) as number + 8, or as number + zero point; depth padded
///         to the group; then scales bf16 [panels][groups][16] and, with zero
///         points, zero points uint8 [panels][groups][16]. Padding is the zero
///         point: 8 without them
/// All sizes and offsets are in bytes from the weight's begin.
struct PanelLayout {
  ir::Precision precision = ir::Precision::F32;
  int64_t depth = 0; // inputs
  int64_t paddedDepth = 0;
  int64_t panels = 0; // both halves' of gated weights
  int64_t step = 1;   // inputs of a line
  int64_t group = 0;  // int4: inputs that share a scale
  int64_t panelBytes = 0;
  int64_t scales = -1;     // int8, int4
  int64_t sums = -1;       // int8
  int64_t zeroPoints = -1; // int4 with zero points
  int64_t bytes = 0;

  int64_t lines() const { return paddedDepth / step; } // of a panel
  int64_t groups() const { return group ? paddedDepth / group : 0; }

  static PanelLayout of(ir::WeightOp weight, bool gated);
};

/// Numbers from one row of a `rows` table to the next.
int64_t tableStride(ir::WeightOp weight);

/// Bytes that a weight takes in the image in `layout`:
///   rows           [rows][columns rounded up to 16], f32 or bf16; a vector f32
///                  [n + 16 rounded up]
///   panels         PanelLayout
///   gated_panels   PanelLayout
int64_t packedBytes(ir::WeightOp weight, ir::WeightLayout layout);

/// Bytes from one expert's weight to the next one's, of a placed weight.
int64_t expertStride(ir::WeightOp weight);
/// Bytes that all of them take, and that another weight may follow behind.
int64_t placedBytes(ir::WeightOp weight, ir::WeightLayout layout);

/// How rows lie that a matrix kernel reads ([tokens, features] of bf16 or
/// int8): [rows / 16][padded depth / elements of a line][16] lines. Behind
/// them, for int8: scales f32 [rows] and, with a group, sums int32
/// [rows][groups] of each row's numbers. `rows` is the buffer's capacity.
struct OperandLayout {
  bool isInt8 = false;
  int64_t depth = 0;
  int64_t paddedDepth = 0;
  int64_t group = 0;

  int64_t elementBytes() const { return isInt8 ? 1 : 2; }
  int64_t lineElements() const { return lineBytes / elementBytes(); }
  int64_t lines() const { return paddedDepth / lineElements(); } // of a row
  int64_t groups() const { return group ? paddedDepth / group : 0; }
  /// Of each row: lines, scale, sums.
  int64_t rowBytes() const {
    return lines() * lineBytes + (isInt8 ? 4 : 0) + groups() * 4;
  }
  int64_t scalesOffset(int64_t rows) const {
    return rows * lines() * lineBytes;
  }
  int64_t sumsOffset(int64_t rows) const {
    return scalesOffset(rows) + rows * 4;
  }

  /// Of a value of bf16 or int8.
  static OperandLayout of(mlir::Value value);
};

/// The op whose phase writes what `convert` makes, row by row, or null: a norm,
/// or the experts whose rows are converted.
mlir::Operation *writerOf(ir::ConvertOp convert);

/// Name of the module's attribute that holds the size of the image in bytes.
constexpr llvm::StringLiteral weightBytesAttr = "ashlar.weight_bytes";
/// Where something is encoded: the byte of the image at which the table of its
/// errors begins, float32 [encoded weights of all layers, in their order in the
/// image]: |w - encoded w| / |w|, in Euclidean norms.
constexpr llvm::StringLiteral weightErrorsAttr = "ashlar.weight_errors";

} // namespace ashlar

#endif // ASHLAR_PASSES_LAYOUT_WEIGHTLAYOUT_H
