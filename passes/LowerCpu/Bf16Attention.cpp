//===- Bf16Attention.cpp - Attention over bf16 keys and values -----------===//
//
// Queries and weights are operands of matrix kernels; keys and values lie in
// the cache as panels (SegmentShape), or are expanded to them from int8 (where
// few rows meet it, vector code widens it in the kernel). AMX where the target
// has it, for one row as for many; elsewhere register tiles with the same bits.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/AttentionBody.h"
#include "passes/LowerCpu/EncodedTile.h"
#include "passes/LowerCpu/Int8Segment.h"
#include "passes/LowerCpu/MatrixTiles.h"
#include "passes/LowerCpu/ShortMath.h"

using namespace mlir;
using namespace ashlar;

/// bf16 numbers of a line; inputs of a step of AMX.
static constexpr int64_t lineNumbers = lineBytes / 2;
static_assert(attentionStepKeys == lineNumbers, "a step takes a line");
static constexpr int64_t rowTiles = attentionBlockRows / ashlar::tileRows;
/// Lines of a panel in a step.
static constexpr int64_t stepLines = lineNumbers / 2;
/// Lines of a panel that AMX's first block of rows fetches ahead.
static constexpr int64_t prefetchLines = 64;
/// How far vector code fetches ahead.
static constexpr int64_t prefetchBytes = 24 * lineBytes;
/// Tiles of rows for which it is less to widen int8 each time than to expand it
/// once for all.
static constexpr int64_t mostTilesOfBytes = 2;

namespace {
class Bf16Attention : public AttentionBody {
public:
  Bf16Attention(Emitter &e, ir::AttentionOp op, int64_t capacity);

private:
  bool takesBytes() const { return int8 && !e.context.matrixTiles; }
  Value hasFewRows() {
    return e.less(rowCount, e.index(mostTilesOfBytes * scoreTileRows + 1));
  }
  void inEachForm(PanelView &panels, Value bytes,
                  llvm::function_ref<void()> body);
  void takeQueries() override;
  void openSegment(Value head, Value count) override;
  void computeScores(Value first, Value count, Value begin, Value end) override;
  Value loadScores(Value i, Value column) override {
    Value sums = AttentionBody::loadScores(i, column);
    return int8 ? e.mulf(sums, int8->loadKeyScales(column)) : sums;
  }
  Value exponential(Value vector) override { return emitShortExp2(e, vector); }
  void storeWeights(ArrayRef<Value> weights, Value i, Value column) override;
  void mix(Value first, Value count, Value firstKey, Value begin,
           Value end) override;

  OperandView makeRows(int64_t rows, int64_t depth, Value lines = {});
  void prefetch(const PanelView &panels, Value panel, int64_t width, Value step,
                Value lines);
  void prefetchLine(const PanelView &panels, Value panel, int64_t width,
                    Value line);
  void multiplyTiles(const OperandView &rows, Value firstOfRows,
                     const PanelView &panels, Value firstPanel,
                     Value panelCount, Value firstStep, Value steps,
                     Value results, Value firstResult, Value isFirst,
                     bool fresh);

  OperandView queryRows;           // [rows, head_dim]
  OperandView weightRows;          // [32, 256]
  PanelView keys, values;          // of this segment
  std::optional<Int8Segment> int8; // what they are expanded from
  std::optional<EncodedTile> scoreTile, mixTile;
  int64_t scoreTileRows = 0, mixTileRows = 0;
};
} // namespace

static int64_t linesOf(const PanelView &view) {
  return view.layout.panels * view.layout.lines();
}

static PanelView panelsOfSegment(int64_t depth, int64_t panels) {
  PanelView view;
  view.layout.precision = ir::Precision::Bf16;
  view.layout.depth = view.layout.paddedDepth = depth;
  view.layout.step = 2;
  view.layout.panels = panels;
  return view;
}

