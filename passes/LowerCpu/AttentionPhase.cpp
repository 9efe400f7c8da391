//===- AttentionPhase.cpp - Online softmax over segments of keys ---------===//
//
// A tile is a piece of a sequence (up to `tile_rows` rows) and one kv head,
// with all query heads that share it: its rows are (row, query head) pairs. For
// each segment of 256 keys, in order: scores, exponentials, mix; the maximum,
// the sum and the mixed values of each row are carried from segment to segment
// (Milakov and Gimelshein 2018). Segments lie at absolute positions, so a row's
// bits depend neither on the tile that it is in nor on the call: the value of a
// key that a row does not see is never touched.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/Operands.h"
#include "passes/LowerCpu/RegisterTile.h"
#include "runtime/abi.h"

#include <limits>

using namespace mlir;
using namespace ashlar;

namespace {
constexpr int64_t segmentPanels = ASHLAR_SEGMENT_KEYS / panelWidth;

/// One tile of one attention op.
class AttentionBody {
public:
  AttentionBody(Emitter &e, ir::AttentionOp op, int64_t capacity);
  void tile(Value tile);

private:
  void readTile(Value tile);
  void loadQueries(Value tile);
  void start();
  void segment(Value s);
  void scores(Value rows, Value panels);
  void softmaxRow(Value row, Value firstKey, Value keyCount);
  void mixRows(Value row, int64_t count, Value begin, Value end);
  void mix(Value firstKey, Value keys);
  Value seenKeys(Value row, Value firstKey, Value keys);
  void finish();
  /// Runs `body(firstRow, rows)` over the tile's rows in register tiles.
  void overRows(llvm::function_ref<void(Value, int64_t)> body) {
    e.stepwise(zero, rowCount, e.context.tile.rows, body);
  }

  Emitter &e;
  ir::AttentionOp op;
  bool cross = false, causal = false;
  int64_t heads, kvHeads, headDim, group, paddedDim, rowCapacity;
  const CachePlan *cache = nullptr;
  SegmentShape shape;
  Value base, layerOffset, zero;
  RowsView query;
  std::optional<RowsView> out;           // float32
  std::optional<OperandView> outOperand; // bf16, head_dim a multiple of 16
  Value tiles, table, rotaryAngles, positions;
  // Kept over the segments: [rows, head_dim], [rows, 256], [rows, 16 used 1].
  Value queries, weights, mixed, maxima, sums;
  // Of this tile.
  Value kvHead, firstRow, tokenCount, rowCount, firstIndex, keyCount, segments;
  // Of this segment.
  Value keyPanels, valuePanels;
};
} // namespace

/// The kv_append or kv_read that `keys` come from.
static ir::CacheKind cacheOf(Value keys) {
  Operation *def = keys.getDefiningOp();
  if (auto append = dyn_cast<ir::KvAppendOp>(def))
    return append.getCache();
  return cast<ir::KvReadOp>(def).getCache();
}

AttentionBody::AttentionBody(Emitter &e, ir::AttentionOp op, int64_t capacity)
    : e(e), op(op) {
  const ArenaPlan &plan = e.context.plan;
  auto queryType = cast<RankedTensorType>(op.getQuery().getType());
  auto keyType = cast<RankedTensorType>(op.getKey().getType());
  heads = queryType.getDimSize(1);
  headDim = queryType.getDimSize(2);
  kvHeads = keyType.getDimSize(1);
  group = heads / kvHeads;
  shape = {kvHeads, headDim};
  paddedDim = shape.paddedHeadDim();
  rowCapacity = roundUp(plan.tileRows * group, e.context.tile.rows);
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
  queries = e.scratch({rowCapacity, paddedDim});
  weights = e.scratch({rowCapacity, ASHLAR_SEGMENT_KEYS});
  mixed = e.scratch({rowCapacity, paddedDim});
  maxima = e.scratch({rowCapacity});
  sums = e.scratch({rowCapacity});
}

void AttentionBody::readTile(Value tile) {
  Value entry = e.div(tile, kvHeads);
  kvHead = e.rem(tile, kvHeads);
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
  double scale = op.getScale().convertToDouble();
  e.loop(zero, tokenCount, 1, [&](Value token) {
    Value row = e.add(firstRow, token);
    Value position;
    if (op.getRotary())
      position = e.loadIndex(positions, row);
    e.loop(0, group, 1, [&](Value member) {
      Value target = e.add(e.mul(token, group), member);
      Value column = e.mul(e.add(e.mul(kvHead, group), member), headDim);
      copyColumns(e, query.memory, {row}, column, queries, {target}, zero,
                  headDim);
      if (op.getRotary())
        emitRotation(e, queries, target, rotaryAngles, position,
                     op.getRotary()->getDimensions());
      if (scale == 1.0)
        return;
      e.loop(0, paddedDim, panelWidth, [&](Value d) {
        Value value = e.loadVector(queries, {target, d});
        e.storeVector(e.mulf(value, e.splat(scale)), queries, {target, d});
      });
    });
  });
}

