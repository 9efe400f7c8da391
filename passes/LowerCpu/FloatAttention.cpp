//===- FloatAttention.cpp - Attention over float32 keys and values -------===//

#include "passes/LowerCpu/AttentionBody.h"
#include "passes/LowerCpu/RegisterTile.h"
#include "passes/LowerCpu/ShortMath.h"

using namespace mlir;
using namespace ashlar;

/// Of a row: chains enough to hide what a multiply-add takes.
static constexpr int64_t mostPanels = 8;

namespace {
class FloatAttention : public AttentionBody {
public:
  FloatAttention(Emitter &e, ir::AttentionOp op, int64_t capacity)
      : AttentionBody(e, op, capacity) {
    if (FlatSymbolRefAttr symbol = op.getAdditiveVectorAttr()) {
      ir::WeightOp weight = ir::lookupWeight(op, symbol);
      vector = e.weightView(weight,
                            {packedBytes(weight, ir::WeightLayout::Rows) / 4});
      std::swap(scale, scoreScale);
    }
  }

private:
  void openSegment(Value head, Value keys) override;
  void computeScores(Value first, Value count, Value begin, Value end) override;
  Value exponential(Value vector) override { return emitExp2(e, vector); }
  void storeWeights(ArrayRef<Value> weights, Value i, Value column) override {
    assert(weights.size() == 1 && "a step of 16 keys");
    e.storeVector(weights[0], scores, {i, column});
  }
  /// No exponential is below zero: mixSeen knows hidden keys by it.
  double hiddenWeight() const override { return pattern ? -1.0 : 0.0; }
  void mix(Value first, Value count, Value firstKey, Value begin,
           Value end) override;
  int64_t panelsFor(int64_t rows, int64_t panels) const;
  void addScores(Value first, Value count, Value begin, Value end);
  void mixRows(Value first, Value i, int64_t count, Value begin, Value end);
  void mixRagged(Value first, Value count, Value firstKey, Value keys);
  void mixSeen(Value first, Value i, Value begin, Value end);
  void mixPattern(Value first, Value count, Value firstKey, Value begin,
                  Value end);

  Value keyPanels, valuePanels; // of this segment
  // Of additive scores: [heads * head_dim], and what they are multiplied by.
  Value vector;
  double scale = 1.0;
};
} // namespace

void FloatAttention::openSegment(Value head, Value) {
  keyPanels = e.viewBytes(
      base, head, {ASHLAR_SEGMENT_KEYS / panelWidth, shape.headDim, panelWidth},
      e.getF32Type());
  valuePanels = e.viewBytes(
      base, e.add(head, shape.keyBytes()),
      {shape.paddedHeadDim() / panelWidth, ASHLAR_SEGMENT_KEYS, panelWidth},
      e.getF32Type());
}

/// Panels, of `panels`, that `rows` rows are multiplied with at once: fewer
/// rows than a tile has need more of them, or each multiply-add waits for the
/// one before.
int64_t FloatAttention::panelsFor(int64_t rows, int64_t panels) const {
  const TileShape &tile = e.context.tile;
  if (rows == tile.rows)
    return std::min(tile.panels, panels);
  return evenPart(panels, std::min(tile.panelsFor(rows), mostPanels));
}

/// scores = scale * v^T tanh(query + key), 16 keys at a time. (Queries are not
/// scaled then.)
void FloatAttention::addScores(Value first, Value count, Value begin,
                               Value end) {
  Value firstPanel = e.div(begin, panelWidth);
  Value panels = e.ceilDiv(end, panelWidth);
  e.loop(zero, count, 1, [&](Value i) {
    Value row = e.add(first, i);
    Value head = e.add(e.mul(kvHead, group), e.rem(row, group));
    Value firstEntry = e.mul(head, shape.headDim);
    e.loop(firstPanel, panels, 1, [&](Value panel) {
      Value sum =
          e.loop(zero, e.index(shape.headDim), 1, e.splat(0.0),
                 [&](Value d, ValueRange sum) {
                   Value x = e.addf(e.broadcast(e.load(queries, {row, d})),
                                    e.loadVector(keyPanels, {panel, d, zero}));
                   Value v = e.broadcast(e.load(vector, e.add(firstEntry, d)));
                   Value y = e.applyActivation(ir::ActivationKind::Tanh, x);
                   return SmallVector<Value>{e.fma(y, v, sum[0])};
                 })[0];
      e.storeVector(e.mulf(sum, e.splat(scale)), scores,
                    {i, e.mul(panel, panelWidth)});
    });
  });
}