Bf16Attention::Bf16Attention(Emitter &e, ir::AttentionOp op, int64_t capacity)
    : AttentionBody(e, op, capacity) {
  weightStep = attentionStepKeys;
  queryRows = makeRows(rowCapacity, shape.headDim);
  // In place of the scores that they are made of, so that both stay in L1.
  weightRows =
      makeRows(attentionBlockRows, ASHLAR_SEGMENT_KEYS,
               e.viewBytes(scoreBytes, zero,
                           {attentionBlockRows * scoreRowLines, lineBytes},
                           e.getI8Type()));
  weightRows.rowLines = scoreRowLines;
  keys = panelsOfSegment(shape.depth(), ASHLAR_SEGMENT_KEYS / panelWidth);
  values =
      panelsOfSegment(ASHLAR_SEGMENT_KEYS, shape.paddedHeadDim() / panelWidth);
  if (shape.isInt8()) {
    int8.emplace(e, shape);
    keys.lines = e.scratch({linesOf(keys), lineBytes}, e.getI8Type());
    values.lines = e.scratch({linesOf(values), lineBytes}, e.getI8Type());
  }
  if (e.context.matrixTiles)
    return;
  auto rowsOf = [&](const OperandView &input) {
    return EncodedTile::rowsOf(e, input.layout, ir::Precision::Bf16);
  };
  scoreTile.emplace(e, queryRows, keys, scoreTileRows = rowsOf(queryRows));
  mixTile.emplace(e, weightRows, values, mixTileRows = rowsOf(weightRows));
}

/// Rows of an operand on the stack.
OperandView Bf16Attention::makeRows(int64_t rows, int64_t depth, Value lines) {
  OperandView view;
  view.layout.depth = depth;
  view.layout.paddedDepth = roundUp(depth, lineNumbers);
  view.capacity = rows;
  view.lines =
      lines ? lines
            : e.scratch({rows * view.layout.lines(), lineBytes}, e.getI8Type());
  return view;
}

void Bf16Attention::takeQueries() {
  RowsView rows{queries, shape.headDim};
  e.loop(zero, rowCount, 1,
         [&](Value row) { convertRow(e, rows, queryRows, row); });
}

void Bf16Attention::openSegment(Value head, Value count) {
  if (int8) {
    int8->open(base, head);
    auto expand = [&] { int8->expand(count, keys.lines, values.lines); };
    if (!takesBytes())
      return expand();
    return e.when(hasFewRows(), [] {}, expand);
  }
  auto lines = [&](const PanelView &view, Value offset) {
    return e.viewBytes(base, offset, {linesOf(view), lineBytes}, e.getI8Type());
  };
  keys.lines = lines(keys, head);
  values.lines = lines(values, e.add(head, shape.keyBytes()));
}

/// `lines` lines of each panel of [panel, panel + width), a distance ahead of
/// step `step`.
void Bf16Attention::prefetch(const PanelView &panels, Value panel,
                             int64_t width, Value step, Value lines) {
  int64_t panelLines = panels.layout.lines();
  Value first =
      e.aheadInPanels(e.mul(step, stepLines), prefetchLines, panelLines, width);
  e.loop(first, e.add(first, lines), 1, [&](Value line) {
    for (int64_t p = 0; p < width; ++p)
      e.prefetch(panels.lines,
                 {e.add(e.mul(e.add(panel, p), panelLines), line), zero},
                 /*locality=*/2);
  });
}

void Bf16Attention::storeWeights(ArrayRef<Value> weights, Value i,
                                 Value column) {
  SmallVector<Value> scaled(weights);
  if (int8)
    for (auto [v, weight] : llvm::enumerate(scaled))
      weight = e.mulf(weight, int8->loadValueScales(vectorAt(column, v)));
  storeBf16(e, scaled, weightRows, i, column);
}

/// Emits `body` for `panels` and, where few rows meet numbers that are kept as
/// int8, for those themselves.
void Bf16Attention::inEachForm(PanelView &panels, Value bytes,
                               llvm::function_ref<void()> body) {
  auto ofBytes = [&] {
    PanelView expanded = panels;
    panels.lines = bytes;
    panels.areBytes = true;
    body();
    panels = expanded;
  };
  if (takesBytes())
    e.when(hasFewRows(), ofBytes, body);
  else
    body();
}

/// The line of each of these panels that is a distance ahead of `line`.
void Bf16Attention::prefetchLine(const PanelView &panels, Value panel,
                                 int64_t width, Value line) {
  if (int8 && !panels.areBytes)
    return; // expanded a moment ago
  prefetchPanels(e, panels, panel, width, line,
                 prefetchBytes / (panels.areBytes ? lineNumbers : lineBytes));
}

