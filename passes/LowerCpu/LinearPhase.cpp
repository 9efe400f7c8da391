//===- LinearPhase.cpp - Linear layers with their epilogues --------------===//
//
// A tile of the phase is a chunk of rows times a group of panels:
// `TileShape::panels` times 16 output features (one gate panel and its up
// panel, when gated). A chunk's rows stay in L2, where register tiles read them
// again for each group, while the next group is brought in from further away.
// A K so long that a group leaves no place in L2 is cut into parts, where
// nothing but a store follows the sums: the result's rows hold them in between.
// Decode (one row) streams the packed weights once, several panels in flight,
// prefetching ahead. Rows between the last token and the end of a register tile
// are computed on whatever lies in the arena and never read.
//
// The sums begin with the residual, if nothing but a bias stands between.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedLinear.h"
#include "passes/LowerCpu/RegisterTile.h"
#include "passes/LowerCpu/RowChunks.h"

using namespace mlir;
using namespace ashlar;

/// What the rows of a chunk may take of L2, beside the groups of panels.
static constexpr int64_t chunkBytes = 1024 * 1024;
/// Rows that a group of panels is worth bringing into L2 for. Where so many do
/// not fit, it is brought once for all rows, which come from further away.
static constexpr int64_t leastChunkRows = 128;
/// Inputs of which a group of panels leaves place in L2 for others; of a part,
/// where there are more.
static constexpr int64_t mostInputs = 4096, partInputs = 2048;
/// Steps of the inner loop for each of which a line of the next group's panels
/// is due at most.
static constexpr int64_t mostTurn = 16;

namespace {
/// How a float32 linear is cut.
struct LinearBlocking {
  int64_t units, unitPanels;
  int64_t depth;      // K
  int64_t partInputs; // of K
  int64_t groupUnits, groups;

  LinearBlocking(ir::LinearOp op, const TileShape &tile);
  bool hasParts() const { return partInputs < depth; }
  RowChunks chunksOf(const TileShape &tile, int64_t capacity) const;
};

/// One linear op of float32 inside of its phase.
class LinearBody {
public:
  LinearBody(Emitter &e, ir::LinearOp op, const LinearBlocking &blocking,
             const RowChunks &chunks, int64_t capacity)
      : e(e), blocking(blocking), chunks(chunks), epilogue(e, op, capacity),
        residual(epilogue.takeResidual()),
        input(rowsOf(e, op.getInput(), capacity)) {
    ir::WeightOp weight = ir::lookupWeight(op, op.getWeightAttr());
    panels = e.weightView(weight, {blocking.units * blocking.unitPanels,
                                   blocking.depth, panelWidth});
  }

  /// Tiles [begin, end) of the phase, chunk by chunk.
  void prefill(Value begin, Value end);
  /// One row; `begin`, `end` count units.
  void decode(Value begin, Value end);

private:
  /// What is called before each turn of `turn` steps (null: one), for `count`
  /// panels from the tile's panel `first` on.
  struct Ahead {
    using Prefetch =
        llvm::function_ref<void(Value number, Value first, int64_t count)>;
    Prefetch prefetch;
    Value turn;
    Prefetch near = nullptr; // in each step, with k
  };
  /// Rows and inputs that groups are multiplied with.
  struct Part {
    Value firstRow, lastRow, begin, end;
    bool goesOn = false; // with the sums in the result's rows
  };
  void storeStartingSums(const Part &part, Value unit, int64_t unitCount);
  void multiplyGroup(const Part &part, Value unit, int64_t unitCount);
  void prefetchNear(Value firstPanel, int64_t width, Value k, int64_t distance);
  void tile(const Part &part, Value row, int64_t rows, Value unit,
            int64_t unitCount, Ahead ahead);
  SmallVector<Value> startingSums(Value row, int64_t rows, Value unit,
                                  int64_t unitCount);
  SmallVector<Value> loadSums(Value row, int64_t rows, Value unit,
                              int64_t unitCount);

  Emitter &e;
  const LinearBlocking &blocking;
  const RowChunks &chunks;
  LinearEpilogue epilogue;
  std::optional<RowsView> residual; // what the sums begin with
  RowsView input;
  Value panels; // [units * unitPanels, depth, 16]
};
} // namespace

