//===- KvAppendPhase.cpp - Keys and values of a row ----------------------===//
//
// Values of bf16 lie two keys to a word, and the kernel multiplies 32 keys at a
// time, those that a row does not see by zero. So what lies there must be
// finite: the last row of a sequence clears what is left of its 32 keys, and a
// value that is not finite is kept as zero, its key as NaN. Rows that see the
// key get NaN, others are not touched. (Of int8: Int8Segment.)
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Int8Segment.h"
#include "passes/LowerCpu/KvAppend.h"
#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

KvAppendBody::KvAppendBody(Emitter &e, ir::KvAppendOp op, int64_t capacity)
    : e(e), op(op), shape(SegmentShape::of(op.getKeys())),
      cache(e.context.plan.caches[CachePlace::of(op).cache]) {
  const ArenaPlan &plan = e.context.plan;
  bool cross = cache.kind == ir::CacheKind::Cross;
  segmentWord = cross            ? ASHLAR_ROW_CROSS_SEGMENT
                : cache.isRing() ? ASHLAR_ROW_RING_SEGMENT
                                 : ASHLAR_ROW_SEGMENT;
  keyWord = cross ? ASHLAR_ROW_CROSS_KEY : ASHLAR_ROW_KEY;
  base =
      op.getCache() == ir::CacheKind::Call ? e.context.arena : e.context.cache;
  key = rowsOf(e, op.getKey(), capacity);
  value = rowsOf(e, op.getValue(), capacity);
  rows = e.intTable(plan.rows, {plan.rowCapacity, ASHLAR_ROW_WORDS});
  layerOffset = cacheOffset(e, CachePlace::of(op));
  heads = e.scratch({tileRows, roundUp(shape.depth(), panelWidth)});
  zero = e.index(0);
  if (op.getRotary())
    angles =
        anglesOf(e, op, op.getPositions(), op.getRotaryTableAttr(), capacity);
}

/// The row's key into `heads[i]`, rotated; zeros behind it.
void KvAppendBody::loadKey(Value row, Value i) {
  e.loop(shape.headDim / panelWidth * panelWidth,
         roundUp(shape.depth(), panelWidth), panelWidth, [&](Value column) {
           e.storeVector(e.splat(0.0), heads, {i, column});
         });
  copyColumns(e, key.memory, {row}, firstColumn, heads, {i}, zero,
              shape.headDim);
  if (op.getRotary())
    emitRotation(e, heads, i, angles, angles.rowOf(e, row), *op.getRotary());
}

Value KvAppendBody::loadValue(Value row, Value column, int64_t lanes) {
  return e.loadVector(value.memory, {row, e.add(firstColumn, column)}, lanes);
}

void KvAppendBody::storeFloatValue(Value row) {
  e.overColumns(shape.headDim, {},
                [&](Value column, int64_t lanes, ValueRange) {
                  e.storeVector(loadValue(row, column, lanes), values,
                                {e.div(column, panelWidth), place, zero});
                  return SmallVector<Value>();
                });
}

void KvAppendBody::storeFloats(Value row) {
  Value panel = e.div(place, panelWidth), lane = e.rem(place, panelWidth);
  e.loop(0, shape.headDim, 1, [&](Value d) {
    e.store(e.load(heads, {zero, d}), keys, {panel, d, lane});
  });
  storeFloatValue(row);
}

/// 16 columns (i16) of the value of `place` into the low or the high halves of
/// its words.
void KvAppendBody::storeValue(Value numbers, Value panel, bool odd) {
  auto pairs = VectorType::get({2 * panelWidth}, e.getI16Type());
  SmallVector<bool> lanes;
  for (int64_t i = 0; i < 2 * panelWidth; ++i)
    lanes.push_back(i % 2 == odd);
  Value mask = arith::ConstantOp::create(
      e,
      DenseElementsAttr::get(VectorType::get({2 * panelWidth}, e.getI1Type()),
                             ArrayRef<bool>(lanes)));
  Value words = arith::ExtUIOp::create(e, intVector(e), numbers);
  if (odd)
    words = arith::ShLIOp::create(e, words, intSplat(e, 16));
  vector::MaskedStoreOp::create(e, values,
                                ValueRange{panel, e.div(place, 2), zero}, mask,
                                vector::BitCastOp::create(e, pairs, words));
}

/// Where the next row is not the next key of the sequence: zero values from
/// behind `place` to the end of its step.
void KvAppendBody::clearBehind() {
  Value from = e.div(e.add(place, 2), 2);
  Value to = e.div(endOfStep(), 2);
  Value nothing = arith::ConstantOp::create(
      e, DenseElementsAttr::get(
             VectorType::get({2 * panelWidth}, e.getI16Type()), int16_t(0)));
  e.loop(0, shape.paddedHeadDim() / panelWidth, 1, [&](Value panel) {
    e.loop(from, to, 1, [&](Value pair) {
      vector::StoreOp::create(e, nothing, values,
                              ValueRange{panel, pair, zero});
    });
  });
}

/// Whether the next row is the next key of the sequence. The last row of the
/// call repeats itself: its key is not the next one.
Value KvAppendBody::goesOn(Value row) {
  Value next = e.min(e.add(row, 1), e.add(e.tokens(), -1));
  return arith::AndIOp::create(
      e,
      arith::CmpIOp::create(e, arith::CmpIPredicate::eq, word(next, keyWord),
                            e.add(place, 1)),
      arith::CmpIOp::create(e, arith::CmpIPredicate::eq,
                            word(next, segmentWord), segment));
}

