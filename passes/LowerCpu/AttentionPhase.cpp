//===- AttentionPhase.cpp - Online softmax over segments of keys ---------===//

#include "passes/LowerCpu/AttentionBody.h"

#include <limits>

using namespace mlir;
using namespace ashlar;

/// The kv_append or kv_read that `keys` come from.
static ir::CacheKind cacheOf(Value keys) {
  Operation *def = keys.getDefiningOp();
  if (auto append = dyn_cast<ir::KvAppendOp>(def))
    return append.getCache();
  return cast<ir::KvReadOp>(def).getCache();
}

AttentionBody::AttentionBody(Emitter &e, ir::AttentionOp op, int64_t capacity)
    : e(e), op(op), shape(SegmentShape::of(op.getKey())),
      scoreScale(op.getScale().convertToDouble()) {
  const ArenaPlan &plan = e.context.plan;
  auto queryType = cast<RankedTensorType>(op.getQuery().getType());
  group = queryType.getDimSize(1) / shape.kvHeads;
  rowCapacity =
      roundUp(plan.tileRows * group,
              shape.isBf16 ? attentionBlockRows : e.context.tile.rows);
  ir::CacheKind kind = cacheOf(op.getKey());
  cross = kind == ir::CacheKind::Cross;
  causal = op.getMask() == ir::MaskKind::Causal;
  cache = &plan.caches[plan.findCache(kind)];
  base = kind == ir::CacheKind::Call ? e.context.arena : e.context.cache;
  layerOffset = cacheOffset(e, kind);
  zero = e.index(0);
  query = rowsOf(e, op.getQuery(), capacity);
  if (op.getResult().getType().getElementType().isF32())
    out = rowsOf(e, op.getResult(), capacity);
  else
    outOperand = operandOf(e, op.getResult(), capacity);
  tiles = e.intTable(plan.tiles, {plan.maxTiles, ASHLAR_TILE_WORDS});
  table = e.intTable(cache->table, {cache->slotSegments * plan.maxTiles});
  if (op.getRotary()) {
    rotaryAngles = rotaryTable(e, op, op.getRotaryTableAttr());
    positions = positionsOf(e, op.getPositions(), capacity);
  }
  queries = e.scratch({rowCapacity, shape.paddedHeadDim()});
  mixed = e.scratch({rowCapacity, shape.paddedHeadDim()});
  sums = e.scratch({rowCapacity, panelWidth});
  maxima = e.scratch({rowCapacity});
  scores = e.scratch({attentionBlockRows, ASHLAR_SEGMENT_KEYS});
}

void AttentionBody::readTile(Value tile) {
  Value entry = e.div(tile, shape.kvHeads);
  kvHead = e.rem(tile, shape.kvHeads);
  auto word = [&](int64_t self, int64_t other) {
    return e.loadIndex(tiles, {entry, e.index(cross ? other : self)});
  };
  firstRow = word(ASHLAR_TILE_ROW, ASHLAR_TILE_ROW);
  tokenCount = word(ASHLAR_TILE_ROWS, ASHLAR_TILE_ROWS);
  firstIndex = word(ASHLAR_TILE_INDEX, ASHLAR_TILE_INDEX);
  keyCount = word(ASHLAR_TILE_KEYS, ASHLAR_TILE_CROSS_KEYS);
  segments = word(ASHLAR_TILE_SEGMENTS, ASHLAR_TILE_CROSS_SEGMENTS);
  rowCount = e.mul(tokenCount, group);
}

/// Queries of the tile as [rows, head_dim], rotated and scaled.
void AttentionBody::loadQueries(Value tile) {
  e.loop(zero, tokenCount, 1, [&](Value token) {
    Value row = e.add(firstRow, token);
    Value position;
    if (op.getRotary())
      position = e.loadIndex(positions, row);
    e.loop(0, group, 1, [&](Value member) {
      Value target = e.add(e.mul(token, group), member);
      Value head = e.add(e.mul(kvHead, group), member);
      copyColumns(e, query.memory, {row}, e.mul(head, shape.headDim), queries,
                  {target}, zero, shape.headDim);
      if (op.getRotary())
        emitRotation(e, queries, target, rotaryAngles, position,
                     op.getRotary()->getDimensions());
      if (scoreScale == 1.0)
        return;
      e.loop(0, shape.paddedHeadDim(), panelWidth, [&](Value d) {
        Value value = e.loadVector(queries, {target, d});
        e.storeVector(e.mulf(value, e.splat(scoreScale)), queries, {target, d});
      });
    });
  });
}

void AttentionBody::start() {
  Value lowest = e.scalar(-std::numeric_limits<double>::infinity());
  e.loop(zero, rowCount, 1, [&](Value row) {
    e.store(lowest, maxima, row);
    e.storeVector(e.splat(0.0), sums, {row, zero});
    e.loop(0, shape.paddedHeadDim(), panelWidth, [&](Value d) {
      e.storeVector(e.splat(0.0), mixed, {row, d});
    });
  });
}

Value AttentionBody::seenKeys(Value row, Value firstKey, Value keys) {
  if (!causal)
    return keys;
  Value index = e.add(firstIndex, e.div(row, group));
  return e.min(keys, e.sub(e.add(index, 1), firstKey));
}

/// Scores of a row -> exponentials against the new maximum; what was summed and
/// mixed against the old one is scaled down.
void AttentionBody::softmaxRow(Value first, Value i, Value firstKey,
                               Value keys) {
  Value row = e.add(first, i);
  Value seen = seenKeys(row, firstKey, keys);
  Value columns = e.mul(e.ceilDiv(keys, weightStep), weightStep);
  auto clear = [&](Value begin) {
    e.loop(begin, columns, panelWidth,
           [&](Value column) { storeWeight(e.splat(0.0), i, column); });
  };
  e.when(
      e.less(zero, seen), [&] { updateRow(row, i, seen, columns); },
      [&] { clear(zero); });
}

