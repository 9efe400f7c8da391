//===- KvAppendPhase.cpp - Keys and values into their segments -----------===//
//
// A tile is a kv head of a row. Keys are turned so that 16 of them make a
// vector
// ([16 keys] per entry of the head), values stay rows cut in panels of 16
// columns: both are then panels of the one matrix kernel.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Emitter.h"
#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

void ashlar::emitKvAppend(Emitter &e, ir::KvAppendOp op, int64_t capacity) {
  auto type = cast<RankedTensorType>(op.getKey().getType());
  SegmentShape shape{type.getDimSize(1), type.getDimSize(2)};
  bool cross = op.getCache() == ir::CacheKind::Cross;
  const ArenaPlan &plan = e.context.plan;
  const CachePlan &cache = plan.caches[plan.findCache(op.getCache())];
  Value base =
      op.getCache() == ir::CacheKind::Call ? e.context.arena : e.context.cache;
  Value tiles = e.mul(e.tokens(), shape.kvHeads);
  e.phase(phaseName(op), tiles, [&](Value begin, Value end) {
    RowsView key = rowsOf(e, op.getKey(), capacity);
    RowsView value = rowsOf(e, op.getValue(), capacity);
    Value rows = e.intTable(plan.rows, {plan.rowCapacity, ASHLAR_ROW_WORDS});
    Value layerOffset = cacheOffset(e, op.getCache());
    Value head = e.scratch({1, roundUp(shape.headDim, panelWidth)});
    Value zero = e.index(0);
    Value table, positions;
    if (op.getRotary()) {
      table = rotaryTable(e, op, op.getRotaryTableAttr());
      positions = positionsOf(e, op.getPositions(), capacity);
    }
    e.loop(begin, end, 1, [&](Value tile) {
      Value row = e.div(tile, shape.kvHeads);
      Value kvHead = e.rem(tile, shape.kvHeads);
      Value first = e.mul(kvHead, shape.headDim);
      auto word = [&](int64_t self, int64_t other) {
        return e.loadIndex(rows, {row, e.index(cross ? other : self)});
      };
      Value segment = word(ASHLAR_ROW_SEGMENT, ASHLAR_ROW_CROSS_SEGMENT);
      Value place = word(ASHLAR_ROW_KEY, ASHLAR_ROW_CROSS_KEY);
      Value offset =
          e.add(e.add(layerOffset, e.mul(segment, cache.segmentStride)),
                e.mul(kvHead, shape.headBytes()));

      copyColumns(e, key.memory, {row}, first, head, {zero}, zero,
                  shape.headDim);
      if (op.getRotary())
        emitRotation(e, head, zero, table, e.loadIndex(positions, row),
                     op.getRotary()->getDimensions());
      Value keys = e.viewBytes(
          base, offset,
          {ASHLAR_SEGMENT_KEYS / panelWidth, shape.headDim, panelWidth},
          e.getF32Type());
      Value panel = e.div(place, panelWidth), lane = e.rem(place, panelWidth);
      e.loop(0, shape.headDim, 1, [&](Value d) {
        e.store(e.load(head, {zero, d}), keys, {panel, d, lane});
      });

      Value values = e.viewBytes(
          base, e.add(offset, shape.keyFloats() * sizeof(float)),
          {shape.paddedHeadDim() / panelWidth, ASHLAR_SEGMENT_KEYS, panelWidth},
          e.getF32Type());
      e.overColumns(
          shape.headDim, {}, [&](Value column, int64_t lanes, ValueRange) {
            Value v =
                e.loadVector(value.memory, {row, e.add(first, column)}, lanes);
            e.storeVector(v, values, {e.div(column, panelWidth), place, zero});
            return SmallVector<Value>();
          });
    });
  });
}