void AttentionBody::start() {
  Value lowest = e.scalar(-std::numeric_limits<double>::infinity());
  e.loop(zero, rowCount, 1, [&](Value row) {
    e.store(lowest, maxima, row);
    e.store(e.scalar(0.0), sums, row);
    e.loop(0, paddedDim, panelWidth, [&](Value d) {
      e.storeVector(e.splat(0.0), mixed, {row, d});
    });
  });
}

/// weights[row][key] = query . key, 16 keys at a time.
void AttentionBody::scores(Value rows, Value panels) {
  overRows([&](Value row, int64_t count) {
    e.stepwise(zero, panels, e.context.tile.panels,
               [&](Value panel, int64_t width) {
                 SmallVector<Value> start(count * width, e.splat(0.0));
                 auto a = [&](int64_t r, Value k) {
                   return e.load(queries, {e.add(row, r), k});
                 };
                 auto b = [&](int64_t p, Value k) {
                   return e.loadVector(keyPanels, {e.add(panel, p), k, zero});
                 };
                 SmallVector<Value> tile = emitRegisterTile(
                     e, count, width, e.index(headDim), start, {a, b});
                 for (int64_t r = 0; r < count; ++r)
                   for (int64_t p = 0; p < width; ++p)
                     e.storeVector(
                         tile[r * width + p], weights,
                         {e.add(row, r), e.mul(e.add(panel, p), panelWidth)});
               });
  });
}

/// How many of this segment's keys the row sees: the first ones; may be
/// negative.
Value AttentionBody::seenKeys(Value row, Value firstKey, Value keys) {
  if (!causal)
    return keys;
  Value index = e.add(firstIndex, e.div(row, group));
  return e.min(keys, e.sub(e.add(index, 1), firstKey));
}

/// Scores of a row -> exponentials against the new maximum; what was summed and
/// mixed against the old one is scaled down.
void AttentionBody::softmaxRow(Value row, Value firstKey, Value keys) {
  Value seen = seenKeys(row, firstKey, keys);
  Value panels = e.ceilDiv(keys, panelWidth);
  auto mask = [&](Value column) { return e.lanesBelow(e.sub(seen, column)); };
  Value lowest = e.splat(-std::numeric_limits<double>::infinity());
  Value columns = e.mul(panels, panelWidth);
  auto clear = [&] {
    e.loop(zero, columns, panelWidth, [&](Value column) {
      e.storeVector(e.splat(0.0), weights, {row, column});
    });
  };
  auto update = [&] {
    Value highest =
        e.loop(zero, columns, panelWidth, lowest,
               [&](Value column, ValueRange highest) {
                 Value score = e.loadVector(weights, {row, column});
                 return SmallVector<Value>{
                     e.maxf(e.select(mask(column), score, lowest), highest[0])};
               })[0];
    Value old = e.load(maxima, row);
    Value maximum = e.maxf(e.maxLanes(highest), old);
    e.store(maximum, maxima, row);
    Value against = e.broadcast(maximum);
    Value factor = e.exp(e.subf(e.broadcast(old), against));
    Value sum = e.loop(zero, columns, panelWidth, e.splat(0.0),
                       [&](Value column, ValueRange sum) {
                         Value score = e.loadVector(weights, {row, column});
                         Value weight = e.exp(e.subf(score, against));
                         weight = e.select(mask(column), weight, e.splat(0.0));
                         e.storeVector(weight, weights, {row, column});
                         return SmallVector<Value>{e.addf(sum[0], weight)};
                       })[0];
    Value oneFactor =
        vector::ExtractOp::create(e, factor, ArrayRef<int64_t>{0});
    Value total = e.addf(e.mulf(e.load(sums, row), oneFactor), e.sumLanes(sum));
    e.store(total, sums, row);
    e.loop(0, paddedDim, panelWidth, [&](Value d) {
      Value value = e.loadVector(mixed, {row, d});
      e.storeVector(e.mulf(value, factor), mixed, {row, d});
    });
  };
  e.when(e.less(zero, seen), update, clear);
}

