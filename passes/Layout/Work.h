//===- Work.h - What an op computes and reads ------------------*- C++ -*-===//
//
// Counted from the planned ops: two operations for each multiply-add of a
// linear and of attention; the few of norms, activations and softmax are left
// out. Bytes are those that a call must fetch from memory: the weights once,
// whatever the number of rows, and the keys and values that its rows see.
// Lowering notes the work of an op on its phase; the manifest reads it there.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LAYOUT_WORK_H
#define ASHLAR_PASSES_LAYOUT_WORK_H

#include "dialect/Ashlar.h"

namespace ashlar {

/// A call of r rows that see k keys of their own sequences and s keys of their
/// sources (both summed over the rows) takes r * flopsPerRow + k * flopsPerKey
/// + s * flopsPerSourceKey operations, and flopsPerSequence for each sequence.
struct Work {
  int64_t flopsPerRow = 0;
  int64_t flopsPerKey = 0;
  int64_t flopsPerSourceKey = 0;
  int64_t weightBytes = 0; // of a call
  int64_t bytesPerRow = 0; // of tables that rows are looked up in
  int64_t bytesPerKey = 0;
  int64_t bytesPerSourceKey = 0;
  // Of the weights of experts: those that one row goes to, and all of them. A
  // call of r rows reads r times the former, but no more than the latter.
  int64_t expertBytesPerRow = 0;
  int64_t expertBytes = 0;
  int64_t flopsPerSequence = 0; // behind a pool

  /// Adds `times` times `other`.
  void add(const Work &other, int64_t times = 1);
};

/// The members by the names that IR and manifests have for them.
struct WorkField {
  llvm::StringLiteral name;
  int64_t Work::*member;
};
llvm::ArrayRef<WorkField> workFields();

/// Of one call of `op` after the stage "plan-arena", in one layer.
Work workOf(mlir::Operation *op);

/// The phase's attribute `ashlar.work`, a dictionary of what is not zero.
void setWork(ir::PhaseOp phase, const Work &work);
/// The phase's attribute with the precision of what it multiplies, where that
/// is not f32: a string.
constexpr llvm::StringLiteral phasePrecisionAttr = "ashlar.precision";
Work getWork(ir::PhaseOp phase);

} // namespace ashlar

#endif // ASHLAR_PASSES_LAYOUT_WORK_H
