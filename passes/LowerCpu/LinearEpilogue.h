//===- LinearEpilogue.h - What follows a linear's products -----*- C++ -*-===//
//
// Activation, gate, residual, and the store as float32 or bf16: the same code
// behind every matrix kernel. Columns are counted in units: a panel of 16
// output features, or a gate panel and its up panel.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_LINEAREPILOGUE_H
#define ASHLAR_PASSES_LOWERCPU_LINEAREPILOGUE_H

#include "passes/LowerCpu/Operands.h"

namespace ashlar {

class LinearEpilogue {
public:
  LinearEpilogue(Emitter &e, ir::LinearOp op, int64_t capacity);

  int64_t units = 0;      // panels, or pairs of them when gated
  int64_t unitPanels = 1; // panels of a unit

  /// Whether nothing but a bias and a residual comes to the sums of `op` before
  /// they are stored as float32.
  static bool storesSums(ir::LinearOp op);
  bool hasBias() const { return bool(bias); }
  /// Rows of float32 that sums may begin with instead of zero: the residual, if
  /// `storesSums`. It is not added again.
  std::optional<RowsView> takeResidual();
  /// Where results go, if they are float32.
  const std::optional<RowsView> &resultRows() const { return rows; }
  /// 16 biases of part `part` (0, or 1 = up) of `unit`.
  mlir::Value biasOf(mlir::Value unit, int64_t part);

  /// The sums of a register tile (bias included), [rows][units][parts]. A long
  /// epilogue is emitted once and loops over the tile, which it reads back from
  /// the stack.
  void finish(mlir::Value row, int64_t rows, mlir::Value unit,
              int64_t unitCount, llvm::ArrayRef<mlir::Value> sums);

  /// 16 sums by row, unit of the tile, and part.
  using Sum =
      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value, int64_t)>;
  /// The same for rows [begin, end).
  void finish(mlir::Value begin, mlir::Value end, mlir::Value unit,
              int64_t unitCount, Sum sum);

private:
  void store(mlir::Value gate, mlir::Value up, mlir::Value row,
             mlir::Value unit);
  bool isCheap();

  Emitter &e;
  ir::LinearOp op;
  bool gated;
  bool isShort; // functions as exact as the weight's encoding needs
  int64_t outputs;
  std::optional<RowsView> rows, residual; // float32
  std::optional<OperandView> operand;     // bf16
  mlir::Value bias; // [outputs + slack], gate's then up's when gated
};

/// Shapes alone: the phase's tiles are counted outside of its body.
struct LinearShape {
  int64_t units, unitPanels;
  explicit LinearShape(ir::LinearOp op);
};

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_LINEAREPILOGUE_H
