//===- AttentionMap.cpp - Weights of attention that are kept --------------===//
//
// Of one layer, and only when the caller asks for it: a second pass over the
// keys, with the maxima and sums that the first one has found.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/AttentionBody.h"

using namespace mlir;
using namespace ashlar;

/// Whether the caller wants the weights of this attention, in this layer.
Value AttentionBody::isWatched() {
  Value watched = e.equal(e.callWord(ASHLAR_CALL_MAP),
                          cross ? ASHLAR_MAP_SOURCE : ASHLAR_MAP_OWN);
  if (!e.context.layer)
    return watched;
  Value layer =
      arith::CmpIOp::create(e, arith::CmpIPredicate::eq, e.context.layer,
                            e.callWord(ASHLAR_CALL_MAP_LAYER));
  return arith::AndIOp::create(e, watched, layer);
}

void AttentionBody::clearMap() {
  int64_t keys = cast<MemRefType>(map.getType()).getDimSize(2);
  e.loop(zero, rowCount, 1, [&](Value row) {
    Value head = e.add(e.mul(kvHead, group), e.rem(row, group));
    Value token = e.add(firstRow, e.div(row, group));
    e.loop(0, keys, panelWidth, [&](Value column) {
      e.storeVector(e.splat(0.0), map, {head, token, column});
    });
  });
}

void AttentionBody::mapRow(Value first, Value i, Value firstKey, OverRow over) {
  Value row = e.add(first, i);
  Value head = e.add(e.mul(kvHead, group), e.rem(row, group));
  Value token = e.add(firstRow, e.div(row, group));
  Value bias = biasColumn(row, firstKey);
  Value from = e.add(place, row);
  Value against = e.broadcast(e.load(maxima, from));
  Value sum = e.broadcast(e.sumLanes(e.loadVector(sums, {from, zero})));
  auto keep = [&](Value column, Value visible) {
    Value score = loadScores(i, column);
    if (isAdjusted())
      score = adjust(score, row, bias, firstKey, column, visible);
    Value weight = e.divf(exponential(e.subf(score, against)), sum);
    if (visible)
      weight = e.select(visible, weight, e.splat(0.0));
    // Rows that see nothing here may have weights from another attention.
    SmallVector<Value> place = {head, token, e.add(firstKey, column)};
    e.storeVector(e.addf(e.loadVector(map, place), weight), map, place);
  };
  over(zero, [&](Value column, ArrayRef<Value> masks, Value carried) {
    for (auto [v, visible] : llvm::enumerate(masks))
      keep(vectorAt(column, v), visible);
    return carried;
  });
}

void AttentionBody::mapBlock(Value first, Value count, Value firstKey,
                             Value keys) {
  if (pattern) {
    e.when(e.less(zero, keys), [&] {
      Value steps = seenSteps(first, count, firstKey, keys);
      overRuns(steps, keys, [&](Value begin, Value end) {
        computeScores(first, count, begin, end);
      });
      e.loop(zero, count, 1, [&](Value i) {
        mapRow(first, i, firstKey, [&](Value carried, KeysBody body) {
          return overSteps(e.add(first, i), firstKey, keys, steps, carried,
                           body);
        });
      });
    });
    return;
  }
  e.when(e.less(passedKeys(first, firstKey), keys), [&] {
    computeScores(first, count, zero, keys);
    e.loop(zero, count, 1, [&](Value i) {
      Value row = e.add(first, i);
      Value from = passedKeys(row, firstKey);
      Value seen = seenKeys(row, firstKey, keys);
      e.when(e.less(from, seen), [&] {
        mapRow(first, i, firstKey, [&](Value carried, KeysBody body) {
          return overKeys(from, seen, seen, carried, body);
        });
      });
    });
  });
}
