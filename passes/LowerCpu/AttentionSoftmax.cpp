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

Value AttentionBody::overKeys(Value from, Value seen, Value end, Value carried,
                              KeysBody body) {
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
  // Where nothing is masked, a step at once.
  SmallVector<Value> all(weightStep / panelWidth);
  Value whole = e.mul(e.div(seen, weightStep), weightStep);
  Value first = zero;
  if (window) {
    first = e.mul(e.ceilDiv(from, weightStep), weightStep);
    run(e.mul(e.div(from, panelWidth), panelWidth), first, [&](Value column) {
      return e.select(below(from, column), e.noLanes(), below(seen, column));
    });
  }
  carried = e.loop(first, whole, weightStep, carried,
                   [&](Value column, ValueRange carried) {
                     return SmallVector<Value>{body(column, all, carried[0])};
                   })[0];
  run(window ? e.max(first, whole) : whole, end,
      [&](Value column) { return below(seen, column); });
  return carried;
}

/// 16 scores with position bias and cap, those of repeated keys grown. What is
/// not in `visible`, where that is given, is undefined.
Value AttentionBody::adjust(Value values, Value row, Value bias, Value firstKey,
                            Value column, Value visible) {
  if (biasTable) {
    Value head = e.add(e.mul(kvHead, group), e.rem(row, group));
    SmallVector<Value> place = {head, e.add(bias, column)};
    Value biases = visible ? e.loadLanes(biasTable, place, visible)
                           : e.loadVector(biasTable, place);
    values = e.fma(biases, e.splat(log2E), values);
  }
  if (op.getSoftCap())
    values = e.softCap(values, op.getSoftCap()->convertToDouble() * log2E);
  if (std::optional<Attribute> repeated = op.getRepeated()) {
    Value more = e.splat(std::log(static_cast<double>(*op.getTimes())) * log2E);
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

/// The maximum of a row over the keys that it sees; how far the old one is
/// below goes to `factors`.
void AttentionBody::updateMaximum(Value first, Value i, Value firstKey,
                                  OverRow over) {
  Value row = e.add(first, i);
  Value lowest = e.splat(-std::numeric_limits<double>::infinity());
  Value bias = biasColumn(row, firstKey);
  auto raise = [&](Value column, ArrayRef<Value> masks, Value highest) {
    for (auto [v, visible] : llvm::enumerate(masks)) {
      Value at = vectorAt(column, v);
      Value score = loadScores(i, at);
      if (isAdjusted()) {
        score = adjust(score, row, bias, firstKey, at, visible);
        e.storeVector(score, scores, {i, at});
      }
      if (visible)
        score = e.select(visible, score, lowest);
      highest = e.maxf(score, highest);
    }
    return highest;
  };
  Value highest = over(lowest, raise);
  Value old = e.load(maxima, row);
  Value maximum = e.maxf(e.maxLanes(highest), old);
  e.store(maximum, maxima, row);
  Value raised = arith::SubFOp::create(e, old, maximum);
  // Both may be -infinity.
  Value same =
      arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, old, maximum);
  e.store(e.select(same, e.scalar(0.0), raised), factors, i);
}

/// `factors`: what was summed and mixed against the old maxima is to be scaled
/// by, exactly 1 where they are the same. Of 16 rows at once; those of rows
/// that see nothing are not used.
void AttentionBody::computeFactors(Value count) {
  e.loop(zero, count, panelWidth, [&](Value i) {
    Value raised = e.loadVector(factors, i);
    Value same = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, raised,
                                       e.splat(0.0));
    e.storeVector(e.select(same, e.splat(1.0), exponential(raised)), factors,
                  i);
  });
}

void AttentionBody::clearWeights(Value i, Value begin, Value end) {
  e.loop(begin, end, panelWidth,
         [&](Value column) { storeWeights(e.splat(0.0), i, column); });
}

/// Scores of a row -> exponentials against the maximum, and their sum; zeros
/// for keys that it does not see.
void AttentionBody::weighRow(Value first, Value i, OverRow over) {
  Value row = e.add(first, i);
  Value against = e.broadcast(e.load(maxima, row));
  Value factor = e.broadcast(e.load(factors, i));
  Value sum = e.mulf(e.loadVector(sums, {row, zero}), factor);
  auto weigh = [&](Value column, ArrayRef<Value> masks, Value sum) {
    SmallVector<Value> stored;
    for (auto [v, visible] : llvm::enumerate(masks)) {
      Value at = vectorAt(column, v);
      Value score =
          isAdjusted() ? e.loadVector(scores, {i, at}) : loadScores(i, at);
      Value weight = exponential(e.subf(score, against));
      stored.push_back(weight);
      if (visible) {
        weight = e.select(visible, weight, e.splat(0.0));
        stored.back() =
            hiddenWeight() == 0.0
                ? weight
                : e.select(visible, stored.back(), e.splat(hiddenWeight()));
      }
      sum = e.addf(sum, weight);
    }
    storeWeights(stored, i, column);
    return sum;
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
  auto raise = [&](Value i, Value from, Value seen) {
    updateMaximum(first, i, firstKey, [&](Value carried, KeysBody body) {
      return overKeys(from, seen, seen, carried, body);
    });
  };
  auto weigh = [&](Value i, Value from, Value seen) {
    weighRow(first, i, [&](Value carried, KeysBody body) {
      if (window)
        clearWeights(i, zero, e.mul(e.div(from, panelWidth), panelWidth));
      return overKeys(from, seen, columns, carried, body);
    });
  };
  overSeen(raise, [](Value) {});
  computeFactors(count);
  overSeen(weigh, [&](Value i) { clearWeights(i, zero, columns); });
}
