//===- AttentionPhase.cpp - Tiles of attention and their keys -------------===//

#include "passes/LowerCpu/AttentionBody.h"
#include "passes/LowerCpu/ShortMath.h"

#include <limits>

using namespace mlir;
using namespace ashlar;

AttentionBody::AttentionBody(Emitter &e, ir::AttentionOp op, int64_t capacity)
    : e(e), op(op), shape(SegmentShape::of(op.getKey())),
      scoreScale(op.getScale().convertToDouble() * log2E),
      splits(op, e.context.plan) {
  const ArenaPlan &plan = e.context.plan;
  auto queryType = cast<RankedTensorType>(op.getQuery().getType());
  group = queryType.getDimSize(1) / shape.kvHeads;
  rowCapacity =
      roundUp(plan.tileRows * group,
              shape.isEncoded() ? attentionBlockRows : e.context.tile.rows);
  // Of the kv_append or kv_read that they come from.
  CachePlace place = CachePlace::of(op.getKey().getDefiningOp());
  cache = &plan.caches[place.cache];
  cross = cache->kind == ir::CacheKind::Cross;
  causal = op.getMask() == ir::MaskKind::Causal;
  window = op.getWindow().value_or(0);
  if (op.getPattern())
    pattern = wholePattern(op);
  base = cache->kind == ir::CacheKind::Call ? e.context.arena : e.context.cache;
  layerOffset = cacheOffset(e, place);
  zero = e.index(0);
  query = rowsOf(e, op.getQuery(), capacity);
  if (op.getResult().getType().getElementType().isF32())
    out = rowsOf(e, op.getResult(), capacity);
  else
    outOperand = operandOf(e, op.getResult(), capacity);
  tiles = e.intTable(plan.tiles, {plan.maxTiles, ASHLAR_TILE_WORDS});
  table = e.intTable(cache->table, {cache->slotSegments * plan.maxTiles});
  if (plan.marks >= 0)
    marks.before = e.intTable(plan.marks, {marksEntries(plan)});
  if (op.getRotary())
    angles =
        anglesOf(e, op, op.getPositions(), op.getRotaryTableAttr(), capacity);
  if (FlatSymbolRefAttr symbol = op.getBiasTableAttr()) {
    ir::WeightOp weight = ir::lookupWeight(op, symbol);
    biasTable = e.weightView(weight, {weight.getRows(), tableStride(weight)});
  }
  if (auto place = op->getAttrOfType<ir::BufferAttr>(mapAttr))
    map = e.viewBytes(e.context.arena, e.index(place.getOffset()),
                      {queryType.getDimSize(1), capacity, place.getStride()},
                      e.getF32Type());
  queries = e.scratch({rowCapacity, shape.paddedHeadDim()});
  int64_t sumRows = splits.splits > 1 ? 2 * rowCapacity : rowCapacity;
  mixed = e.scratch({sumRows, shape.paddedHeadDim()});
  sums = e.scratch({sumRows, panelWidth});
  maxima = e.scratch({sumRows});
  if (splits.isShared)
    openSplitSums();
  scoreBytes = e.scratch({attentionBlockRows * scoreRowLines * lineBytes},
                         e.getI8Type());
  scores = e.viewBytes(scoreBytes, zero,
                       {attentionBlockRows, scoreRowLines * panelWidth},
                       e.getF32Type());
  factors = e.scratch({attentionBlockRows});
}