LinearBlocking::LinearBlocking(ir::LinearOp op, const TileShape &tile) {
  LinearShape shape(op);
  units = shape.units;
  unitPanels = shape.unitPanels;
  depth = ir::lookupWeight(op, op.getWeightAttr()).getColumns();
  groupUnits = std::clamp<int64_t>(tile.panels / unitPanels, 1, units);
  groups = ashlar::ceilDiv(units, groupUnits);
  bool cut = depth > mostInputs && LinearEpilogue::storesSums(op);
  partInputs = cut ? ::partInputs : depth;
}

RowChunks LinearBlocking::chunksOf(const TileShape &tile,
                                   int64_t capacity) const {
  int64_t rows = chunkBytes / (partInputs * int64_t(sizeof(float)));
  return {rows < leastChunkRows ? capacity : rows, tile.rows, capacity};
}

/// What the chains begin with: bias and residual.
SmallVector<Value> LinearBody::startingSums(Value row, int64_t rows, Value unit,
                                            int64_t unitCount) {
  SmallVector<Value> biases, all;
  for (int64_t i = 0; i < unitCount; ++i)
    for (int64_t part = 0; part < blocking.unitPanels; ++part)
      biases.push_back(epilogue.hasBias()
                           ? epilogue.biasOf(e.add(unit, i), part)
                           : e.splat(0.0));
  for (int64_t r = 0; r < rows; ++r)
    for (auto [i, bias] : llvm::enumerate(biases)) {
      if (!residual) {
        all.push_back(bias);
        continue;
      }
      Value column = e.mul(e.add(unit, int64_t(i)), panelWidth);
      Value start = e.loadVector(residual->memory, {e.add(row, r), column});
      all.push_back(epilogue.hasBias() ? e.addf(start, bias) : start);
    }
  return all;
}

/// The sums so far, [rows][units]: such linears are not gated.
SmallVector<Value> LinearBody::loadSums(Value row, int64_t rows, Value unit,
                                        int64_t unitCount) {
  SmallVector<Value> sums;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < unitCount; ++i)
      sums.push_back(
          e.loadVector(epilogue.resultRows()->memory,
                       {e.add(row, r), e.mul(e.add(unit, i), panelWidth)}));
  return sums;
}

/// Into the result's rows, where parts of the inputs add to them.
void LinearBody::storeStartingSums(const Part &part, Value unit,
                                   int64_t unitCount) {
  e.loop(part.firstRow, part.lastRow, 1, [&](Value row) {
    SmallVector<Value> sums = startingSums(row, 1, unit, unitCount);
    epilogue.finish(row, 1, unit, unitCount, sums);
  });
}

void LinearBody::tile(const Part &part, Value row, int64_t rows, Value unit,
                      int64_t unitCount, Ahead ahead) {
  Value firstPanel = e.mul(unit, blocking.unitPanels);
  Value zero = e.index(0);
  SmallVector<Value> tileRows;
  for (int64_t r = 0; r < rows; ++r)
    tileRows.push_back(e.add(row, r));
  auto loadA = [&](int64_t r, Value k) {
    return e.load(input.memory, {tileRows[r], k});
  };
  SmallVector<Value> sums = part.goesOn
                                ? loadSums(row, rows, unit, unitCount)
                                : startingSums(row, rows, unit, unitCount);
  auto multiply = [&](Value first, ValueRange some) {
    int64_t count = static_cast<int64_t>(some.size()) / rows;
    SmallVector<Value> tilePanels;
    for (int64_t p = 0; p < count; ++p)
      tilePanels.push_back(e.add(e.add(firstPanel, first), p));
    auto loadB = [&](int64_t p, Value k) {
      return e.loadVector(panels, {tilePanels[p], k, zero});
    };
    auto prefetch = [&](Value number) { ahead.prefetch(number, first, count); };
    auto near = [&](Value k) { ahead.near(k, first, count); };
    TileOperands operands{loadA, loadB, prefetch, ahead.turn};
    if (ahead.near)
      operands.near = near;
    return emitRegisterTile(e, rows, count, part.begin, part.end, some,
                            operands);
  };
  sums = overPanels(e, rows, sums, e.context.tile.panelsFor(rows), multiply);
  epilogue.finish(row, rows, unit, unitCount, sums);
}

