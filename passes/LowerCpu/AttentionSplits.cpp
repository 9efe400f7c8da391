//===- AttentionSplits.cpp - Sums of splits of the keys, and merging them -===//
//
// The sums of each split of 1024 keys stand for themselves and are merged in
// order, for every row and in every call. So it is free who computes them: a
// prompt's tile goes through all splits and merges as it goes; where few rows
// have many keys (decoding, far into a sequence), each split of a row is a tile
// of its own, whose sums wait in the arena, and the worker that brings the last
// of them merges. ("Flash-Decoding", Dao, Haziza, Massa and Sizov 2023, with
// splits that do not depend on the number of workers.)
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/AttentionBody.h"

using namespace mlir;
using namespace ashlar;

void AttentionBody::openSplitSums() {
  const ArenaPlan &plan = e.context.plan;
  auto view = [&](int64_t offset, ArrayRef<int64_t> shape) {
    return e.viewBytes(e.context.arena, e.index(plan.splitSums + offset), shape,
                       e.getF32Type());
  };
  splitSums.mixed = view(0, {splits.rows, shape.paddedHeadDim()});
  splitSums.sums = view(splits.mixedBytes, {splits.rows, panelWidth});
  splitSums.maxima = view(splits.mixedBytes + splits.sumBytes, {splits.rows});
  arrivals = e.intTable(plan.arrivals, {plan.splitRows, shape.kvHeads});
  splitCount = e.callWord(ASHLAR_CALL_SPLITS);
}

Value AttentionBody::placeOfSplit(Value split) {
  Value head = e.add(e.mul(split, shape.kvHeads), kvHead);
  return e.add(e.mul(head, splits.rowsOfSplit), e.mul(firstRow, group));
}

/// Leaves this split's sums in the arena, from row `place` on.
void AttentionBody::keepSums(Value place) {
  e.loop(zero, rowCount, 1, [&](Value row) {
    Value to = e.add(place, row);
    copyColumns(e, mixed, {row}, zero, splitSums.mixed, {to}, zero,
                shape.paddedHeadDim());
    e.storeVector(e.loadVector(sums, {row, zero}), splitSums.sums, {to, zero});
    e.store(e.load(maxima, row), splitSums.maxima, to);
  });
}

/// Merges sums of one more split, rows of `from` from `place` on, into those of
/// the splits before it. What a row has not seen anything of changes nothing.
void AttentionBody::addSums(const RowSums &from, Value place) {
  e.loop(zero, rowCount, 1, [&](Value row) {
    Value source = e.add(place, row), target = e.add(row, rowCapacity);
    Value more = e.load(from.maxima, source);
    Value old = e.load(maxima, target);
    Value maximum = e.maxf(old, more);
    e.store(maximum, maxima, target);
    // Both may be -infinity.
    auto factorOf = [&](Value of) {
      Value exponentials = exponential(
          e.broadcast(arith::SubFOp::create(e, of, maximum).getResult()));
      Value same =
          arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, of, maximum);
      return e.select(same, e.splat(1.0), exponentials);
    };
    Value oldFactor = factorOf(old), factor = factorOf(more);
    auto add = [&](Value to, Value of, Value column) {
      Value scaled = e.mulf(e.loadVector(of, {source, column}), factor);
      e.storeVector(
          e.fma(e.loadVector(to, {target, column}), oldFactor, scaled), to,
          {target, column});
    };
    add(sums, from.sums, zero);
    e.loop(0, shape.paddedHeadDim(), panelWidth,
           [&](Value d) { add(mixed, from.mixed, d); });
  });
}

/// Counts a tile of the splits of these rows as done; whether it was the last.
/// It sees what the others have left, and leaves the count at zero.
Value AttentionBody::arrive() {
  Type word = e.getI32Type();
  Value one = arith::ConstantIntOp::create(e, 1, 32);
  Value before =
      memref::AtomicRMWOp::create(e, word, arith::AtomicRMWKind::addi, one,
                                  arrivals, ValueRange{entry, kvHead});
  Value count = arith::IndexCastOp::create(e, e.getIndexType(), before);
  Value last = arith::CmpIOp::create(e, arith::CmpIPredicate::eq,
                                     e.add(count, 1), splitCount);
  e.when(last, [&] {
    e.store(arith::ConstantIntOp::create(e, 0, 32), arrivals, {entry, kvHead});
  });
  return last;
}

Value AttentionBody::collectSplits(Value first, Value end) {
  Value last = arrive();
  e.when(last, [&] {
    e.loop(first, end, 1,
           [&](Value s) { addSums(splitSums, placeOfSplit(s)); });
  });
  return last;
}

Value AttentionBody::attendSplits(Value &done) {
  Value yes = arith::ConstantIntOp::create(e, 1, 1);
  Value first = e.div(firstKeyOfTile(), ASHLAR_SPLIT_KEYS);
  Value end = e.ceilDiv(keysOfTile(), ASHLAR_SPLIT_KEYS);
  Value merges = e.less(e.add(first, 1), end), from = first, to = end, isSplit;
  if (splits.isShared) {
    isSplit = e.less(e.index(1), splitCount);
    merges = e.select(isSplit, yes, merges);
    from = e.select(isSplit, e.max(first, split), first);
    to = e.select(isSplit, e.min(end, e.add(split, 1)), end);
  }
  Value merged = e.index(rowCapacity);
  start(zero);
  e.when(merges, [&] { start(merged); });
  e.when(e.less(from, to), [&] {
    loadQueries();
    takeQueries();
  });
  RowSums own{mixed, sums, maxima};
  e.loop(from, to, 1, [&](Value s) {
    Value begin = e.mul(s, ASHLAR_SPLIT_KEYS);
    attendKeys(e.max(begin, firstKeyOfTile()),
               e.min(e.add(begin, ASHLAR_SPLIT_KEYS), keysOfTile()));
    e.when(merges, [&] {
      auto add = [&] { addSums(own, zero); };
      if (isSplit)
        e.when(isSplit, [&] { keepSums(placeOfSplit(s)); }, add);
      else
        add();
      start(zero);
    });
  });
  done = yes;
  if (isSplit)
    done = e.when(
        isSplit, [&]() -> Value { return collectSplits(first, end); }, yes);
  return e.select(merges, merged, zero);
}
