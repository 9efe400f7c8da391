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

#include "passes/LowerCpu/RegisterTile.h"

using namespace mlir;
using namespace ashlar;

/// Panels that decode reads at the same time, each a stream of its own.
static constexpr int64_t streams = 4;
/// Rows of a panel (one cache line each) that decode fetches ahead.
static constexpr int64_t prefetchRows = 24;

namespace {
/// One linear op inside of its phase.
class LinearBody {
public:
  LinearBody(Emitter &e, ir::LinearOp op, int64_t capacity)
      : e(e), op(op), gated(op.getGated()) {
    ir::WeightOp weight = ir::lookupWeight(op, op.getWeightAttr());
    depth = weight.getColumns();
    outputs = weight.getRows() / (gated ? 2 : 1);
    unitPanels = gated ? 2 : 1;
    units = ashlar::ceilDiv(outputs, panelWidth);
    input = rowsOf(e, op.getInput(), capacity);
    result = rowsOf(e, op.getResult(), capacity);
    if (op.getResidual())
      residual = rowsOf(e, op.getResidual(), capacity);
    panels = e.weightView(weight, {units * unitPanels, depth, panelWidth});
    if (std::optional<StringRef> name = op.getBias()) {
      ir::WeightOp vector = ir::lookupWeight(op, op.getBiasAttr());
      bias =
          e.weightView(vector, {packedBytes(vector, ir::WeightLayout::Rows) / 4});
    }
  }

  /// Row tiles x panel groups; `begin`, `end` count groups of `group` units.
  void prefill(Value begin, Value end, int64_t group);
  /// One row; `begin`, `end` count units.
  void decode(Value begin, Value end);

  int64_t units = 0;      // panels, or pairs of them when gated
  int64_t unitPanels = 1; // panels of a unit

private:
  using Ahead = llvm::function_ref<void(Value k)>;
  void tile(Value row, int64_t rows, Value unit, int64_t unitCount,
            Ahead ahead);
  void finish(Value row, int64_t rows, Value unit, int64_t unitCount,
              ArrayRef<Value> sums);
  Value epilogue(Value gate, Value up, Value row, Value column);
  SmallVector<Value> startingSums(int64_t rows, Value unit, int64_t unitCount);
  bool isCheap() {
    return !gated && (!op.getActivation() ||
                      *op.getActivation() == ir::ActivationKind::Relu);
  }

  Emitter &e;
  ir::LinearOp op;
  bool gated;
  int64_t depth = 0, outputs = 0;
  RowsView input, result;
  std::optional<RowsView> residual;
  Value panels; // [units * unitPanels, depth, 16]
  Value bias;   // [outputs + slack], gate's then up's when gated
};
} // namespace

/// The bias of each panel, or zeros: what the chains begin with.
SmallVector<Value> LinearBody::startingSums(int64_t rows, Value unit,
                                            int64_t unitCount) {
  SmallVector<Value> row;
  for (int64_t i = 0; i < unitCount; ++i)
    for (int64_t part = 0; part < unitPanels; ++part) {
      if (!bias) {
        row.push_back(e.splat(0.0));
        continue;
      }
      Value column = e.mul(e.add(unit, i), panelWidth);
      row.push_back(e.loadVector(bias, e.add(column, part * outputs)));
    }
  SmallVector<Value> all;
  for (int64_t i = 0; i < rows; ++i)
    all.append(row);
  return all;
}

Value LinearBody::epilogue(Value gate, Value up, Value row, Value column) {
  Value value = gate;
  if (op.getActivation())
    value = e.applyActivation(*op.getActivation(), value);
  if (gated)
    value = e.mulf(value, up);
  if (residual)
    value = e.addf(value, e.loadVector(residual->memory, {row, column}));
  return value;
}

/// Epilogue and store. A long epilogue is emitted once and loops over the tile,
/// which it reads back from the stack.
void LinearBody::finish(Value row, int64_t rows, Value unit, int64_t unitCount,
                        ArrayRef<Value> sums) {
  auto storeResult = [&](Value gate, Value up, Value r, Value u) {
    Value column = e.mul(u, panelWidth);
    e.storeVector(epilogue(gate, up, r, column), result.memory, {r, column});
  };
  if (isCheap()) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t u = 0; u < unitCount; ++u)
        storeResult(sums[r * unitCount + u], {}, e.add(row, r), e.add(unit, u));
    return;
  }
  int64_t width = unitCount * unitPanels;
  Value kept = e.scratch({rows, width, panelWidth});
  Value zero = e.index(0);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t p = 0; p < width; ++p)
      e.storeVector(sums[r * width + p], kept, {e.index(r), e.index(p), zero});
  e.loop(0, rows, 1, [&](Value r) {
    e.loop(0, unitCount, 1, [&](Value u) {
      Value panel = e.mul(u, unitPanels);
      Value gate = e.loadVector(kept, {r, panel, zero});
      Value up =
          gated ? e.loadVector(kept, {r, e.add(panel, 1), zero}) : Value();
      storeResult(gate, up, e.add(row, r), e.add(unit, u));
    });
  });
}

void LinearBody::tile(Value row, int64_t rows, Value unit, int64_t unitCount,
                      Ahead ahead) {
  Value firstPanel = e.mul(unit, unitPanels);
  Value zero = e.index(0);
  int64_t width = unitCount * unitPanels;
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
  finish(row, rows, unit, unitCount, sums);
}

void LinearBody::prefill(Value begin, Value end, int64_t group) {
  int64_t rows = e.context.tile.rows;
  auto walkRows = [&](Value unit, int64_t unitCount) {
    int64_t width = unitCount * unitPanels;
    Value nextPanels = e.mul(e.add(unit, unitCount), unitPanels);
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
  int64_t whole = units / group, rest = units % group;
  Value wholeEnd = e.min(end, e.index(whole));
  e.loop(begin, wholeEnd, 1,
         [&](Value g) { walkRows(e.mul(g, group), group); });
  if (rest)
    e.when(e.less(e.index(whole), end),
           [&] { walkRows(e.index(whole * group), rest); });
}

void LinearBody::decode(Value begin, Value end) {
  e.stepwise(begin, end, std::max<int64_t>(1, streams / unitPanels),
             [&](Value unit, int64_t count) {
               tile(e.index(0), 1, unit, count, [&](Value k) {
                 Value later = e.add(k, prefetchRows);
                 Value first = e.mul(unit, unitPanels);
                 for (int64_t p = 0; p < count * unitPanels; ++p)
                   e.prefetch(panels, {e.add(first, p), later, e.index(0)},
                              /*locality=*/3);
               });
             });
}

void ashlar::emitLinear(Emitter &e, ir::LinearOp op, int64_t capacity) {
  // Shapes alone first: the phase's tiles are counted outside of its body.
  ir::WeightOp weight = ir::lookupWeight(op, op.getWeightAttr());
  int64_t unitPanels = op.getGated() ? 2 : 1;
  int64_t units = ashlar::ceilDiv(weight.getRows() / unitPanels, panelWidth);
  int64_t group = std::max<int64_t>(1, e.context.tile.panels / unitPanels);
  group = std::min(group, units);
  int64_t groups = ashlar::ceilDiv(units, group);
  e.phase(phaseName(op), e.index(groups), [&](Value begin, Value end) {
    LinearBody body(e, op, capacity);
    e.when(
        e.equal(e.tokens(), 1),
        [&] {
          body.decode(e.mul(begin, group),
                      e.min(e.mul(end, group), e.index(units)));
        },
        [&] { body.prefill(begin, end, group); });
  });
}
