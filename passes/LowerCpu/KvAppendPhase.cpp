//===- KvAppendPhase.cpp - Keys and values into their segments -----------===//
//
// A tile is a kv head of a row. Keys are turned so that 16 of them make a
// vector, values stay rows cut in panels of 16 columns: both are then panels of
// a matrix kernel (SegmentShape).
//
// Values of bf16 lie two keys to a word, and the kernel multiplies 32 keys at a
// time, those that a row does not see by zero. So what lies there must be
// finite: the last row of a sequence clears what is left of its 32 keys, and a
// value that is not finite is kept as zero, its key as NaN. Rows that see the
// key get NaN, others are not touched. (Of int8: Int8Segment.)
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Int8Segment.h"
#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

namespace {
/// The rows of one kv_append inside of its phase.
class KvAppendBody {
public:
  KvAppendBody(Emitter &e, ir::KvAppendOp op, int64_t capacity);
  void tile(Value tile);

private:
  Value word(Value row, int64_t index) {
    return e.loadIndex(rows, {row, e.index(index)});
  }
  void loadKey(Value row, Value firstColumn);
  void storeFloats(Value row, Value firstColumn);
  void storeBf16s(Value row, Value firstColumn);
  void storeValue(Value numbers, Value panel, bool odd);
  void clearBehind();
  void storeInt8s(Value row, Value firstColumn, Value offset);
  Value goesOn(Value row);
  /// Where the step of `place` ends.
  Value endOfStep() {
    return e.mul(e.ceilDiv(e.add(place, 1), attentionStepKeys),
                 attentionStepKeys);
  }

  Emitter &e;
  ir::KvAppendOp op;
  SegmentShape shape;
  const CachePlan &cache;
  int64_t segmentWord, keyWord; // of a row: where its key goes
  RowsView key, value;
  Value base, layerOffset, rows, zero;
  AnglesView angles;
  Value head; // the key: [1, depth]
  // Of this tile.
  Value segment, place, keys, values;
};
} // namespace

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
  head = e.scratch({1, roundUp(shape.depth(), panelWidth)});
  zero = e.index(0);
  if (op.getRotary())
    angles =
        anglesOf(e, op, op.getPositions(), op.getRotaryTableAttr(), capacity);
}

/// The key into `head`, rotated; zeros behind it.
void KvAppendBody::loadKey(Value row, Value firstColumn) {
  e.loop(shape.headDim / panelWidth * panelWidth,
         roundUp(shape.depth(), panelWidth), panelWidth, [&](Value column) {
           e.storeVector(e.splat(0.0), head, {zero, column});
         });
  copyColumns(e, key.memory, {row}, firstColumn, head, {zero}, zero,
              shape.headDim);
  if (op.getRotary())
    emitRotation(e, head, zero, angles, angles.rowOf(e, row), *op.getRotary());
}

