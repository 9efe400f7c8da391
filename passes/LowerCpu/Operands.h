//===- Operands.h - Rows and panels of bf16 and int8 -----------*- C++ -*-===//
//
// Views of what WeightLayout.h describes, line by line (64 bytes), and what
// phases say to read and write them.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_OPERANDS_H
#define ASHLAR_PASSES_LOWERCPU_OPERANDS_H

#include "passes/LowerCpu/Emitter.h"

namespace ashlar {

/// Rows of bf16 or int8, in the arena or on the stack.
struct OperandView {
  OperandLayout layout;
  int64_t capacity = 0;
  /// Lines from row to row where rows lie one behind the other; 0: in tiles.
  int64_t rowLines = 0;
  mlir::Value lines;  // memref<capacity * lines x 64 x i8>, tile after tile
  mlir::Value scales; // memref<capacity x f32>; int8
  mlir::Value sums;   // memref<capacity x groups x i32>; int8 with groups
};

/// Panels of a weight.
struct PanelView {
  PanelLayout layout;
  mlir::Value begin;      // byte offset in the image
  mlir::Value lines;      // memref<panels * lines x 64 x i8>
  bool areBytes = false;  // bf16: numbers of int8 in its order, lines of 32
  mlir::Value scales;     // int8: memref<panels x 16 x f32>;
                          // int4: memref<panels x groups x 16 x i16>, bf16
  mlir::Value sums;       // int8: memref<panels x 16 x i32>
  mlir::Value zeroPoints; // int4: memref<panels x groups x 16 x i8>
};

/// The operand that `value`, of bf16 or int8, lies as.
OperandView operandOf(Emitter &e, mlir::Value value, int64_t capacity);
/// What `rows` are converted to by the phase that makes them, row by row, while
/// a row lies in L1.
llvm::SmallVector<OperandView> operandsOfRows(Emitter &e, mlir::Value rows,
                                              int64_t capacity);
PanelView panelsOf(Emitter &e, ir::WeightOp weight, bool gated);

/// Fetches the line of each of panels [first, first + width) that is `distance`
/// lines ahead of `line`.
void prefetchPanels(Emitter &e, const PanelView &panels, mlir::Value first,
                    int64_t width, mlir::Value line, int64_t distance);

/// Fetches lines [first, last) of each of `width` panels.
void prefetchIntoL2(Emitter &e, const PanelView &panels, mlir::Value firstPanel,
                    int64_t width, mlir::Value first, mlir::Value last);

/// Index of line `line` of `row`.
mlir::Value lineOf(Emitter &e, const OperandView &view, mlir::Value row,
                   mlir::Value line);
/// First line of the tile of 16 rows from `row` on (a multiple of 16) that
/// holds their line `line`.
mlir::Value firstLineOfTile(Emitter &e, const OperandView &view,
                            mlir::Value row, mlir::Value line);
/// Writes a vector of 16 floats as bf16 from `column` on, a multiple of 16, or
/// two from a multiple of 32 on.
void storeBf16(Emitter &e, llvm::ArrayRef<mlir::Value> vectors,
               const OperandView &view, mlir::Value row, mlir::Value column);

/// Input `k` of feature `lane` of `panel` as a float, whatever the encoding.
mlir::Value panelElement(Emitter &e, const PanelView &panels, mlir::Value panel,
                         mlir::Value lane, mlir::Value k);
/// 16 bf16 numbers (memref of i16) as floats.
mlir::Value loadBf16(Emitter &e, mlir::Value memory, mlir::ValueRange indices);

/// One row of `input` as operand: `convert`'s arithmetic.
void convertRow(Emitter &e, const RowsView &input, const OperandView &out,
                mlir::Value row);

//===--- vectors of 16 integers ---===//

mlir::VectorType intVector(Emitter &e);
mlir::Value intSplat(Emitter &e, int32_t value);
mlir::Value bitcast(Emitter &e, mlir::Value vector, mlir::Type element,
                    int64_t lanes);
/// 16 words of a line.
mlir::Value loadLine(Emitter &e, mlir::Value lines, mlir::Value line);
/// Of 16 words of two bf16 each: the even (low) and the odd ones as float.
mlir::Value evenFloats(Emitter &e, mlir::Value words);
mlir::Value oddFloats(Emitter &e, mlir::Value words);
/// 16 floats -> vector<16xi16> of bf16, rounded to nearest even; NaN stays.
mlir::Value toBf16(Emitter &e, mlir::Value vector);

//===--- int8: round(x / s), s = max|x| / 127 ---===//

/// Bits of |x|, i32: in the order of the numbers, NaN above all.
mlir::Value magnitudes(Emitter &e, mlir::Value vector);
/// 127 / max|x|, a scalar; zero where that would be too large for a float.
mlir::Value int8Factor(Emitter &e, mlir::Value largest);
/// 16 floats that were multiplied by the factor -> vector<16xi8>, rounded to
/// nearest even.
mlir::Value toInt8(Emitter &e, mlir::Value vector);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_OPERANDS_H
