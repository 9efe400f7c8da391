//===- RegisterTile.h - The one matrix kernel ------------------*- C++ -*-===//
//
// rows x panels of 16 columns of C += A B, held in registers over a
// stretch of K. Linear layers, scores and mix are all made of it, in prefill
// and decode alike: every result is one ascending chain of fused multiply-adds
// over k, whatever the tile, so their bits do not depend on it.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_REGISTERTILE_H
#define ASHLAR_PASSES_LOWERCPU_REGISTERTILE_H

#include "passes/LowerCpu/Emitter.h"

namespace ashlar {

struct TileOperands {
  /// A(row, k) as float; `row` is the row of the tile, a constant.
  llvm::function_ref<mlir::Value(int64_t row, mlir::Value k)> a;
  /// B(k, panel) as vector; `panel` is the panel of the tile, a constant.
  llvm::function_ref<mlir::Value(int64_t panel, mlir::Value k)> b;
  /// Called before each turn with its number, from 0 on; prefetches.
  llvm::function_ref<void(mlir::Value number)> ahead = nullptr;
  /// Steps of k in a turn; null: one.
  mlir::Value turn = {};
  /// Called in each step; prefetches.
  llvm::function_ref<void(mlir::Value k)> near = nullptr;
};

/// accumulators[row * panels + panel] + sum over k in [begin, end) of A B.
llvm::SmallVector<mlir::Value>
emitRegisterTile(Emitter &e, int64_t rows, int64_t panels, mlir::Value begin,
                 mlir::Value end, mlir::ValueRange accumulators,
                 const TileOperands &operands);

/// The largest part of `panels`, of at most `most`, that it is a multiple of:
/// what is left over would be a kernel of its own.
int64_t evenPart(int64_t panels, int64_t most);

/// `sums` of a tile of whatever width, [rows][panels], after `multiply` was
/// called for equal parts of at most `most` panels: with the first of them and
/// their sums. Others wait on the stack: sums that are spilled within the
/// kernel's loop are chains through memory.
using MultiplyPanels = llvm::function_ref<llvm::SmallVector<mlir::Value>(
    mlir::Value first, mlir::ValueRange sums)>;
llvm::SmallVector<mlir::Value> overPanels(Emitter &e, int64_t rows,
                                          mlir::ValueRange sums, int64_t most,
                                          MultiplyPanels multiply);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_REGISTERTILE_H