void KvAppendBody::storeFloats(Value row, Value firstColumn) {
  Value panel = e.div(place, panelWidth), lane = e.rem(place, panelWidth);
  e.loop(0, shape.headDim, 1, [&](Value d) {
    e.store(e.load(head, {zero, d}), keys, {panel, d, lane});
  });
  e.overColumns(
      shape.headDim, {}, [&](Value column, int64_t lanes, ValueRange) {
        Value v = e.loadVector(value.memory, {row, e.add(firstColumn, column)},
                               lanes);
        e.storeVector(v, values, {e.div(column, panelWidth), place, zero});
        return SmallVector<Value>();
      });
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

void KvAppendBody::storeInt8s(Value row, Value firstColumn, Value offset) {
  Int8Segment int8(e, shape);
  int8.open(base, offset);
  int8.store(place, head, [&](Value column, int64_t lanes) {
    return e.loadVector(value.memory, {row, e.add(firstColumn, column)}, lanes);
  });
  e.when(goesOn(row), [] {}, [&] { int8.clear(e.add(place, 1), endOfStep()); });
}

void KvAppendBody::storeBf16s(Value row, Value firstColumn) {
  auto numbersOf = [&](Value column, int64_t lanes) {
    return toBf16(e, e.loadVector(value.memory,
                                  {row, e.add(firstColumn, column)}, lanes));
  };
  auto shorts = VectorType::get({panelWidth}, e.getI16Type());
  auto splat = [&](uint16_t bits) -> Value {
    return arith::ConstantOp::create(
        e, DenseElementsAttr::get(shorts, static_cast<int16_t>(bits)));
  };
  constexpr uint16_t exponent = 0x7f80, quietNan = 0x7fc0;
  Value largest = e.overColumns(
      shape.headDim, splat(0),
      [&](Value column, int64_t lanes, ValueRange most) {
        Value bits =
            arith::AndIOp::create(e, numbersOf(column, lanes), splat(exponent));
        return SmallVector<Value>{arith::MaxUIOp::create(e, bits, most[0])};
      })[0];
  Value finite = arith::CmpIOp::create(
      e, arith::CmpIPredicate::ne,
      vector::ReductionOp::create(e, vector::CombiningKind::MAXUI, largest),
      arith::ConstantIntOp::create(e, exponent, 16));

  Value panel = e.div(place, panelWidth), lane = e.rem(place, panelWidth);
  e.loop(0, shape.depth(), panelWidth, [&](Value column) {
    Value numbers = toBf16(e, e.loadVector(head, {zero, column}));
    numbers = e.select(finite, numbers, splat(quietNan));
    Value words = bitcast(e, numbers, e.getI32Type(), panelWidth / 2);
    Value line = e.div(column, 2);
    for (int64_t i = 0; i < panelWidth / 2; ++i)
      e.store(vector::ExtractOp::create(e, words, ArrayRef<int64_t>{i}), keys,
              {panel, e.add(line, i), lane});
  });

  Value goesOn = this->goesOn(row);
  auto storeValues = [&](bool odd) {
    e.overColumns(
        shape.headDim, {}, [&](Value column, int64_t lanes, ValueRange) {
          Value numbers = e.select(finite, numbersOf(column, lanes), splat(0));
          Value panel = e.div(column, panelWidth);
          storeValue(numbers, panel, odd);
          if (!odd)
            e.when(goesOn, [] {}, [&] { storeValue(splat(0), panel, true); });
          return SmallVector<Value>();
        });
  };
  e.when(
      e.equal(e.rem(place, 2), 0), [&] { storeValues(false); },
      [&] { storeValues(true); });
  e.when(goesOn, [] {}, [&] { clearBehind(); });
}

void KvAppendBody::tile(Value tile) {
  Value row = e.div(tile, shape.kvHeads);
  Value kvHead = e.rem(tile, shape.kvHeads);
  Value firstColumn = e.mul(kvHead, shape.headDim);
  segment = word(row, segmentWord);
  place = word(row, keyWord);
  Value offset = e.add(e.add(layerOffset, e.mul(segment, cache.segmentStride)),
                       e.mul(kvHead, shape.headBytes()));
  Value valueOffset = e.add(offset, shape.keyBytes());
  int64_t keyPanels = ASHLAR_SEGMENT_KEYS / panelWidth;
  int64_t valuePanels = shape.paddedHeadDim() / panelWidth;
  loadKey(row, firstColumn);
  if (shape.isInt8())
    return storeInt8s(row, firstColumn, offset);
  if (shape.isEncoded()) {
    keys = e.viewBytes(base, offset, {keyPanels, shape.depth() / 2, panelWidth},
                       e.getI32Type());
    values = e.viewBytes(base, valueOffset,
                         {valuePanels, ASHLAR_SEGMENT_KEYS / 2, 2 * panelWidth},
                         e.getI16Type());
    return storeBf16s(row, firstColumn);
  }
  keys = e.viewBytes(base, offset, {keyPanels, shape.headDim, panelWidth},
                     e.getF32Type());
  values = e.viewBytes(base, valueOffset,
                       {valuePanels, ASHLAR_SEGMENT_KEYS, panelWidth},
                       e.getF32Type());
  storeFloats(row, firstColumn);
}

void ashlar::emitKvAppend(Emitter &e, ir::KvAppendOp op, int64_t capacity) {
  Value tiles = e.mul(e.tokens(), SegmentShape::of(op.getKeys()).kvHeads);
  e.phase(phaseName(op), tiles, [&](Value begin, Value end) {
    KvAppendBody body(e, op, capacity);
    e.loop(begin, end, 1, [&](Value tile) { body.tile(tile); });
  });
}
