//===- LinearPhase.cpp - Linear layers with their epilogues --------------===//
//
// A tile is a group of panels: `TileShape::panels` times 16 output features
// (one gate panel and its up panel, when gated). Prefill walks the rows of the
// call in register tiles and reads the group's weights again from L2 for each;
// decode (one row) streams the packed weights once, several panels in flight,
// prefetching ahead. Rows between the last token and the end of a register tile
// are computed on whatever lies in the arena and never read.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedLinear.h"
#include "passes/LowerCpu/RegisterTile.h"

using namespace mlir;
using namespace ashlar;

/// Panels that decode reads at the same time, each a stream of its own.
static constexpr int64_t streams = 4;
/// Rows of a panel (one cache line each) that decode fetches ahead.
static constexpr int64_t prefetchRows = 24;

namespace {
/// One linear op of float32 inside of its phase.
class LinearBody {
public:
  LinearBody(Emitter &e, ir::LinearOp op, int64_t capacity)
      : e(e), epilogue(e, op, capacity) {
    ir::WeightOp weight = ir::lookupWeight(op, op.getWeightAttr());
    depth = weight.getColumns();
    input = rowsOf(e, op.getInput(), capacity);
    panels = e.weightView(
        weight, {epilogue.units * epilogue.unitPanels, depth, panelWidth});
  }

  /// Row tiles x panel groups; `begin`, `end` count groups of `group` units.
  void prefill(Value begin, Value end, int64_t group);
  /// One row; `begin`, `end` count units.
  void decode(Value begin, Value end);

private:
  using Ahead = llvm::function_ref<void(Value k)>;
  void tile(Value row, int64_t rows, Value unit, int64_t unitCount,
            Ahead ahead);
  SmallVector<Value> startingSums(int64_t rows, Value unit, int64_t unitCount);

  Emitter &e;
  LinearEpilogue epilogue;
  int64_t depth = 0;
  RowsView input;
  Value panels; // [units * unitPanels, depth, 16]
};
} // namespace

/// The bias of each panel, or zeros: what the chains begin with.
SmallVector<Value> LinearBody::startingSums(int64_t rows, Value unit,
                                            int64_t unitCount) {
  SmallVector<Value> row;
  for (int64_t i = 0; i < unitCount; ++i)
    for (int64_t part = 0; part < epilogue.unitPanels; ++part)
      row.push_back(epilogue.hasBias() ? epilogue.biasOf(e.add(unit, i), part)
                                       : e.splat(0.0));
  SmallVector<Value> all;
  for (int64_t i = 0; i < rows; ++i)
    all.append(row);
  return all;
}

void LinearBody::tile(Value row, int64_t rows, Value unit, int64_t unitCount,
                      Ahead ahead) {
  Value firstPanel = e.mul(unit, epilogue.unitPanels);
  Value zero = e.index(0);
  int64_t width = unitCount * epilogue.unitPanels;
  SmallVector<Value> tileRows, tilePanels;
  for (int64_t r = 0; r < rows; ++r)
    tileRows.push_back(e.add(row, r));
  for (int64_t p = 0; p < width; ++p)
    tilePanels.push_back(e.add(firstPanel, p));
  auto loadA = [&](int64_t r, Value k) {
    return e.load(input.memory, {tileRows[r], k});
  };
  auto loadB = [&](int64_t p, Value k) {
    return e.loadVector(panels, {tilePanels[p], k, zero});
  };
  SmallVector<Value> sums = emitRegisterTile(
      e, rows, width, e.index(depth), startingSums(rows, unit, unitCount),
      {loadA, loadB, ahead});
  epilogue.finish(row, rows, unit, unitCount, sums);
}

void LinearBody::prefill(Value begin, Value end, int64_t group) {
  int64_t rows = e.context.tile.rows;
  auto walkRows = [&](Value unit, int64_t unitCount) {
    int64_t width = unitCount * epilogue.unitPanels;
    Value nextPanels = e.mul(e.add(unit, unitCount), epilogue.unitPanels);
    e.loop(e.index(0), e.tokens(), rows, [&](Value row) {
      // While the first row tiles are computed, one panel each of the group
      // that comes next is brought into L2, a line for each step.
      Value number = e.min(e.div(row, rows), e.index(width - 1));
      Value next = e.add(nextPanels, number);
      tile(row, rows, unit, unitCount, [&](Value k) {
        e.prefetch(panels, {next, k, e.index(0)}, /*locality=*/2);
      });
    });
  };
  int64_t whole = epilogue.units / group, rest = epilogue.units % group;
  Value wholeEnd = e.min(end, e.index(whole));
  e.loop(begin, wholeEnd, 1,
         [&](Value g) { walkRows(e.mul(g, group), group); });
  if (rest)
    e.when(e.less(e.index(whole), end),
           [&] { walkRows(e.index(whole * group), rest); });
}

void LinearBody::decode(Value begin, Value end) {
  int64_t unitPanels = epilogue.unitPanels;
  e.stepwise(begin, end, std::max<int64_t>(1, streams / unitPanels),
             [&](Value unit, int64_t count) {
               tile(e.index(0), 1, unit, count, [&](Value k) {
                 int64_t width = count * unitPanels;
                 Value later = e.aheadInPanels(k, prefetchRows, depth, width);
                 Value first = e.mul(unit, unitPanels);
                 for (int64_t p = 0; p < width; ++p)
                   e.prefetch(panels, {e.add(first, p), later, e.index(0)},
                              /*locality=*/3);
               });
             });
}

void ashlar::emitLinear(Emitter &e, ir::LinearOp op, int64_t capacity) {
  if (!op.getInput().getType().getElementType().isF32())
    return emitEncodedLinear(e, op, capacity);
  LinearShape shape(op);
  int64_t group =
      std::max<int64_t>(1, e.context.tile.panels / shape.unitPanels);
  group = std::min(group, shape.units);
  int64_t groups = ashlar::ceilDiv(shape.units, group);
  e.phase(phaseName(op), e.index(groups), [&](Value begin, Value end) {
    LinearBody body(e, op, capacity);
    e.when(
        e.equal(e.tokens(), 1),
        [&] {
          body.decode(e.mul(begin, group),
                      e.min(e.mul(end, group), e.index(shape.units)));
        },
        [&] { body.prefill(begin, end, group); });
  });
}