/// The group that comes next is brought into L2 by the way, a line of each
/// panel for every turn of steps: a burst of them would keep those lines
/// waiting that the tile itself reads from L2.
void LinearBody::multiplyGroup(const Part &part, Value unit,
                               int64_t unitCount) {
  Value firstRow = part.firstRow, lastRow = part.lastRow;
  int64_t rows = chunks.tileRows();
  Value nextPanel = e.mul(e.add(unit, unitCount), blocking.unitPanels);
  Value tiles = e.ceilDiv(e.sub(lastRow, firstRow), rows);
  // Each of the last `turn` tiles brings as many lines as it takes turns.
  Value turn = e.min(tiles, e.index(mostTurn));
  Value share = e.ceilDiv(e.sub(part.end, part.begin), turn);
  e.loop(firstRow, lastRow, rows, [&](Value row) {
    Value number = e.div(e.sub(row, firstRow), rows);
    Value before = e.sub(tiles, turn);
    Value turns = e.mul(e.sub(e.max(number, before), before), share);
    Value start = e.add(part.begin, turns);
    auto ahead = [&](Value number, Value first, int64_t count) {
      Value line = e.add(start, number);
      for (int64_t p = 0; p < count; ++p)
        e.prefetch(panels,
                   {e.add(e.add(nextPanel, first), p), line, e.index(0)},
                   /*locality=*/2);
    };
    auto near = [&](Value k, Value first, int64_t count) {
      Value panel = e.add(e.mul(unit, blocking.unitPanels), first);
      prefetchNear(panel, count, k, e.context.tile.prefetchLines);
    };
    Ahead both{ahead, turn};
    if (e.context.tile.prefetchLines)
      both.near = near;
    tile(part, row, rows, unit, unitCount, both);
  });
}

void LinearBody::prefill(Value begin, Value end) {
  chunks.over(
      e, begin, end, blocking.groups,
      [&](Value row, Value lastRow, Value first, Value last) {
        auto overAll = [&](llvm::function_ref<void(Value, int64_t)> body) {
          overGroups(e, blocking.units, blocking.groupUnits, first, last, body);
        };
        Part part{row, lastRow, e.index(0), e.index(blocking.depth)};
        auto multiply = [&](const Part &part) {
          overAll([&](Value unit, int64_t unitCount) {
            multiplyGroup(part, unit, unitCount);
          });
        };
        if (!blocking.hasParts())
          return multiply(part);
        overAll([&](Value unit, int64_t unitCount) {
          storeStartingSums(part, unit, unitCount);
        });
        e.loop(0, blocking.depth, blocking.partInputs, [&](Value begin) {
          Value end =
              e.min(e.add(begin, blocking.partInputs), e.index(blocking.depth));
          multiply({row, lastRow, begin, end, /*goesOn=*/true});
        });
      });
}

/// Line `k` + `distance` of each of `width` panels, into L1.
void LinearBody::prefetchNear(Value firstPanel, int64_t width, Value k,
                              int64_t distance) {
  Value later = e.aheadInPanels(k, distance, blocking.depth, width);
  for (int64_t p = 0; p < width; ++p)
    e.prefetch(panels, {e.add(firstPanel, p), later, e.index(0)},
               /*locality=*/3);
}

void LinearBody::decode(Value begin, Value end) {
  int64_t unitPanels = blocking.unitPanels;
  Value zero = e.index(0);
  Part part{zero, e.index(1), zero, e.index(blocking.depth)};
  e.stepwise(begin, end, std::max<int64_t>(1, decodeStreams / unitPanels),
             [&](Value unit, int64_t count) {
               auto prefetch = [&](Value k, Value, int64_t width) {
                 prefetchNear(e.mul(unit, unitPanels), width, k,
                              e.context.prefetchLines);
               };
               tile(part, zero, 1, unit, count, {prefetch, {}});
             });
}

void ashlar::emitLinear(Emitter &e, ir::LinearOp op, int64_t capacity) {
  if (!op.getInput().getType().getElementType().isF32())
    return emitEncodedLinear(e, op, capacity);
  LinearBlocking blocking(op, e.context.tile);
  RowChunks chunks = blocking.chunksOf(e.context.tile, capacity);
  // One chunk, when decoding.
  auto tiles = [&] { return e.mul(chunks.count(e), blocking.groups); };
  e.rowsPhase(phaseName(op), tiles, [&](Value begin, Value end) {
    LinearBody body(e, op, blocking, chunks, capacity);
    int64_t group = blocking.groupUnits;
    e.when(
        e.equal(e.tokens(), 1),
        [&] {
          body.decode(e.mul(begin, group),
                      e.min(e.mul(end, group), e.index(blocking.units)));
        },
        [&] { body.prefill(begin, end); });
  });
}
