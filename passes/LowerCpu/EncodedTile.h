//===- EncodedTile.h - The register tile of bf16, int8 and int4 -*- C++ -*-===//
//
// Vector code for rows x panels of A B^T, on every level of CPUs. Each result
// has one definition, whatever the tile and the level:
//
//   bf16  for each 32 inputs an FMA chain over the even and one over the odd
//         ones, both from zero, added to each other and then to the sum: what
//         AMX's tdpbf16ps does, bit for bit (denormals are zeros)
//   int8  the exact integer sum, times the feature's and then the row's scale
//   int4  an FMA chain over the groups of exact integer sums (numbers minus
//         zero point) times the group's scale, then times the row's scale
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_ENCODEDTILE_H
#define ASHLAR_PASSES_LOWERCPU_ENCODEDTILE_H

#include "passes/LowerCpu/Operands.h"

namespace ashlar {

/// Called while a tile goes along its panels' lines; for prefetches.
struct TileAhead {
  llvm::function_ref<void(mlir::Value line)> line;
  /// Before each `count` lines; may be null.
  llvm::function_ref<void(mlir::Value first, int64_t count)> block = nullptr;
};

class EncodedTile {
public:
  /// Rows of a tile whose sums stay in registers, and that the stack takes.
  /// Buffers of rows have place for whole tiles (passes/Memory/PlanArena.cpp).
  static int64_t rowsOf(Emitter &e, const OperandLayout &input,
                        ir::Precision precision);

  /// Rows that the stack has place for in the form that tiles broadcast from.
  static int64_t placesFor(Emitter &e, const OperandLayout &input,
                           ir::Precision precision);

  /// With `places` places for rows.
  EncodedTile(Emitter &e, const OperandView &input, const PanelView &panels,
              int64_t places);

  /// Brings rows [row, row + rows) into that form, from `place` on.
  void loadRows(mlir::Value row, int64_t rows, mlir::Value place);
  /// The same of lines [begin, end) of the operand alone.
  void loadRows(mlir::Value row, int64_t rows, mlir::Value place,
                mlir::Value begin, mlir::Value end);
  /// Multiplications are of the rows from `row` on, which lie at `place`.
  void chooseRows(mlir::Value row, mlir::Value place);

  /// Results of the chosen rows: [rows * count] vectors of float, row by row.
  llvm::SmallVector<mlir::Value> multiply(int64_t rows, mlir::Value firstPanel,
                                          int64_t count,
                                          const TileAhead &ahead);

  /// bf16: `sums`, in the order of results, plus the products over lines
  /// [begin, end) of the panels, multiples of 16.
  llvm::SmallVector<mlir::Value> addBf16(mlir::ValueRange sums, int64_t rows,
                                         mlir::Value firstPanel, int64_t count,
                                         mlir::Value begin, mlir::Value end,
                                         const TileAhead &ahead);

private:
  using Values = llvm::SmallVector<mlir::Value>;
  /// Of what `loaded` holds of a row.
  using Parts = llvm::SmallVector<int, 2>;
  /// Parts that are taken together: all, or one after the other where there are
  /// few registers, so that nothing is spilled in a kernel's loop.
  llvm::SmallVector<Parts> turnsOf(int64_t rows) const;
  /// Lines of a tile of AMX (32 inputs in bf16), and those that stay in L1
  /// while a tile takes its parts from them.
  static constexpr int64_t blockLines = 16;
  /// Every other byte, from the first or the second one on, as 16 bit numbers.
  static mlir::Value widen(Emitter &e, mlir::Value words, bool odd);
  bool isBf16() const { return panels.layout.precision == ir::Precision::Bf16; }
  bool isInt4() const { return panels.layout.precision == ir::Precision::Int4; }
  mlir::Value lineIndex(mlir::Value panel, mlir::Value line);
  /// bf16: the even or the odd numbers of a line, as loadLines gives it.
  mlir::Value floatsOf(mlir::Value words, int part);
  /// Line `line` of each panel.
  Values loadLines(mlir::Value line);
  void choosePanels(mlir::Value first, int64_t count);
  Values addChains(int64_t rows, mlir::Value block, const Parts &parts,
                   llvm::function_ref<void(mlir::Value line)> ahead);
  Values multiplyBf16(int64_t rows, mlir::ValueRange sums, mlir::Value begin,
                      mlir::Value end, const TileAhead &ahead);
  Values multiplyInt8(int64_t rows, const TileAhead &ahead);
  Values multiplyInt4(int64_t rows, const TileAhead &ahead);
  Values sumNibbles(mlir::ValueRange start, int64_t rows, mlir::Value begin,
                    mlir::Value end, const TileAhead &ahead);
  mlir::Value sumOfRow(int64_t row, mlir::Value group);
  Values startOfGroup(int64_t rows, mlir::Value group);
  /// sums[row][panel] <- add(the same, the panel's numbers, the row's word).
  using AddProducts = llvm::function_ref<mlir::Value(
      mlir::Value sum, mlir::Value numbers, mlir::Value word)>;
  void addProducts(Values &sums, int64_t rows, int part, mlir::Value word,
                   llvm::function_ref<mlir::Value(size_t panel)> numbersOf,
                   AddProducts add);
  mlir::Value dot(mlir::Value sum, mlir::Value bytes, mlir::Value row);
  /// Number `at` of a row's part as it was loaded, 16 times.
  mlir::Value broadcast(int64_t row, int64_t part, mlir::Value at);
  mlir::Value rowScale(int64_t row);
  Values addGroup(int64_t rows, mlir::Value group, mlir::ValueRange sums,
                  mlir::ValueRange chains);

  Emitter &e;
  const OperandView &input;
  const PanelView &panels;
  bool vnni;
  /// bf16: f32 [rows][2: even, odd][depth / 2]. int4 and int8: words of four
  /// numbers, i32 [rows][1][depth / 4]; of int8 without VNNI pairs of 16 bits,
  /// [rows][2: inputs 0 and 2, 1 and 3][depth / 4].
  mlir::Value loaded;
  mlir::Value firstRow, firstPlace; // of the chosen ones
  Values tilePanels;
};

/// What int8 makes of an integer sum.
mlir::Value scaleInt8(Emitter &e, const PanelView &panels, mlir::Value sum,
                      mlir::Value panel, mlir::Value rowScale);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_ENCODEDTILE_H
