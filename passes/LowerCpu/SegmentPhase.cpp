//===- SegmentPhase.cpp - Which segment of its sequence a token is in -----===//
//
// One tile: where a segment ends is known behind it only, so the rows of a call
// are gone through in order.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Operands.h"
#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

namespace {
class SegmentBody {
public:
  SegmentBody(Emitter &e, ir::SegmentOp op, int64_t capacity)
      : e(e), separator(op.getSeparator()), skip(op.getSkip()),
        out(rowsOf(e, op.getResult(), capacity)),
        ids(idsOf(e, op.getIds(), capacity)),
        places(e.intTable(e.context.plan.rows,
                          {e.context.plan.rowCapacity, ASHLAR_ROW_WORDS})) {}

  /// Carries whether the sequence's separator is still to come.
  void run() {
    e.loop(e.index(0), e.callWord(ASHLAR_CALL_TOKENS), 1, {e.index(1)},
           [&](Value row, ValueRange carried) {
             return SmallVector<Value>{addRow(row, carried[0])};
           });
  }

private:
  Value word(Value row, int64_t word) {
    return e.loadIndex(places, {row, e.index(word)});
  }

  Value addRow(Value row, Value before) {
    Value index = word(row, ASHLAR_ROW_INDEX);
    Value ahead = e.select(e.equal(index, 0), e.index(1), before);
    write(row, index, e.equal(ahead, 1));
    Value ends = e.equal(e.loadIndex(ids, row), separator);
    ahead = e.select(ends, e.index(0), ahead);
    Value isLast =
        arith::CmpIOp::create(e, arith::CmpIPredicate::eq, e.add(index, 1),
                              word(row, ASHLAR_ROW_KEYS));
    e.when(arith::AndIOp::create(e, isLast, e.equal(ahead, 1)),
           [&] { moveBehindFirst(row, index); });
    return ahead;
  }

  /// Of a sequence without separator, which ends with `last`, the first token
  /// alone is in the first segment.
  void moveBehindFirst(Value last, Value index) {
    Value first = e.sub(last, index);
    Value never = arith::ConstantIntOp::create(e, /*value=*/0, /*width=*/1);
    e.loop(e.add(first, 1), e.add(last, 1), 1,
           [&](Value row) { write(row, e.sub(row, first), never); });
  }

  void write(Value row, Value index, Value isFirst) {
    Value segment = e.select(isFirst, unit(0), unit(1));
    segment = e.select(e.less(index, e.index(skip)), e.splat(0.0), segment);
    e.overColumns(
        out.features, {}, [&](Value column, int64_t lanes, ValueRange) {
          Value part = e.select(e.equal(column, 0), segment, e.splat(0.0));
          e.storeVector(part, out.memory, {row, column}, lanes);
          return SmallVector<Value>();
        });
  }

  /// 1 in lane `lane`, else 0.
  Value unit(int64_t lane) {
    SmallVector<float> lanes(panelWidth, 0.0f);
    lanes[lane] = 1.0f;
    return arith::ConstantOp::create(
        e, DenseElementsAttr::get(cast<VectorType>(e.vectorType()),
                                  ArrayRef<float>(lanes)));
  }

  Emitter &e;
  int64_t separator, skip;
  RowsView out;
  Value ids, places;
};
} // namespace

void ashlar::emitSegment(Emitter &e, ir::SegmentOp op, int64_t capacity) {
  e.phase(phaseName(op), e.index(1), [&](Value begin, Value end) {
    SegmentBody body(e, op, capacity);
    e.loop(begin, end, 1, [&](Value) { body.run(); });
  });
}
