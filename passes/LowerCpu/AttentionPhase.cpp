//===- AttentionPhase.cpp - Online softmax over segments of keys ---------===//

#include "passes/LowerCpu/AttentionBody.h"
#include "passes/LowerCpu/PatternBounds.h"
#include "passes/LowerCpu/ShortMath.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace ashlar;

AttentionBody::AttentionBody(Emitter &e, ir::AttentionOp op, int64_t capacity)
    : e(e), op(op), shape(SegmentShape::of(op.getKey())),
      scoreScale(op.getScale().convertToDouble()) {
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
  mixed = e.scratch({rowCapacity, shape.paddedHeadDim()});
  sums = e.scratch({rowCapacity, panelWidth});
  maxima = e.scratch({rowCapacity});
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
  Value entries = e.callWord(ASHLAR_CALL_TILES);
  kvHead = arith::DivUIOp::create(e, tile, entries);
  Value turn = arith::RemUIOp::create(e, tile, entries);
  Value half = e.div(turn, 2);
  Value entry = e.select(e.equal(e.rem(turn, 2), 0), half,
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

void AttentionBody::start() {
  Value lowest = e.scalar(-std::numeric_limits<double>::infinity());
  e.loop(zero, rowCount, 1, [&](Value row) {
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

/// Goes through the segments that rows of the tile see keys of.
void AttentionBody::eachBlock(BlockBody body) {
  Value visible = visibleKeys(e.add(rowCount, -1));
  Value first =
      window ? e.div(firstVisibleKey(zero), ASHLAR_SEGMENT_KEYS) : zero;
  e.loop(first, e.ceilDiv(visible, ASHLAR_SEGMENT_KEYS), 1, [&](Value s) {
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
  loadQueries();
  takeQueries();
  start();
  eachBlock([&](Value first, Value count, Value firstKey, Value keys) {
    attendBlock(first, count, firstKey, keys);
  });
  finish();
  if (!map)
    return;
  e.when(isWatched(), [&] {
    if (op->getAttrOfType<BoolAttr>(mappedAttr).getValue())
      clearMap();
    eachBlock([&](Value first, Value count, Value firstKey, Value keys) {
      mapBlock(first, count, firstKey, keys);
    });
  });
}

void ashlar::emitAttention(Emitter &e, ir::AttentionOp op, int64_t capacity) {
  SegmentShape shape = SegmentShape::of(op.getKey());
  Value tiles = e.mul(e.callWord(ASHLAR_CALL_TILES), shape.kvHeads);
  e.phase(phaseName(op), tiles, [&](Value begin, Value end) {
    std::unique_ptr<AttentionBody> body =
        shape.isEncoded() ? makeBf16Attention(e, op, capacity)
                          : makeFloatAttention(e, op, capacity);
    e.loop(begin, end, 1, [&](Value tile) { body->tile(tile); });
  });
}
