//===- FloatAttention.cpp - Attention over float32 keys and values -------===//

#include "passes/LowerCpu/AttentionBody.h"
#include "passes/LowerCpu/RegisterTile.h"

using namespace mlir;
using namespace ashlar;

namespace {
class FloatAttention : public AttentionBody {
public:
  FloatAttention(Emitter &e, ir::AttentionOp op, int64_t capacity)
      : AttentionBody(e, op, capacity) {}

private:
  void openSegment(Value head, Value keys) override;
  void computeScores(Value first, Value count, Value keys) override;
  Value exponential(Value vector) override { return e.exp(vector); }
  void storeWeight(Value weight, Value i, Value column) override {
    e.storeVector(weight, scores, {i, column});
  }
  void mix(Value first, Value count, Value firstKey, Value keys) override;
  void mixRows(Value first, Value i, int64_t count, Value begin, Value end);

  Value keyPanels, valuePanels; // of this segment
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

void FloatAttention::computeScores(Value first, Value count, Value keys) {
  Value panels = e.ceilDiv(keys, panelWidth);
  overRows(count, e.context.tile.rows, [&](Value i, int64_t rows) {
    e.stepwise(
        zero, panels, e.context.tile.panels, [&](Value panel, int64_t width) {
          SmallVector<Value> start(rows * width, e.splat(0.0));
          auto a = [&](int64_t r, Value k) {
            return e.load(queries, {e.add(e.add(first, i), r), k});
          };
          auto b = [&](int64_t p, Value k) {
            return e.loadVector(keyPanels, {e.add(panel, p), k, zero});
          };
          SmallVector<Value> tile = emitRegisterTile(
              e, rows, width, zero, e.index(shape.headDim), start, {a, b});
          storeTile(tile, scores, i, rows, panel, width);
        });
  });
}

/// For `count` rows of the block from `i` on, over keys [begin, end).
void FloatAttention::mixRows(Value first, Value i, int64_t count, Value begin,
                             Value end) {
  int64_t panels = shape.paddedHeadDim() / panelWidth;
  e.stepwise(zero, e.index(panels), std::min(e.context.tile.panels, panels),
             [&](Value panel, int64_t width) {
               Value row = e.add(first, i);
               SmallVector<Value> start =
                   loadTile(mixed, row, count, panel, width);
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

/// Keys that every row of the block sees go through register tiles; behind them
/// each row goes on alone to its own last key. It never touches the value of a
/// key that it does not see: zero times infinity would not be zero.
void FloatAttention::mix(Value first, Value count, Value firstKey, Value keys) {
  Value shared = e.max(zero, seenKeys(first, firstKey, keys));
  overRows(count, e.context.tile.rows, [&](Value i, int64_t rows) {
    mixRows(first, i, rows, zero, shared);
  });
  if (causal)
    e.loop(zero, count, 1, [&](Value i) {
      Value seen = seenKeys(e.add(first, i), firstKey, keys);
      mixRows(first, i, 1, shared, e.max(shared, seen));
    });
}

std::unique_ptr<AttentionBody>
ashlar::makeFloatAttention(Emitter &e, ir::AttentionOp op, int64_t capacity) {
  return std::make_unique<FloatAttention>(e, op, capacity);
}
