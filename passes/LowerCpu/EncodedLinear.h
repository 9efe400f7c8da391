//===- EncodedLinear.h - A linear layer of bf16, int8 or int4 --*- C++ -*-===//

#ifndef ASHLAR_PASSES_LOWERCPU_ENCODEDLINEAR_H
#define ASHLAR_PASSES_LOWERCPU_ENCODEDLINEAR_H

#include "passes/LowerCpu/LinearEpilogue.h"

namespace ashlar {

/// Panels that the products of a single row read at the same time, each a
/// stream of its own.
constexpr int64_t decodeStreams = 4;

/// What is multiplied, and what follows.
struct EncodedLinear {
  EncodedLinear(Emitter &e, ir::LinearOp op, int64_t capacity)
      : epilogue(e, op, capacity), input(operandOf(e, op.getInput(), capacity)),
        panels(panelsOf(e, ir::lookupWeight(op, op.getWeightAttr()),
                        op.getGated())),
        capacity(capacity) {
    if (panels.layout.precision == ir::Precision::Bf16)
      residual = epilogue.takeResidual();
  }

  bool isInt8() const { return panels.layout.precision == ir::Precision::Int8; }
  bool isInt4() const { return panels.layout.precision == ir::Precision::Int4; }

  LinearEpilogue epilogue;
  OperandView input;
  PanelView panels;
  std::optional<RowsView> residual; // what the sums begin with
  int64_t capacity;
};

/// It on AMX; more than one row. Each function takes units [begin, end).
class TileLinear {
public:
  TileLinear(Emitter &e, EncodedLinear &layer)
      : e(e), layer(layer), epilogue(layer.epilogue), input(layer.input),
        panels(layer.panels), residual(layer.residual) {}

  /// bf16, int8.
  void prefill(mlir::Value begin, mlir::Value end);
  /// The same for up to 16 rows.
  void fewRows(mlir::Value begin, mlir::Value end);
  /// int4.
  void prefillGroups(mlir::Value begin, mlir::Value end);

private:
  using Value = mlir::Value;
  int64_t steps() const;
  /// Rows and inputs (in steps of 64 bytes) that a group is multiplied with.
  struct Part {
    int64_t rowTiles;
    Value firstRow, lastRow, begin, end;
    Value isFirst; // i1: of the parts of the inputs
  };
  /// Units of the layer: `width` panels from `panel` on.
  struct Group {
    Value unit;
    int64_t units;
    Value panel;
    int64_t width;
    int64_t blockRows;
    const Part *part;
    Value results; // where sums are kept
  };
  using Ahead = llvm::function_ref<void(Value step)>;
  void multiplyBlock(const Group &group, Value number, Ahead ahead);
  void finishBlock(const Group &group, Value number, Value begin, Value end);
  void multiplyGroup(const Group &group);
  void multiplyGroups(Value begin, Value end, int64_t panelCount,
                      const Part &part, Value results);
  Value keptAt(Value number, int64_t blockRows);
  Value makeResults(int64_t rowTiles, int64_t panelCount);
  void prefetchNext(Value panel, int64_t width, Value step, Value slice,
                    Value share);

  Emitter &e;
  EncodedLinear &layer;
  LinearEpilogue &epilogue;
  const OperandView &input;
  const PanelView &panels;
  const std::optional<RowsView> &residual;
};

/// The phase of a linear with an encoded weight.
void emitEncodedLinear(Emitter &e, ir::LinearOp op, int64_t capacity);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_ENCODEDLINEAR_H
