//===- LinearEpilogue.cpp - What follows a linear's products -------------===//

#include "passes/LowerCpu/LinearEpilogue.h"
#include "passes/LowerCpu/ShortMath.h"

using namespace mlir;
using namespace ashlar;

LinearShape::LinearShape(ir::LinearOp op) {
  ir::WeightOp weight = ir::lookupWeight(op, op.getWeightAttr());
  unitPanels = op.getGated() ? 2 : 1;
  units = ashlar::ceilDiv(weight.getRows() / unitPanels, panelWidth);
}

LinearEpilogue::LinearEpilogue(Emitter &e, ir::LinearOp op, int64_t capacity)
    : e(e), op(op), gated(op.getGated()),
      isShort(
          ir::lookupWeight(op, op.getWeightAttr()).getEncoding().has_value()),
      outputs(op.getResult().getType().getDimSize(1)) {
  LinearShape shape(op);
  units = shape.units;
  unitPanels = shape.unitPanels;
  if (op.getResult().getType().getElementType().isF32())
    rows = rowsOf(e, op.getResult(), capacity);
  else
    operand = operandOf(e, op.getResult(), capacity);
  if (op.getResidual())
    residual = rowsOf(e, op.getResidual(), capacity);
  if (!op.getBias())
    return;
  ir::WeightOp vector = ir::lookupWeight(op, op.getBiasAttr());
  bias =
      e.weightView(vector, {packedBytes(vector, ir::WeightLayout::Rows) / 4});
}

Value LinearEpilogue::biasOf(Value unit, int64_t part) {
  return e.loadVector(bias, e.add(e.mul(unit, panelWidth), part * outputs));
}

bool LinearEpilogue::storesSums(ir::LinearOp op) {
  return !op.getGated() && !op.getActivation() &&
         op.getResult().getType().getElementType().isF32();
}

std::optional<RowsView> LinearEpilogue::takeResidual() {
  if (!storesSums(op))
    return std::nullopt;
  return std::exchange(residual, std::nullopt);
}

bool LinearEpilogue::isCheap() {
  return rows && !gated &&
         (!op.getActivation() ||
          *op.getActivation() == ir::ActivationKind::Relu);
}

void LinearEpilogue::store(Value gate, Value up, Value row, Value unit) {
  Value value = gate, column = e.mul(unit, panelWidth);
  if (op.getActivation())
    value = isShort ? emitShortActivation(e, *op.getActivation(), value)
                    : e.applyActivation(*op.getActivation(), value);
  if (gated)
    value = e.mulf(value, up);
  if (residual)
    value = e.addf(value, e.loadVector(residual->memory, {row, column}));
  if (rows)
    return e.storeVector(value, rows->memory, {row, column});
  storeBf16(e, value, *operand, row, column);
}

void LinearEpilogue::finish(Value row, int64_t rowCount, Value unit,
                            int64_t unitCount, ArrayRef<Value> sums) {
  if (isCheap()) {
    for (int64_t r = 0; r < rowCount; ++r)
      for (int64_t u = 0; u < unitCount; ++u)
        store(sums[r * unitCount + u], {}, e.add(row, r), e.add(unit, u));
    return;
  }
  int64_t width = unitCount * unitPanels;
  Value kept = e.scratch({rowCount, width, panelWidth});
  Value zero = e.index(0);
  for (int64_t r = 0; r < rowCount; ++r)
    for (int64_t p = 0; p < width; ++p)
      e.storeVector(sums[r * width + p], kept, {e.index(r), e.index(p), zero});
  finish(row, e.add(row, rowCount), unit, unitCount,
         [&](Value r, Value u, int64_t part) {
           return e.loadVector(
               kept, {e.sub(r, row), e.add(e.mul(u, unitPanels), part), zero});
         });
}

void LinearEpilogue::finish(Value begin, Value end, Value unit,
                            int64_t unitCount, Sum sum) {
  e.loop(begin, end, 1, [&](Value row) {
    e.loop(0, unitCount, 1, [&](Value u) {
      Value gate = sum(row, u, 0);
      Value up = gated ? sum(row, u, 1) : Value();
      store(gate, up, row, e.add(unit, u));
    });
  });
}