/// mixed[row] += sum over keys [begin, end) of weights[row][key] * value[key],
/// for `count` rows.
void AttentionBody::mixRows(Value row, int64_t count, Value begin, Value end) {
  e.stepwise(
      zero, e.index(paddedDim / panelWidth),
      std::min(e.context.tile.panels, paddedDim / panelWidth),
      [&](Value panel, int64_t width) {
        auto column = [&](int64_t p) {
          return e.mul(e.add(panel, p), panelWidth);
        };
        SmallVector<Value> start;
        for (int64_t r = 0; r < count; ++r)
          for (int64_t p = 0; p < width; ++p)
            start.push_back(e.loadVector(mixed, {e.add(row, r), column(p)}));
        auto a = [&](int64_t r, Value key) {
          return e.load(weights, {e.add(row, r), e.add(begin, key)});
        };
        auto b = [&](int64_t p, Value key) {
          return e.loadVector(valuePanels,
                              {e.add(panel, p), e.add(begin, key), zero});
        };
        SmallVector<Value> tile =
            emitRegisterTile(e, count, width, e.sub(end, begin), start, {a, b});
        for (int64_t r = 0; r < count; ++r)
          for (int64_t p = 0; p < width; ++p)
            e.storeVector(tile[r * width + p], mixed,
                          {e.add(row, r), column(p)});
      });
}

/// Keys that every row of the tile sees go through register tiles; behind them
/// each row goes on alone to its own last key. It never touches the value of a
/// key that it does not see: zero times infinity would not be zero.
void AttentionBody::mix(Value firstKey, Value keys) {
  Value shared = keys;
  if (causal)
    shared = e.max(zero, e.min(keys, e.sub(e.add(firstIndex, 1), firstKey)));
  overRows(
      [&](Value row, int64_t count) { mixRows(row, count, zero, shared); });
  if (causal)
    e.loop(zero, rowCount, 1, [&](Value row) {
      Value own = e.max(shared, seenKeys(row, firstKey, keys));
      mixRows(row, 1, shared, own);
    });
}

void AttentionBody::segment(Value s) {
  Value physical = e.loadIndex(table, e.add(segments, s));
  Value offset =
      e.add(e.add(layerOffset, e.mul(physical, cache->segmentStride)),
            e.mul(kvHead, shape.headBytes()));
  keyPanels = e.viewBytes(base, offset, {segmentPanels, headDim, panelWidth},
                          e.getF32Type());
  valuePanels =
      e.viewBytes(base, e.add(offset, shape.keyFloats() * sizeof(float)),
                  {paddedDim / panelWidth, ASHLAR_SEGMENT_KEYS, panelWidth},
                  e.getF32Type());
  Value firstKey = e.mul(s, ASHLAR_SEGMENT_KEYS);
  Value visible =
      causal ? e.add(firstIndex, tokenCount) : keyCount; // by the last row
  Value keys = e.min(e.sub(visible, firstKey), e.index(ASHLAR_SEGMENT_KEYS));
  scores(rowCount, e.ceilDiv(keys, panelWidth));
  e.loop(zero, rowCount, 1,
         [&](Value row) { softmaxRow(row, firstKey, keys); });
  mix(firstKey, keys);
}

/// Divides by the sums; a row that saw no key gives zeros.
void AttentionBody::finish() {
  e.loop(zero, rowCount, 1, [&](Value row) {
    Value sum = e.load(sums, row);
    Value some =
        arith::CmpFOp::create(e, arith::CmpFPredicate::UNE, sum, e.scalar(0.0));
    Value inverse = e.select(some, e.divf(e.scalar(1.0), sum), e.scalar(0.0));
    Value factor = e.broadcast(inverse);
    Value target = e.add(firstRow, e.div(row, group));
    Value head = e.add(e.mul(kvHead, group), e.rem(row, group));
    Value column = e.mul(head, headDim);
    e.overColumns(headDim, {}, [&](Value d, int64_t lanes, ValueRange) {
      Value value = e.mulf(e.loadVector(mixed, {row, d}), factor);
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
  start();
  Value visible = causal ? e.add(firstIndex, tokenCount) : keyCount;
  e.loop(zero, e.ceilDiv(visible, ASHLAR_SEGMENT_KEYS), 1,
         [&](Value s) { segment(s); });
  finish();
}

void ashlar::emitAttention(Emitter &e, ir::AttentionOp op, int64_t capacity) {
  int64_t kvHeads = cast<RankedTensorType>(op.getKey().getType()).getDimSize(1);
  Value tiles = e.mul(e.callWord(ASHLAR_CALL_TILES), kvHeads);
  e.phase(phaseName(op), tiles, [&](Value begin, Value end) {
    AttentionBody body(e, op, capacity);
    e.loop(begin, end, 1, [&](Value tile) { body.tile(tile); });
  });
}