void KvAppendBody::storeInt8s(Value row) {
  Int8Segment int8(e, shape);
  int8.open(base, headOffset);
  int8.store(place, heads, [&](Value column, int64_t lanes) {
    return loadValue(row, column, lanes);
  });
  e.when(goesOn(row), [] {}, [&] { int8.clear(e.add(place, 1), endOfStep()); });
}

static Value shortSplat(Emitter &e, uint16_t bits) {
  return arith::ConstantOp::create(
      e, DenseElementsAttr::get(VectorType::get({panelWidth}, e.getI16Type()),
                                static_cast<int16_t>(bits)));
}

/// Whether the row's value is, in bf16.
Value KvAppendBody::isFinite(Value row) {
  constexpr uint16_t exponent = 0x7f80;
  Value largest = e.overColumns(
      shape.headDim, shortSplat(e, 0),
      [&](Value column, int64_t lanes, ValueRange most) {
        Value numbers = toBf16(e, loadValue(row, column, lanes));
        Value bits = arith::AndIOp::create(e, numbers, shortSplat(e, exponent));
        return SmallVector<Value>{arith::MaxUIOp::create(e, bits, most[0])};
      })[0];
  return arith::CmpIOp::create(
      e, arith::CmpIPredicate::ne,
      vector::ReductionOp::create(e, vector::CombiningKind::MAXUI, largest),
      arith::ConstantIntOp::create(e, exponent, 16));
}

void KvAppendBody::storeBf16s(Value row) {
  constexpr uint16_t quietNan = 0x7fc0;
  Value finite = isFinite(row);
  Value panel = e.div(place, panelWidth), lane = e.rem(place, panelWidth);
  e.loop(0, shape.depth(), panelWidth, [&](Value column) {
    Value numbers = toBf16(e, e.loadVector(heads, {zero, column}));
    numbers = e.select(finite, numbers, shortSplat(e, quietNan));
    Value words = bitcast(e, numbers, e.getI32Type(), panelWidth / 2);
    Value line = e.div(column, 2);
    for (int64_t i = 0; i < panelWidth / 2; ++i)
      e.store(vector::ExtractOp::create(e, words, ArrayRef<int64_t>{i}), keys,
              {panel, e.add(line, i), lane});
  });

  Value goesOn = this->goesOn(row);
  auto storeValues = [&](bool odd) {
    e.overColumns(shape.headDim, {},
                  [&](Value column, int64_t lanes, ValueRange) {
                    Value numbers = toBf16(e, loadValue(row, column, lanes));
                    numbers = e.select(finite, numbers, shortSplat(e, 0));
                    Value panel = e.div(column, panelWidth);
                    storeValue(numbers, panel, odd);
                    if (!odd)
                      e.when(
                          goesOn, [] {},
                          [&] { storeValue(shortSplat(e, 0), panel, true); });
                    return SmallVector<Value>();
                  });
  };
  e.when(
      e.equal(e.rem(place, 2), 0), [&] { storeValues(false); },
      [&] { storeValues(true); });
  e.when(goesOn, [] {}, [&] { clearBehind(); });
}

/// What is stored from now on is of `row` and the tile's head.
void KvAppendBody::chooseRow(Value row) {
  segment = word(row, segmentWord);
  place = word(row, keyWord);
  Value offset = e.add(e.add(layerOffset, e.mul(segment, cache.segmentStride)),
                       e.mul(kvHead, shape.headBytes()));
  Value valueOffset = e.add(offset, shape.keyBytes());
  int64_t keyPanels = ASHLAR_SEGMENT_KEYS / panelWidth;
  int64_t valuePanels = shape.paddedHeadDim() / panelWidth;
  if (shape.isInt8()) {
    headOffset = offset;
    return;
  }
  if (shape.isEncoded()) {
    keys = e.viewBytes(base, offset, {keyPanels, shape.depth() / 2, panelWidth},
                       e.getI32Type());
    values = e.viewBytes(base, valueOffset,
                         {valuePanels, ASHLAR_SEGMENT_KEYS / 2, 2 * panelWidth},
                         e.getI16Type());
    return;
  }
  keys = e.viewBytes(base, offset, {keyPanels, shape.headDim, panelWidth},
                     e.getF32Type());
  values = e.viewBytes(base, valueOffset,
                       {valuePanels, ASHLAR_SEGMENT_KEYS, panelWidth},
                       e.getF32Type());
}

void KvAppendBody::appendRow(Value row) {
  chooseRow(row);
  loadKey(row, zero);
  if (shape.isInt8())
    return storeInt8s(row);
  if (shape.isEncoded())
    return storeBf16s(row);
  storeFloats(row);
}

void KvAppendBody::tile(Value tile) {
  Value first = e.mul(e.div(tile, shape.kvHeads), tileRows);
  Value end = e.min(e.add(first, tileRows), e.tokens());
  kvHead = e.rem(tile, shape.kvHeads);
  firstColumn = e.mul(kvHead, shape.headDim);
  auto oneByOne = [&] {
    e.loop(first, end, 1, [&](Value row) { appendRow(row); });
  };
  if (shape.isInt8())
    return oneByOne();
  e.when(areWhole(first, end), [&] { appendBlock(first); }, oneByOne);
}

void ashlar::emitKvAppend(Emitter &e, ir::KvAppendOp op, int64_t capacity) {
  Value tiles = e.mul(e.ceilDiv(e.tokens(), KvAppendBody::tileRows),
                      SegmentShape::of(op.getKeys()).kvHeads);
  e.phase(phaseName(op), tiles, [&](Value begin, Value end) {
    KvAppendBody body(e, op, capacity);
    e.loop(begin, end, 1, [&](Value tile) { body.tile(tile); });
  });
}
