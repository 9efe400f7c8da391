//===- PatternSegment.cpp - Attention with a pattern ----------------------===//
//
// A block of rows and a segment: the steps of 32 keys that some row may see are
// bits of a number, and scores and mix go over runs of them. In each step every
// row compares for itself. A row that sees nothing of a step that is visited
// has weights of zero there, so its bits do not depend on its neighbours in the
// block.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/AttentionBody.h"
#include "passes/LowerCpu/PatternBounds.h"

using namespace mlir;
using namespace ashlar;

using Bounds = PatternBounds<EmitterWords>;

Value AttentionBody::seesSome(Value first, Value count, Value firstKey,
                              Value keys) {
  EmitterWords words(e, marks);
  Bounds::Box box{indexOf(first), indexOf(e.add(first, e.add(count, -1))),
                  firstKey, e.add(firstKey, e.add(keys, -1)), extent};
  return Bounds(words, box).any(pattern);
}

Value AttentionBody::seesAll(Value first, Value count, Value firstKey,
                             Value keys) {
  EmitterWords words(e, marks);
  Bounds::Box box{indexOf(first), indexOf(e.add(first, e.add(count, -1))),
                  firstKey, e.add(firstKey, e.add(keys, -1)), extent};
  return Bounds(words, box).all(pattern);
}

/// Which of 16 keys from `firstKey` on the row sees.
Value AttentionBody::lanesSeen(Attribute pattern, Value row, Value firstKey) {
  EmitterWords words(e, marks);
  Value query = indexOf(row), keys = words.lanesFrom(firstKey);
  Value seen = Bounds(words, {query, query, keys, keys, extent}).any(pattern);
  if (isa<VectorType>(seen.getType()))
    return seen;
  return vector::BroadcastOp::create(
      e, VectorType::get({panelWidth}, e.getI1Type()), seen);
}

/// Bit s: some row of the block may see a key of step s of the segment's first
/// `keys`.
Value AttentionBody::seenSteps(Value first, Value count, Value firstKey,
                               Value keys) {
  auto step = [&](Value s, ValueRange bits) {
    Value begin = e.mul(s, attentionStepKeys);
    Value size = e.min(e.sub(keys, begin), e.index(attentionStepKeys));
    Value seen = seesSome(first, count, e.add(firstKey, begin), size);
    Value bit = arith::ShLIOp::create(e, e.select(seen, e.index(1), zero), s);
    return SmallVector<Value>{arith::OrIOp::create(e, bits[0], bit)};
  };
  return e.loop(zero, e.ceilDiv(keys, attentionStepKeys), 1, zero, step)[0];
}

static Value isSeen(Emitter &e, Value steps, Value s) {
  return e.equal(
      arith::AndIOp::create(e, arith::ShRUIOp::create(e, steps, s), e.index(1)),
      1);
}

/// Keys [begin, end) of each run of steps that are seen.
void AttentionBody::overRuns(Value steps, Value keys,
                             llvm::function_ref<void(Value, Value)> body) {
  Value count = e.ceilDiv(keys, attentionStepKeys);
  // One more, which is not seen, ends the last run.
  e.loop(zero, e.add(count, 1), 1, zero, [&](Value s, ValueRange begin) {
    Value seen = isSeen(e, steps, s);
    Value none = arith::ConstantIntOp::create(e, 0, 1);
    Value ends = e.select(seen, none, e.less(begin[0], s));
    e.when(ends, [&] {
      body(e.mul(begin[0], attentionStepKeys),
           e.min(e.mul(s, attentionStepKeys), keys));
    });
    return SmallVector<Value>{e.select(seen, begin[0], e.add(s, 1))};
  });
}

/// The vectors of keys that a row may see, in order: those of steps that are
/// seen, each with its mask.
Value AttentionBody::overSteps(Value row, Value firstKey, Value keys,
                               Value steps, Value carried, KeysBody body) {
  Value columns = e.mul(e.ceilDiv(keys, attentionStepKeys), attentionStepKeys);
  auto vector = [&](Value column, ValueRange carried) {
    auto look = [&] {
      Value lanes = lanesSeen(pattern, row, e.add(firstKey, column));
      Value exist = e.lanesBelow(e.sub(keys, column));
      Value mask = arith::AndIOp::create(e, exist, lanes);
      return body(column, mask, carried[0]);
    };
    Value seen = isSeen(e, steps, e.div(column, attentionStepKeys));
    return SmallVector<Value>{e.when(seen, look, carried[0])};
  };
  return e.loop(zero, columns, panelWidth, carried, vector)[0];
}

void AttentionBody::patternSoftmax(Value first, Value count, Value firstKey,
                                   Value keys, Value steps) {
  auto over = [&](Value i, Value carried, KeysBody body) {
    return overSteps(e.add(first, i), firstKey, keys, steps, carried, body);
  };
  e.loop(zero, count, 1, [&](Value i) {
    updateMaximum(first, i, firstKey, [&](Value carried, KeysBody body) {
      return over(i, carried, body);
    });
  });
  computeFactors(count);
  e.loop(zero, count, 1, [&](Value i) {
    weighRow(first, i, [&](Value carried, KeysBody body) {
      return over(i, carried, body);
    });
  });
}

void AttentionBody::patternBlock(Value first, Value count, Value firstKey,
                                 Value keys) {
  e.when(e.less(zero, keys), [&] {
    Value steps = seenSteps(first, count, firstKey, keys);
    e.when(e.less(zero, steps), [&] {
      overRuns(steps, keys, [&](Value begin, Value end) {
        computeScores(first, count, begin, end);
      });
      patternSoftmax(first, count, firstKey, keys, steps);
      overRuns(steps, keys, [&](Value begin, Value end) {
        mix(first, count, firstKey, begin, end);
      });
    });
  });
}
