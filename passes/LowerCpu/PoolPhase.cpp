//===- PoolPhase.cpp - One row for each sequence, and rows side by side --===//
//
// A tile of a pool is a panel of 16 features: it goes over the call's rows
// once, in order, and adds up those that count.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Operands.h"
#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

namespace {
/// The body for one panel.
class PoolBody {
public:
  PoolBody(Emitter &e, ir::PoolOp op, int64_t capacity)
      : e(e), from(op.getFrom()), input(rowsOf(e, op.getInput(), capacity)),
        out(rowsOf(e, op.getResult(), capacity)) {
    const ArenaPlan &plan = e.context.plan;
    table = e.intTable(plan.rows, {plan.rowCapacity, ASHLAR_ROW_WORDS});
    if (op.getCount())
      end = from + static_cast<int64_t>(*op.getCount());
  }

  /// Carries the sum over the sequence and the sequence's number.
  void run(Value column) {
    SmallVector<Value> init{e.splat(0.0), e.index(0)};
    e.loop(e.index(0), e.callWord(ASHLAR_CALL_TOKENS), 1, init,
           [&](Value row, ValueRange carried) {
             return addRow(row, column, carried[0], carried[1]);
           });
  }

private:
  Value word(Value row, int64_t word) {
    return e.loadIndex(table, {row, e.index(word)});
  }

  SmallVector<Value> addRow(Value row, Value column, Value before,
                            Value sequence) {
    Value index = word(row, ASHLAR_ROW_INDEX);
    Value length = word(row, ASHLAR_ROW_KEYS);
    Value limit = end ? e.min(length, e.index(*end)) : length;
    Value sum = e.select(e.equal(index, 0), e.splat(0.0), before);
    Value counts = arith::AndIOp::create(e, e.less(e.index(from - 1), index),
                                         e.less(index, limit));
    // What does not count may be no number.
    Value added = e.addf(sum, e.loadVector(input.memory, {row, column}));
    sum = e.select(counts, added, sum);
    Value isLast = arith::CmpIOp::create(e, arith::CmpIPredicate::eq,
                                         e.add(index, 1), length);
    e.when(isLast, [&] {
      Value rows = e.max(e.sub(limit, e.index(from)), e.index(1));
      Value number = arith::SIToFPOp::create(
          e, e.getF32Type(),
          arith::IndexCastOp::create(e, e.getI32Type(), rows));
      e.storeVector(e.divf(sum, e.broadcast(number)), out.memory,
                    {sequence, column});
    });
    return {sum, e.select(isLast, e.add(sequence, 1), sequence)};
  }

  Emitter &e;
  int64_t from;
  std::optional<int64_t> end; // of the rows that count
  RowsView input, out;
  Value table;
};
} // namespace

void ashlar::emitPool(Emitter &e, ir::PoolOp op, int64_t capacity) {
  int64_t panels = ceilDiv(op.getResult().getType().getDimSize(1), panelWidth);
  e.phase(phaseName(op), e.index(panels), [&](Value begin, Value end) {
    PoolBody body(e, op, capacity);
    e.loop(begin, end, 1,
           [&](Value panel) { body.run(e.mul(panel, panelWidth)); });
  });
}

void ashlar::emitConcat(Emitter &e, ir::ConcatOp op, int64_t capacity) {
  e.rowsPhase(phaseName(op), [&](Value begin, Value end) {
    RowsView out = rowsOf(e, op.getResult(), capacity);
    SmallVector<RowsView> inputs;
    for (Value input : op.getInputs())
      inputs.push_back(rowsOf(e, input, capacity));
    e.loop(begin, end, 1, [&](Value row) {
      int64_t column = 0;
      for (const RowsView &input : inputs) {
        copyColumns(e, input.memory, {row}, e.index(0), out.memory, {row},
                    e.index(column), input.features);
        column += input.features;
      }
    });
  });
}
