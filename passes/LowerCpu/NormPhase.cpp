//===- NormPhase.cpp - Normalization of rows, with or without a sum ------===//
//
// A tile is a row. Mean and variance take two passes over the row, which lies
// in L1: the textbook formula, without the cancellation of sum of squares minus
// square of sums.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Operands.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ashlar;

namespace {
/// What both norm ops have in common.
struct NormWeights {
  Value gain, bias; // [features + slack] or null
  ir::NormKind kind;
  double epsilon;
  int64_t features; // of gain and bias
};
} // namespace

template <typename Op> static NormWeights weightsOf(Emitter &e, Op op) {
  int64_t features = 0;
  auto view = [&](FlatSymbolRefAttr symbol) -> Value {
    if (!symbol)
      return {};
    ir::WeightOp weight = ir::lookupWeight(op, symbol);
    features = weight.getRows();
    return e.weightView(weight,
                        {packedBytes(weight, ir::WeightLayout::Rows) / 4});
  };
  Value gain = view(op.getGainAttr()), bias = view(op.getBiasAttr());
  return {gain, bias, op.getKind(), op.getEpsilon().convertToDouble(),
          features};
}

/// Sum over a row of `term(column, lanes)`; terms of lanes that are not in use
/// must be zero. A scalar.
static Value sumOfRow(Emitter &e, int64_t features,
                      llvm::function_ref<Value(Value, int64_t)> term) {
  SmallVector<Value> sum = e.overColumns(
      features, e.splat(0.0), [&](Value column, int64_t lanes, ValueRange sum) {
        return SmallVector<Value>{e.addf(sum[0], term(column, lanes))};
      });
  return e.sumLanes(sum[0]);
}

/// Normalizes the `features` that `read` gives and writes them to a row of
/// `out`, from column `first` on.
static void normalizeRow(Emitter &e, const NormWeights &weights, RowsView out,
                         Value row, Value first, int64_t features,
                         llvm::function_ref<Value(Value, int64_t)> read) {
  Value perFeature = e.scalar(1.0 / static_cast<double>(features));
  Value mean = e.splat(0.0);
  if (weights.kind == ir::NormKind::LayerNorm)
    mean = e.broadcast(e.mulf(sumOfRow(e, features, read), perFeature));
  Value squares = sumOfRow(e, features, [&](Value column, int64_t lanes) {
    Value centered = e.subf(read(column, lanes), mean);
    if (lanes < panelWidth)
      centered = e.select(e.lanesBelow(e.index(lanes)), centered, e.splat(0.0));
    return e.mulf(centered, centered);
  });
  Value variance =
      e.addf(e.mulf(squares, perFeature), e.scalar(weights.epsilon));
  Value deviation = math::SqrtOp::create(e, variance);
  Value factor = e.broadcast(e.divf(e.scalar(1.0), deviation));
  e.overColumns(features, {}, [&](Value column, int64_t lanes, ValueRange) {
    Value value = e.mulf(e.subf(read(column, lanes), mean), factor);
    Value target = e.add(first, column);
    // Gain and bias of the row, or the same ones for each part.
    Value place = weights.features == features ? column : target;
    if (weights.gain)
      value = e.mulf(value, e.loadVector(weights.gain, place));
    if (weights.bias)
      value = e.addf(value, e.loadVector(weights.bias, place));
    e.storeVector(value, out.memory, {row, target}, lanes);
    return SmallVector<Value>();
  });
}

void ashlar::emitNorm(Emitter &e, ir::NormOp op, int64_t capacity) {
  e.rowsPhase(phaseName(op), [&](Value begin, Value end) {
    NormWeights weights = weightsOf(e, op);
    RowsView input = rowsOf(e, op.getInput(), capacity);
    RowsView out = rowsOf(e, op.getResult(), capacity);
    SmallVector<OperandView> operands =
        operandsOfRows(e, op->getResults().back(), capacity);
    auto groups = static_cast<int64_t>(op.getGroups());
    int64_t features = out.features / groups;
    e.loop(begin, end, 1, [&](Value row) {
      auto normalize = [&](Value first) {
        normalizeRow(e, weights, out, row, first, features,
                     [&](Value column, int64_t lanes) {
                       return e.loadVector(input.memory,
                                           {row, e.add(first, column)}, lanes);
                     });
      };
      if (groups == 1)
        normalize(e.index(0));
      else
        e.loop(0, out.features, features, normalize);
      for (const OperandView &operand : operands)
        convertRow(e, out, operand, row);
    });
  });
}

void ashlar::emitResidualNorm(Emitter &e, ir::ResidualNormOp op,
                              int64_t capacity) {
  e.rowsPhase(phaseName(op), [&](Value begin, Value end) {
    NormWeights weights = weightsOf(e, op);
    RowsView lhs = rowsOf(e, op.getLhs(), capacity);
    RowsView rhs = rowsOf(e, op.getRhs(), capacity);
    RowsView out = rowsOf(e, op.getResult(), capacity);
    SmallVector<OperandView> operands =
        operandsOfRows(e, op->getResults().back(), capacity);
    // A sum that nobody reads is kept in the place of the result.
    RowsView sum =
        op.getSum().use_empty() ? out : rowsOf(e, op.getSum(), capacity);
    e.loop(begin, end, 1, [&](Value row) {
      e.overColumns(
          out.features, {}, [&](Value column, int64_t lanes, ValueRange) {
            Value a = e.loadVector(lhs.memory, {row, column}, lanes);
            Value b = e.loadVector(rhs.memory, {row, column}, lanes);
            e.storeVector(e.addf(a, b), sum.memory, {row, column}, lanes);
            return SmallVector<Value>();
          });
      normalizeRow(e, weights, out, row, e.index(0), out.features,
                   [&](Value column, int64_t lanes) {
                     return e.loadVector(sum.memory, {row, column}, lanes);
                   });
      for (const OperandView &operand : operands)
        convertRow(e, out, operand, row);
    });
  });
}
