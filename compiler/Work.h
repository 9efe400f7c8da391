//===- Work.h - What an entry computes and reads ---------------*- C++ -*-===//
//
// Counted from the planned ops: two operations for each multiply-add of a
// linear and of attention; the few of norms, activations and softmax are left
// out. Bytes are those that a call must fetch from memory: the weights once,
// whatever the number of rows, and the keys and values that its rows see.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WORK_H
#define ASHLAR_COMPILER_WORK_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ashlar {

/// A call of r rows that see k keys of their own sequences and s keys of their
/// sources (both summed over the rows) takes r * flopsPerRow + k * flopsPerKey
/// + s * flopsPerSourceKey operations.
struct Work {
  int64_t flopsPerRow = 0;
  int64_t flopsPerKey = 0;
  int64_t flopsPerSourceKey = 0;
  int64_t weightBytes = 0; // of a call
  int64_t bytesPerRow = 0; // of tables that rows are looked up in
  int64_t bytesPerKey = 0;
  int64_t bytesPerSourceKey = 0;
};

/// Of `entry` after the stage "plan-arena": all layers together.
Work workOf(mlir::func::FuncOp entry);

} // namespace ashlar

#endif // ASHLAR_COMPILER_WORK_H