/// For a row that sees `seen` keys, at least one.
void AttentionBody::updateRow(Value row, Value i, Value seen, Value columns) {
  Value whole = e.mul(e.div(seen, panelWidth), panelWidth);
  Value lowest = e.splat(-std::numeric_limits<double>::infinity());
  Value highest = e.loop(
      zero, whole, panelWidth, lowest, [&](Value column, ValueRange highest) {
        return SmallVector<Value>{
            e.maxf(e.loadVector(scores, {i, column}), highest[0])};
      })[0];
  // Behind the whole vectors: none, or one in part, then zeros.
  auto overRest = [&](ValueRange init, Emitter::Carried body) {
    return e.loop(whole, columns, panelWidth, init, body)[0];
  };
  auto mask = [&](Value column) { return e.lanesBelow(e.sub(seen, column)); };
  highest = overRest(highest, [&](Value column, ValueRange highest) {
    Value score = e.loadVector(scores, {i, column});
    return SmallVector<Value>{
        e.maxf(e.select(mask(column), score, lowest), highest[0])};
  });
  Value old = e.load(maxima, row);
  Value maximum = e.maxf(e.maxLanes(highest), old);
  e.store(maximum, maxima, row);
  Value against = e.broadcast(maximum);
  Value factor = exponential(e.subf(e.broadcast(old), against));
  Value sum = e.mulf(e.loadVector(sums, {row, zero}), factor);
  auto weigh = [&](Value column) {
    return exponential(e.subf(e.loadVector(scores, {i, column}), against));
  };
  sum = e.loop(zero, whole, panelWidth, sum, [&](Value column, ValueRange sum) {
    Value weight = weigh(column);
    storeWeight(weight, i, column);
    return SmallVector<Value>{e.addf(sum[0], weight)};
  })[0];
  sum = overRest(sum, [&](Value column, ValueRange sum) {
    Value weight = e.select(mask(column), weigh(column), e.splat(0.0));
    storeWeight(weight, i, column);
    return SmallVector<Value>{e.addf(sum[0], weight)};
  });
  e.storeVector(sum, sums, {row, zero});
  e.loop(0, shape.paddedHeadDim(), panelWidth, [&](Value d) {
    Value value = e.loadVector(mixed, {row, d});
    e.storeVector(e.mulf(value, factor), mixed, {row, d});
  });
}

void AttentionBody::segment(Value s) {
  Value physical = e.loadIndex(table, e.add(segments, s));
  openSegment(e.add(e.add(layerOffset, e.mul(physical, cache->segmentStride)),
                    e.mul(kvHead, shape.headBytes())));
  Value firstKey = e.mul(s, ASHLAR_SEGMENT_KEYS);
  Value visible =
      causal ? e.add(firstIndex, tokenCount) : keyCount; // by the last row
  Value keys = e.min(e.sub(visible, firstKey), e.index(ASHLAR_SEGMENT_KEYS));
  e.loop(zero, rowCount, attentionBlockRows, [&](Value first) {
    Value count = e.min(e.sub(rowCount, first), e.index(attentionBlockRows));
    computeScores(first, count, keys);
    e.loop(zero, count, 1,
           [&](Value i) { softmaxRow(first, i, firstKey, keys); });
    mix(first, count, firstKey, keys);
  });
}

/// Divides by the sums; a row that saw no key gives zeros.
void AttentionBody::finish() {
  e.loop(zero, rowCount, 1, [&](Value row) {
    Value sum = e.sumLanes(e.loadVector(sums, {row, zero}));
    Value some =
        arith::CmpFOp::create(e, arith::CmpFPredicate::UNE, sum, e.scalar(0.0));
    Value inverse = e.select(some, e.divf(e.scalar(1.0), sum), e.scalar(0.0));
    Value factor = e.broadcast(inverse);
    Value target = e.add(firstRow, e.div(row, group));
    Value head = e.add(e.mul(kvHead, group), e.rem(row, group));
    Value column = e.mul(head, shape.headDim);
    e.overColumns(shape.headDim, {}, [&](Value d, int64_t lanes, ValueRange) {
      // Adding zero: whether keys behind the last one were multiplied by zero
      // or not at all, no -0 is left of it.
      Value value = e.fma(e.loadVector(mixed, {row, d}), factor, e.splat(0.0));
      if (out)
        e.storeVector(value, out->memory, {target, e.add(column, d)}, lanes);
      else
        storeBf16(e, value, *outOperand, target, e.add(column, d));
      return SmallVector<Value>();
    });
  });
}

void AttentionBody::tile(Value tile) {
  readTile(tile);
  loadQueries(tile);
  takeQueries();
  start();
  Value visible = causal ? e.add(firstIndex, tokenCount) : keyCount;
  e.loop(zero, e.ceilDiv(visible, ASHLAR_SEGMENT_KEYS), 1,
         [&](Value s) { segment(s); });
  finish();
}

void ashlar::emitAttention(Emitter &e, ir::AttentionOp op, int64_t capacity) {
  SegmentShape shape = SegmentShape::of(op.getKey());
  Value tiles = e.mul(e.callWord(ASHLAR_CALL_TILES), shape.kvHeads);
  e.phase(phaseName(op), tiles, [&](Value begin, Value end) {
    std::unique_ptr<AttentionBody> body =
        shape.isBf16 ? makeBf16Attention(e, op, capacity)
                     : makeFloatAttention(e, op, capacity);
    e.loop(begin, end, 1, [&](Value tile) { body->tile(tile); });
  });
}
