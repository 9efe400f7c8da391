//===- MatrixTiles.h - AMX: tiles of 16 rows of 64 bytes -------*- C++ -*-===//
//
// A block of up to 2 x 4 result tiles of 16 x 16, held in tile registers along
// a stretch of inputs; between stretches it lies in memory as
// [rows][panels][16], float for bf16 and int32 for int8.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_MATRIXTILES_H
#define ASHLAR_PASSES_LOWERCPU_MATRIXTILES_H

#include "passes/LowerCpu/Emitter.h"

namespace ashlar {

/// On an amx.tile_load: the tile is read once before other memory is needed.
constexpr llvm::StringLiteral streamAttr = "ashlar.stream";

/// What a block is made of; lines are rows of 64 bytes of bf16 or int8.
struct TileBlock {
  bool isInt8 = false;
  int64_t rowTiles = 2;          // tiles of 16 rows
  int64_t panels = 2;            // of 16 features
  int64_t stepBytes = lineBytes; // of a row's inputs in a step: a line, or half
  /// First line of tile `step` (`stepBytes` of inputs) of row tile `i`, of
  /// panel `i`.
  llvm::function_ref<mlir::Value(int64_t i, mlir::Value step)> a, b;
  mlir::Value aLines, bLines; // memref<... x 64 x i8>
  int64_t aRowLines = 1;      // lines from row to row of a tile of A
  /// Whether A or B pass by L1, which holds the other side and the results.
  bool streamA = false, streamB = false;
  /// Results: memref<rows x columns x f32 or i32>, from row `firstRow` and
  /// column `firstColumn` on.
  mlir::Value results, firstRow, firstColumn;
  /// Where sums that are not fresh begin, of the same shape; null: `results`.
  mlir::Value starts;
  /// Called in each step; prefetches.
  llvm::function_ref<void(mlir::Value step)> ahead = nullptr;
};

/// results += A B^T over steps [begin, end); results = where `fresh` (i1).
void emitTileBlock(Emitter &e, const TileBlock &block, mlir::Value begin,
                   mlir::Value end, mlir::Value fresh);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_MATRIXTILES_H
