//===- AttentionSoftmax.cpp - Online softmax over segments of keys -------===//
//
// Of a block of rows and a segment: scores become weights against the maximum
// so far, and what was summed up before is scaled.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/AttentionBody.h"
#include "passes/LowerCpu/ShortMath.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace ashlar;

Value AttentionBody::overKeys(
    Value from, Value seen, Value end, Value carried,
    llvm::function_ref<Value(Value, Value, Value)> body) {
  auto run = [&](Value begin, Value end,
                 llvm::function_ref<Value(Value)> mask) {
    carried = e.loop(
        begin, end, panelWidth, carried, [&](Value column, ValueRange carried) {
          return SmallVector<Value>{body(column, mask(column), carried[0])};
        })[0];
  };
  auto below = [&](Value count, Value column) {
    return e.lanesBelow(e.sub(count, column));
  };
  auto all = [](Value) { return Value(); };
  Value whole = e.mul(e.div(seen, panelWidth), panelWidth);
  Value first = zero;
  if (window) {
    first = e.mul(e.ceilDiv(from, panelWidth), panelWidth);
    run(e.mul(e.div(from, panelWidth), panelWidth), first, [&](Value column) {
      return e.select(below(from, column), e.noLanes(), below(seen, column));
    });
  }
  run(first, whole, all);
  run(window ? e.max(first, whole) : whole, end,
      [&](Value column) { return below(seen, column); });
  return carried;
}

/// 16 scores with position bias and cap, those of repeated keys grown. What is
/// not in `visible`, where that is given, is undefined.
Value AttentionBody::adjust(Value values, Value row, Value bias, Value firstKey,
                            Value column, Value visible) {
  double unit = shape.isEncoded() ? log2E : 1.0; // of the scores
  if (biasTable) {
    Value head = e.add(e.mul(kvHead, group), e.rem(row, group));
    SmallVector<Value> place = {head, e.add(bias, column)};
    Value biases = visible ? e.loadLanes(biasTable, place, visible)
                           : e.loadVector(biasTable, place);
    values = e.fma(biases, e.splat(unit), values);
  }
  if (op.getSoftCap())
    values = e.softCap(values, op.getSoftCap()->convertToDouble() * unit);
  if (std::optional<Attribute> repeated = op.getRepeated()) {
    Value more = e.splat(std::log(static_cast<double>(*op.getTimes())) * unit);
    values = e.select(lanesSeen(*repeated, row, e.add(firstKey, column)),
                      e.addf(values, more), values);
  }
  return values;
}

Value AttentionBody::biasColumn(Value row, Value firstKey) {
  if (!biasTable)
    return {};
  return e.add(e.sub(firstKey, indexOf(row)), *op.getBehind());
}

/// The maximum of a row over the keys that it sees; what was summed and mixed
/// against the old one is to be scaled by `factors`.
void AttentionBody::updateMaximum(Value first, Value i, Value firstKey,
                                  OverRow over) {
  Value row = e.add(first, i);
  Value lowest = e.splat(-std::numeric_limits<double>::infinity());
  Value bias = biasColumn(row, firstKey);
  auto raise = [&](Value column, Value visible, Value highest) {
    Value score = loadScores(i, column);
    if (isAdjusted()) {
      score = adjust(score, row, bias, firstKey, column, visible);
      e.storeVector(score, scores, {i, column});
    }
    if (visible)
      score = e.select(visible, score, lowest);
    return e.maxf(score, highest);
  };
  Value highest = over(lowest, raise);
  Value old = e.load(maxima, row);
  Value maximum = e.maxf(e.maxLanes(highest), old);
  e.store(maximum, maxima, row);
  Value exponentials = exponential(
      e.broadcast(arith::SubFOp::create(e, old, maximum).getResult()));
  Value factor =
      vector::ExtractOp::create(e, exponentials, ArrayRef<int64_t>{0});
  // The row may see nothing of the segment, or of any before it.
  if (pattern)
    factor = e.select(
        arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, old, maximum),
        e.scalar(1.0), factor);
  e.store(factor, factors, i);
}

void AttentionBody::clearWeights(Value i, Value begin, Value end) {
  e.loop(begin, end, panelWidth,
         [&](Value column) { storeWeight(e.splat(0.0), i, column); });
}

/// Scores of a row -> exponentials against the maximum, and their sum; zeros
/// for keys that it does not see.
void AttentionBody::weighRow(Value first, Value i, OverRow over) {
  Value row = e.add(first, i);
  Value against = e.broadcast(e.load(maxima, row));
  Value factor = e.broadcast(e.load(factors, i));
  Value sum = e.mulf(e.loadVector(sums, {row, zero}), factor);
  auto weigh = [&](Value column, Value visible, Value sum) {
    Value score = isAdjusted() ? e.loadVector(scores, {i, column})
                               : loadScores(i, column);
    Value weight = exponential(e.subf(score, against)), stored = weight;
    if (visible) {
      weight = e.select(visible, weight, e.splat(0.0));
      stored = hiddenWeight() == 0.0
                   ? weight
                   : e.select(visible, weight, e.splat(hiddenWeight()));
    }
    storeWeight(stored, i, column);
    return e.addf(sum, weight);
  };
  sum = over(sum, weigh);
  e.storeVector(sum, sums, {row, zero});
  e.loop(0, shape.paddedHeadDim(), panelWidth, [&](Value d) {
    Value value = e.loadVector(mixed, {row, d});
    e.storeVector(e.mulf(value, factor), mixed, {row, d});
  });
}

/// In two passes over the rows: what the first waits for in one row, it hides
/// behind the next ones.
void AttentionBody::softmax(Value first, Value count, Value firstKey,
                            Value keys) {
  auto overSeen = [&](llvm::function_ref<void(Value, Value, Value)> body,
                      llvm::function_ref<void(Value)> blind) {
    e.loop(zero, count, 1, [&](Value i) {
      Value row = e.add(first, i);
      Value seen = seenKeys(row, firstKey, keys);
      Value from = passedKeys(row, firstKey);
      e.when(
          e.less(from, seen), [&] { body(i, from, seen); }, [&] { blind(i); });
    });
  };
  // What the mix reads, in whole steps.
  Value columns = e.mul(e.ceilDiv(keys, weightStep), weightStep);
  using Vectors = llvm::function_ref<Value(Value, Value, Value)>;
  auto raise = [&](Value i, Value from, Value seen) {
    updateMaximum(first, i, firstKey, [&](Value carried, Vectors body) {
      return overKeys(from, seen, seen, carried, body);
    });
  };
  auto weigh = [&](Value i, Value from, Value seen) {
    weighRow(first, i, [&](Value carried, Vectors body) {
      if (window)
        clearWeights(i, zero, e.mul(e.div(from, panelWidth), panelWidth));
      return overKeys(from, seen, columns, carried, body);
    });
  };
  overSeen(raise, [](Value) {});
  overSeen(weigh, [&](Value i) { clearWeights(i, zero, columns); });
}
