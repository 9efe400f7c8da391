//===- UnfoldPhase.cpp - Rows beside their neighbours ---------------------===//
//
// A tile is a row of the result: copies of rows of the input, which lies in
// the caches, and zeros. Whether a row belongs to the same sequence is seen by
// its slot, of which a call has one for each sequence.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Operands.h"

#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

namespace {
class UnfoldBody {
public:
  UnfoldBody(Emitter &e, ir::UnfoldOp op, int64_t capacity)
      : e(e), stride(op.getStride()), padding(op.getPadding()),
        kernel(op.getKernel()), perToken(op.getPerToken()),
        inputPerToken(op.inputRowsPerToken()),
        input(rowsOf(e, op.getInput(), capacity * stride)),
        out(rowsOf(e, op.getResult(), capacity)),
        places(e.intTable(e.context.plan.rows,
                          {e.context.plan.rowCapacity, ASHLAR_ROW_WORDS})),
        inputRows(e.mul(e.callWord(ASHLAR_CALL_TOKENS), inputPerToken)) {}

  void row(Value row) {
    Value first = e.mul(row, stride), slot = slotOf(e.div(row, perToken));
    e.loop(0, kernel, 1, [&](Value tap) {
      // Counted from `padding` rows before the call's first.
      Value at = e.add(first, tap), column = e.mul(tap, input.features);
      Value from = e.sub(e.max(at, e.index(padding)), e.index(padding));
      from = e.min(from, e.sub(inputRows, e.index(1)));
      e.when(
          isInside(at, from, slot),
          [&] {
            copyColumns(e, input.memory, {from}, e.index(0), out.memory, {row},
                        column, input.features);
          },
          [&] { clear(row, column); });
    });
  }

private:
  Value slotOf(Value token) {
    return e.loadIndex(places, {token, e.index(ASHLAR_ROW_SLOT)});
  }

  /// Whether `at` is the row `from` of the call, and of the sequence in `slot`.
  Value isInside(Value at, Value from, Value slot) {
    auto equal = [&](Value a, Value b) -> Value {
      return arith::CmpIOp::create(e, arith::CmpIPredicate::eq, a, b);
    };
    return arith::AndIOp::create(
        e, equal(e.add(from, padding), at),
        equal(slotOf(e.div(from, inputPerToken)), slot));
  }

  void clear(Value row, Value first) {
    e.overColumns(input.features, {},
                  [&](Value column, int64_t lanes, ValueRange) {
                    e.storeVector(e.splat(0.0), out.memory,
                                  {row, e.add(first, column)}, lanes);
                    return SmallVector<Value>();
                  });
  }

  Emitter &e;
  int64_t stride, padding, kernel;
  int64_t perToken, inputPerToken;
  RowsView input, out;
  Value places;    // words of the call's rows
  Value inputRows; // of the call
};
} // namespace

void ashlar::emitUnfold(Emitter &e, ir::UnfoldOp op, int64_t capacity) {
  e.phase(phaseName(op), e.tokens(), [&](Value begin, Value end) {
    UnfoldBody body(e, op, capacity);
    e.loop(begin, end, 1, [&](Value row) { body.row(row); });
  });
}