/// Head by head, so that a head's keys and values stay in L2; within a head the
/// table's first entry, its last, its second, ...: late entries see more keys,
/// and so every share of the tiles has of both.
void AttentionBody::readTile(Value tile) {
  if (splits.isShared) {
    split = arith::RemUIOp::create(e, tile, splitCount);
    tile = arith::DivUIOp::create(e, tile, splitCount);
  }
  Value entries = e.callWord(ASHLAR_CALL_TILES);
  kvHead = arith::DivUIOp::create(e, tile, entries);
  Value turn = arith::RemUIOp::create(e, tile, entries);
  Value half = e.div(turn, 2);
  entry = e.select(e.equal(e.rem(turn, 2), 0), half,
                   e.sub(e.add(entries, -1), half));
  auto word = [&](int64_t self, int64_t other) {
    return e.loadIndex(tiles, {entry, e.index(cross ? other : self)});
  };
  firstRow = word(ASHLAR_TILE_ROW, ASHLAR_TILE_ROW);
  tokenCount = word(ASHLAR_TILE_ROWS, ASHLAR_TILE_ROWS);
  firstIndex = word(ASHLAR_TILE_INDEX, ASHLAR_TILE_INDEX);
  keyCount = word(ASHLAR_TILE_KEYS, ASHLAR_TILE_CROSS_KEYS);
  segments = word(ASHLAR_TILE_SEGMENTS, ASHLAR_TILE_CROSS_SEGMENTS);
  rowCount = e.mul(tokenCount, group);
  if (pattern || op.getRepeated())
    extent = word(ASHLAR_TILE_EXTENT, ASHLAR_TILE_EXTENT);
  // Who has marks reads whole sequences: their first key is their first row.
  if (marks.before)
    marks.firstRow = e.sub(firstRow, firstIndex);
}

/// Queries of the tile as [rows, head_dim], rotated and scaled.
void AttentionBody::loadQueries() {
  e.loop(zero, tokenCount, 1, [&](Value token) {
    Value row = e.add(firstRow, token);
    Value angle;
    if (op.getRotary())
      angle = angles.rowOf(e, row);
    e.loop(0, group, 1, [&](Value member) {
      Value target = e.add(e.mul(token, group), member);
      Value head = e.add(e.mul(kvHead, group), member);
      copyColumns(e, query.memory, {row}, e.mul(head, shape.headDim), queries,
                  {target}, zero, shape.headDim);
      if (op.getRotary())
        emitRotation(e, queries, target, angles, angle, *op.getRotary());
      if (scoreScale == 1.0)
        return;
      e.loop(0, shape.paddedHeadDim(), panelWidth, [&](Value d) {
        Value value = e.loadVector(queries, {target, d});
        e.storeVector(e.mulf(value, e.splat(scoreScale)), queries, {target, d});
      });
    });
  });
}

SmallVector<Value> AttentionBody::loadTile(Value memory, Value row,
                                           int64_t rows, Value panel,
                                           int64_t width) {
  SmallVector<Value> tile;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t p = 0; p < width; ++p)
      tile.push_back(e.loadVector(
          memory, {e.add(row, r), e.mul(e.add(panel, p), panelWidth)}));
  return tile;
}

void AttentionBody::storeTile(ArrayRef<Value> tile, Value memory, Value row,
                              int64_t rows, Value panel, int64_t width) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t p = 0; p < width; ++p)
      e.storeVector(tile[r * width + p], memory,
                    {e.add(row, r), e.mul(e.add(panel, p), panelWidth)});
}

void AttentionBody::start(Value place) {
  Value lowest = e.scalar(-std::numeric_limits<double>::infinity());
  e.loop(place, e.add(place, rowCount), 1, [&](Value row) {
    e.store(lowest, maxima, row);
    e.storeVector(e.splat(0.0), sums, {row, zero});
    e.loop(0, shape.paddedHeadDim(), panelWidth,
           [&](Value d) { e.storeVector(e.splat(0.0), mixed, {row, d}); });
  });
}

Value AttentionBody::indexOf(Value row) {
  return e.add(firstIndex, e.div(row, group));
}

Value AttentionBody::visibleKeys(Value row) {
  if (causal)
    return e.add(indexOf(row), 1);
  return window ? e.min(keyCount, e.add(indexOf(row), window)) : keyCount;
}

Value AttentionBody::seenKeys(Value row, Value firstKey, Value keys) {
  return isRagged() ? e.min(keys, e.sub(visibleKeys(row), firstKey)) : keys;
}

Value AttentionBody::firstVisibleKey(Value row) {
  return e.max(zero, e.add(indexOf(row), 1 - window));
}

Value AttentionBody::passedKeys(Value row, Value firstKey) {
  return window ? e.max(zero, e.sub(firstVisibleKey(row), firstKey)) : zero;
}

