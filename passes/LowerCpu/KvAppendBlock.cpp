//===- KvAppendBlock.cpp - Keys and values of 16 rows --------------------===//
//
// Rows whose keys are all that a panel's line has place for are turned in
// registers and stored in whole lines; so are two values of bf16, which share
// their words.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/KvAppend.h"
#include "runtime/abi.h"

#include <limits>

using namespace mlir;
using namespace ashlar;

/// Rows <-> columns of 16 vectors of 16. Each time, vectors i and i + 8 are
/// merged lane by lane, which turns the 8 bits of (vector, lane) by one: four
/// times exchange them.
static void transpose(Emitter &e, SmallVectorImpl<Value> &vectors) {
  constexpr int64_t half = panelWidth / 2;
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < half; ++lane) {
    low.append({lane, panelWidth + lane});
    high.append({half + lane, panelWidth + half + lane});
  }
  for (int64_t merged = 1; merged < panelWidth; merged *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < half; ++i)
      for (ArrayRef<int64_t> lanes : {ArrayRef(low), ArrayRef(high)})
        next.push_back(
            vector::ShuffleOp::create(e, vectors[i], vectors[i + half], lanes));
    vectors.assign(next.begin(), next.end());
  }
}

/// Whether rows [first, end) are a tile whose keys are those of a line.
Value KvAppendBody::areWhole(Value first, Value end) {
  Value last = e.add(end, -1), place = word(first, keyWord);
  auto both = [&](Value a, Value b) -> Value {
    return arith::AndIOp::create(e, a, b);
  };
  auto same = [&](Value a, Value b) -> Value {
    return arith::CmpIOp::create(e, arith::CmpIPredicate::eq, a, b);
  };
  return both(both(e.equal(e.sub(end, first), tileRows),
                   e.equal(e.rem(place, panelWidth), 0)),
              both(same(word(last, segmentWord), word(first, segmentWord)),
                   same(word(last, keyWord), e.add(place, tileRows - 1))));
}

void KvAppendBody::storeFloatBlock(Value first) {
  Value panel = e.div(place, panelWidth), begin = place;
  e.loop(0, tileRows, 1, [&](Value i) {
    Value row = e.add(first, i);
    loadKey(row, i);
    place = e.add(begin, i);
    storeFloatValue(row);
  });
  e.overColumns(
      shape.headDim, {}, [&](Value column, int64_t lanes, ValueRange) {
        SmallVector<Value> vectors;
        for (int64_t i = 0; i < tileRows; ++i)
          vectors.push_back(e.loadVector(heads, {e.index(i), column}));
        transpose(e, vectors);
        for (int64_t lane = 0; lane < lanes; ++lane)
          e.storeVector(vectors[lane], keys,
                        {panel, e.add(column, lane), zero});
        return SmallVector<Value>();
      });
}

/// Rows 2 `pair` and 2 `pair` + 1: the keys into `heads`, NaN where the value
/// is not finite; both values, or zeros in their place.
void KvAppendBody::storeBf16Pair(Value first, Value pair) {
  Value i[2], row[2], finite[2];
  for (int64_t k = 0; k < 2; ++k) {
    i[k] = e.add(e.mul(pair, 2), k);
    row[k] = e.add(first, i[k]);
    finite[k] = isFinite(row[k]);
    loadKey(row[k], i[k]);
    e.when(
        finite[k], [] {},
        [&] {
          e.loop(0, shape.depth(), panelWidth, [&](Value column) {
            e.storeVector(e.splat(std::numeric_limits<double>::quiet_NaN()),
                          heads, {i[k], column});
          });
        });
  }
  Value line = e.add(e.div(place, 2), pair);
  e.overColumns(
      shape.headDim, {}, [&](Value column, int64_t lanes, ValueRange) {
        Value words[2];
        for (int64_t k = 0; k < 2; ++k) {
          Value numbers = toBf16(e, loadValue(row[k], column, lanes));
          words[k] = e.select(finite[k],
                              arith::ExtUIOp::create(e, intVector(e), numbers),
                              intSplat(e, 0));
        }
        words[1] = arith::ShLIOp::create(e, words[1], intSplat(e, 16));
        Value both = arith::OrIOp::create(e, words[0], words[1]);
        vector::StoreOp::create(
            e, bitcast(e, both, e.getI16Type(), 2 * panelWidth), values,
            ValueRange{e.div(column, panelWidth), line, zero});
        return SmallVector<Value>();
      });
}

/// 32 entries of a key are a vector of 16 words, so 16 rows' are turned into
/// those of 16 lines.
void KvAppendBody::storeBf16Block(Value first) {
  e.loop(0, tileRows / 2, 1, [&](Value pair) { storeBf16Pair(first, pair); });
  SmallVector<int64_t> inOrder;
  for (int64_t i = 0; i < 2 * panelWidth; ++i)
    inOrder.push_back(i);
  Value panel = e.div(place, panelWidth);
  e.loop(0, shape.depth(), 2 * panelWidth, [&](Value column) {
    SmallVector<Value> vectors;
    for (int64_t i = 0; i < tileRows; ++i) {
      auto half = [&](Value from) {
        return toBf16(e, e.loadVector(heads, {e.index(i), from}));
      };
      Value numbers = vector::ShuffleOp::create(
          e, half(column), half(e.add(column, panelWidth)), inOrder);
      vectors.push_back(bitcast(e, numbers, e.getI32Type(), panelWidth));
    }
    transpose(e, vectors);
    for (int64_t i = 0; i < panelWidth; ++i)
      vector::StoreOp::create(
          e, vectors[i], keys,
          ValueRange{panel, e.add(e.div(column, 2), i), zero});
  });
  Value last = e.add(first, tileRows - 1);
  place = e.add(place, tileRows - 1);
  e.when(goesOn(last), [] {}, [&] { clearBehind(); });
}

/// The keys and values of a whole tile.
void KvAppendBody::appendBlock(Value first) {
  chooseRow(first);
  shape.isEncoded() ? storeBf16Block(first) : storeFloatBlock(first);
}