void FloatAttention::computeScores(Value first, Value count, Value begin,
                                   Value end) {
  if (vector)
    return addScores(first, count, begin, end);
  Value firstPanel = e.div(begin, panelWidth);
  Value panels = e.ceilDiv(end, panelWidth);
  overRows(count, e.context.tile.rows, [&](Value i, int64_t rows) {
    e.stepwise(firstPanel, panels,
               panelsFor(rows, ASHLAR_SEGMENT_KEYS / panelWidth),
               [&](Value panel, int64_t width) {
                 SmallVector<Value> start(rows * width, e.splat(0.0));
                 auto a = [&](int64_t r, Value k) {
                   return e.load(queries, {e.add(e.add(first, i), r), k});
                 };
                 auto b = [&](int64_t p, Value k) {
                   return e.loadVector(keyPanels, {e.add(panel, p), k, zero});
                 };
                 SmallVector<Value> tile =
                     emitRegisterTile(e, rows, width, zero,
                                      e.index(shape.headDim), start, {a, b});
                 storeTile(tile, scores, i, rows, panel, width);
               });
  });
}

/// For `count` rows of the block from `i` on, over keys [begin, end).
void FloatAttention::mixRows(Value first, Value i, int64_t count, Value begin,
                             Value end) {
  int64_t panels = shape.paddedHeadDim() / panelWidth;
  overPanels(panels, panelsFor(count, panels), [&](Value panel, int64_t width) {
    Value row = e.add(first, i);
    SmallVector<Value> start = loadTile(mixed, row, count, panel, width);
    auto a = [&](int64_t r, Value key) {
      return e.load(scores, {e.add(i, r), key});
    };
    auto b = [&](int64_t p, Value key) {
      return e.loadVector(valuePanels, {e.add(panel, p), key, zero});
    };
    SmallVector<Value> tile =
        emitRegisterTile(e, count, width, begin, end, start, {a, b});
    storeTile(tile, mixed, row, count, panel, width);
  });
}

/// Keys that every row of the block sees go through register tiles; before and
/// behind them each row goes alone, from its own first to its own last key. It
/// never touches the value of a key that it does not see: zero times infinity
/// would not be zero.
void FloatAttention::mixRagged(Value first, Value count, Value firstKey,
                               Value keys) {
  Value begin = passedKeys(e.add(first, e.add(count, -1)), firstKey);
  Value end = e.max(begin, seenKeys(first, firstKey, keys));
  auto alone = [&](llvm::function_ref<void(Value, Value, Value)> body) {
    e.loop(zero, count, 1, [&](Value i) {
      Value row = e.add(first, i);
      body(i, passedKeys(row, firstKey), seenKeys(row, firstKey, keys));
    });
  };
  if (window)
    alone([&](Value i, Value from, Value seen) {
      mixRows(first, i, 1, from, e.max(from, e.min(begin, seen)));
    });
  overRows(count, e.context.tile.rows,
           [&](Value i, int64_t rows) { mixRows(first, i, rows, begin, end); });
  if (isRagged())
    alone([&](Value i, Value, Value seen) {
      mixRows(first, i, 1, end, e.max(end, seen));
    });
}

/// For one row: keys whose weight is not that of a hidden one.
void FloatAttention::mixSeen(Value first, Value i, Value begin, Value end) {
  int64_t panels = shape.paddedHeadDim() / panelWidth;
  Value row = e.add(first, i);
  e.stepwise(zero, e.index(panels), panelsFor(1, panels),
             [&](Value panel, int64_t width) {
               SmallVector<Value> start = loadTile(mixed, row, 1, panel, width);
               auto add = [&](Value key, ValueRange sums) {
                 Value weight = e.load(scores, {i, key});
                 Value hidden = arith::CmpFOp::create(
                     e, arith::CmpFPredicate::OLT, weight, e.scalar(0.0));
                 Value factor = e.broadcast(weight);
                 SmallVector<Value> next;
                 for (int64_t p = 0; p < width; ++p) {
                   Value value =
                       e.loadVector(valuePanels, {e.add(panel, p), key, zero});
                   next.push_back(e.select(hidden, sums[p],
                                           e.fma(factor, value, sums[p])));
                 }
                 return next;
               };
               storeTile(e.loop(begin, end, 1, start, add), mixed, row, 1,
                         panel, width);
             });
}

/// Steps that every row of the block sees whole go through register tiles; in
/// the others each row goes alone.
void FloatAttention::mixPattern(Value first, Value count, Value firstKey,
                                Value begin, Value end) {
  e.loop(begin, end, attentionStepKeys, [&](Value from) {
    Value to = e.min(e.add(from, attentionStepKeys), end);
    Value whole = seesAll(first, count, e.add(firstKey, from), e.sub(to, from));
    auto together = [&] {
      overRows(count, e.context.tile.rows, [&](Value i, int64_t rows) {
        mixRows(first, i, rows, from, to);
      });
    };
    auto alone = [&] {
      e.loop(zero, count, 1, [&](Value i) { mixSeen(first, i, from, to); });
    };
    e.when(whole, together, alone);
  });
}

void FloatAttention::mix(Value first, Value count, Value firstKey, Value begin,
                         Value end) {
  if (pattern)
    mixPattern(first, count, firstKey, begin, end);
  else
    mixRagged(first, count, firstKey, end);
}

std::unique_ptr<AttentionBody>
ashlar::makeFloatAttention(Emitter &e, ir::AttentionOp op, int64_t capacity) {
  return std::make_unique<FloatAttention>(e, op, capacity);
}