/// Opens segment `s` and goes through its blocks. Where the cache is a ring, it
/// still holds all segments that a row of this call sees keys of.
void AttentionBody::blocksOf(Value s, BlockBody body) {
  Value physical = e.loadIndex(table, e.add(segments, s));
  Value firstKey = e.mul(s, ASHLAR_SEGMENT_KEYS);
  // By the tile's last row.
  Value most = e.min(e.sub(visibleKeys(e.add(rowCount, -1)), firstKey),
                     e.index(ASHLAR_SEGMENT_KEYS));
  openSegment(e.add(e.add(layerOffset, e.mul(physical, cache->segmentStride)),
                    e.mul(kvHead, shape.headBytes())),
              most);
  e.loop(zero, rowCount, attentionBlockRows, [&](Value first) {
    Value count = e.min(e.sub(rowCount, first), e.index(attentionBlockRows));
    // By the block's last row.
    Value visible = visibleKeys(e.add(first, e.add(count, -1)));
    Value keys = e.min(e.sub(visible, firstKey), e.index(ASHLAR_SEGMENT_KEYS));
    body(first, count, firstKey, keys);
  });
}

void AttentionBody::eachBlock(Value begin, Value end, BlockBody body) {
  Value visible = keysOfTile();
  Value first = e.div(begin, ASHLAR_SEGMENT_KEYS);
  e.loop(first, e.ceilDiv(end, ASHLAR_SEGMENT_KEYS), 1, [&](Value s) {
    if (!pattern)
      return blocksOf(s, body);
    Value firstKey = e.mul(s, ASHLAR_SEGMENT_KEYS);
    Value keys = e.min(e.sub(visible, firstKey), e.index(ASHLAR_SEGMENT_KEYS));
    e.when(seesSome(zero, rowCount, firstKey, keys),
           [&] { blocksOf(s, body); });
  });
}

void AttentionBody::attendBlock(Value first, Value count, Value firstKey,
                                Value keys) {
  if (pattern)
    return patternBlock(first, count, firstKey, keys);
  e.when(e.less(passedKeys(first, firstKey), keys), [&] {
    computeScores(first, count, zero, keys);
    softmax(first, count, firstKey, keys);
    mix(first, count, firstKey, zero, keys);
  });
}

void AttentionBody::attendKeys(Value begin, Value end) {
  eachBlock(begin, end,
            [&](Value first, Value count, Value firstKey, Value keys) {
              attendBlock(first, count, firstKey, keys);
            });
}

/// Divides by the sums; a row that saw no key gives zeros.
void AttentionBody::finish(Value place) {
  e.loop(zero, rowCount, 1, [&](Value row) {
    Value from = e.add(place, row);
    Value sum = e.sumLanes(e.loadVector(sums, {from, zero}));
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
      Value value = e.fma(e.loadVector(mixed, {from, d}), factor, e.splat(0.0));
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
  if (splits.splits > 1) {
    Value done;
    place = attendSplits(done);
    e.when(done, [&] { finish(place); });
  } else {
    place = zero;
    loadQueries();
    takeQueries();
    start(place);
    attendKeys(firstKeyOfTile(), keysOfTile());
    finish(place);
  }
  if (!map)
    return;
  e.when(isWatched(), [&] {
    if (op->getAttrOfType<BoolAttr>(mappedAttr).getValue())
      clearMap();
    eachBlock(firstKeyOfTile(), keysOfTile(),
              [&](Value first, Value count, Value firstKey, Value keys) {
                mapBlock(first, count, firstKey, keys);
              });
  });
}

void ashlar::emitAttention(Emitter &e, ir::AttentionOp op, int64_t capacity) {
  SegmentShape shape = SegmentShape::of(op.getKey());
  Value tiles = e.mul(e.callWord(ASHLAR_CALL_TILES), shape.kvHeads);
  if (KeySplits(op, e.context.plan).isShared)
    tiles = e.mul(tiles, e.callWord(ASHLAR_CALL_SPLITS));
  e.phase(phaseName(op), tiles, [&](Value begin, Value end) {
    std::unique_ptr<AttentionBody> body =
        shape.isEncoded() ? makeBf16Attention(e, op, capacity)
                          : makeFloatAttention(e, op, capacity);
    e.loop(begin, end, 1, [&](Value tile) { body->tile(tile); });
  });
}