/// results[firstResult + i][panels] (+)= the block of 32 rows times panels
/// [firstPanel, panelCount), over steps [firstStep, steps). A tile's first
/// block meets them first; what int8 was expanded to is near.
void Bf16Attention::multiplyTiles(const OperandView &rows, Value firstOfRows,
                                  const PanelView &panels, Value firstPanel,
                                  Value panelCount, Value firstStep,
                                  Value steps, Value results, Value firstResult,
                                  Value isFirst, bool fresh) {
  Value ahead = e.select(isFirst, e.index(stepLines), zero);
  e.stepwise(firstPanel, panelCount, 2, [&](Value panel, int64_t width) {
    auto a = [&](int64_t i, Value step) {
      Value row = e.add(firstOfRows, i * ashlar::tileRows);
      return firstLineOfTile(e, rows, row, step);
    };
    auto b = [&](int64_t i, Value step) {
      return e.add(e.mul(e.add(panel, i), panels.layout.lines()),
                   e.mul(step, stepLines));
    };
    auto prefetchAhead = [&](Value step) {
      if (!int8)
        prefetch(panels, panel, width, step, ahead);
    };
    TileBlock block;
    block.rowTiles = rowTiles;
    block.panels = width;
    block.a = a;
    block.b = b;
    block.aLines = rows.lines;
    block.bLines = panels.lines;
    block.aRowLines = std::max<int64_t>(1, rows.rowLines);
    block.streamB = true;
    block.ahead = prefetchAhead;
    block.results = results;
    block.firstRow = firstResult;
    block.firstColumn = e.mul(panel, panelWidth);
    emitTileBlock(e, block, firstStep, steps,
                  arith::ConstantIntOp::create(e, fresh, 1));
  });
}

void Bf16Attention::computeScores(Value first, Value count, Value begin,
                                  Value end) {
  Value firstPanel = e.div(begin, panelWidth);
  Value panels = e.ceilDiv(end, panelWidth);
  if (e.context.matrixTiles)
    return multiplyTiles(queryRows, first, keys, firstPanel, panels, zero,
                         e.index(queryRows.layout.lines()), scores, zero,
                         e.equal(first, 0), /*fresh=*/true);
  auto body = [&](Value i, int64_t rows) {
    scoreTile->loadRows(e.add(first, i), rows, zero);
    e.stepwise(firstPanel, panels, e.context.tile.panels,
               [&](Value panel, int64_t width) {
                 auto ahead = [&](Value line) {
                   prefetchLine(keys, panel, width, line);
                 };
                 SmallVector<Value> sums =
                     scoreTile->multiply(rows, panel, width, {ahead});
                 storeTile(sums, scores, i, rows, panel, width);
               });
  };
  inEachForm(keys, int8 ? int8->keyLines() : Value(),
             [&] { overRows(count, scoreTileRows, body); });
}

void Bf16Attention::mix(Value first, Value count, Value, Value begin,
                        Value end) {
  Value firstStep = e.div(begin, attentionStepKeys);
  Value steps = e.ceilDiv(end, attentionStepKeys);
  int64_t panels = values.layout.panels;
  int64_t perStep = lineNumbers / values.layout.step; // lines of a panel
  if (e.context.matrixTiles)
    return multiplyTiles(weightRows, zero, values, zero, e.index(panels),
                         firstStep, steps, mixed, first, e.equal(first, 0),
                         /*fresh=*/false);
  auto body = [&](Value i, int64_t rows) {
    mixTile->loadRows(i, rows, zero, firstStep, steps);
    overPanels(panels, std::min(e.context.tile.panels, panels),
               [&](Value panel, int64_t width) {
                 Value row = e.add(first, i);
                 SmallVector<Value> sums =
                     loadTile(mixed, row, rows, panel, width);
                 auto ahead = [&](Value line) {
                   prefetchLine(values, panel, width, line);
                 };
                 sums = mixTile->addBf16(sums, rows, panel, width,
                                         e.mul(firstStep, perStep),
                                         e.mul(steps, perStep), {ahead});
                 storeTile(sums, mixed, row, rows, panel, width);
               });
  };
  inEachForm(values, int8 ? int8->valueLines() : Value(),
             [&] { overRows(count, mixTileRows, body); });
}

std::unique_ptr<AttentionBody>
ashlar::makeBf16Attention(Emitter &e, ir::AttentionOp op, int64_t capacity) {
  return std::make_unique<Bf16Attention>(e, op, capacity);
}
