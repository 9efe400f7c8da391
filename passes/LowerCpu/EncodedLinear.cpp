//===- EncodedLinear.cpp - Linear layers of bf16, int8 and int4 ----------===//
//
// A tile is a group of panels. One row streams the packed weights once in
// vector code. More rows go through AMX where the target has it
// (TileLinear.cpp); elsewhere through register tiles as float32's do.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedLinear.h"
#include "passes/LowerCpu/EncodedTile.h"
#include "passes/LowerCpu/RegisterTile.h"

using namespace mlir;
using namespace ashlar;

/// Panels that vector code multiplies with some rows before it turns to the
/// next ones: what stays in L2, but so many units at least.
static constexpr int64_t groupBytes = 256 * 1024, leastGroup = 4;

namespace {
/// In vector code. Each function takes units [begin, end).
class VectorLinear {
public:
  VectorLinear(Emitter &e, EncodedLinear &layer)
      : e(e), epilogue(layer.epilogue), input(layer.input),
        panels(layer.panels), residual(layer.residual),
        // More than one row goes to AMX.
        mostRows(e.context.matrixTiles
                     ? 1
                     : EncodedTile::rowsOf(e, input, panels.layout.precision)),
        tile(e, input, panels, mostRows) {}

  /// One row.
  void decode(Value begin, Value end);
  void prefill(Value begin, Value end);

private:
  void vectorTile(Value row, int64_t rows, Value unit, int64_t unitCount,
                  llvm::function_ref<void(Value)> ahead);

  Emitter &e;
  LinearEpilogue &epilogue;
  const OperandView &input;
  const PanelView &panels;
  const std::optional<RowsView> &residual;
  int64_t mostRows;
  EncodedTile tile;
};
} // namespace

void VectorLinear::vectorTile(Value row, int64_t rows, Value unit,
                              int64_t unitCount,
                              llvm::function_ref<void(Value)> ahead) {
  int64_t parts = epilogue.unitPanels, width = unitCount * parts;
  Value panel = e.mul(unit, parts);
  SmallVector<Value> sums(rows * width, e.splat(0.0));
  if (residual)
    for (int64_t i = 0; i < rows * width; ++i)
      sums[i] = e.loadVector(
          residual->memory,
          {e.add(row, i / width), e.mul(e.add(panel, i % width), panelWidth)});
  auto multiply = [&](Value first, ValueRange some) {
    Value from = e.add(panel, first);
    int64_t count = static_cast<int64_t>(some.size()) / rows;
    if (residual)
      return tile.addBf16(some, rows, from, count, e.index(0),
                          e.index(panels.layout.lines()), ahead);
    return tile.multiply(rows, from, count, ahead);
  };
  sums = overPanels(e, rows, sums, e.context.tile.panelsFor(rows), multiply);
  if (epilogue.hasBias())
    for (size_t i = 0; i < sums.size(); ++i) {
      int64_t u = i % width / parts;
      sums[i] = e.addf(sums[i], epilogue.biasOf(e.add(unit, u), i % parts));
    }
  epilogue.finish(row, rows, unit, unitCount, sums);
}

void VectorLinear::decode(Value begin, Value end) {
  Value zero = e.index(0);
  tile.loadRows(zero, 1);
  int64_t parts = epilogue.unitPanels;
  e.stepwise(begin, end, std::max<int64_t>(1, decodeStreams / parts),
             [&](Value unit, int64_t count) {
               Value first = e.mul(unit, parts);
               auto ahead = [&](Value line) {
                 prefetchPanels(e, panels, first, count * parts, line,
                                e.context.prefetchLines);
               };
               vectorTile(zero, 1, unit, count, ahead);
             });
}

/// A few rows at a time, brought into the tile's form once for a group of
/// units.
void VectorLinear::prefill(Value begin, Value end) {
  int64_t parts = epilogue.unitPanels;
  int64_t count = std::max<int64_t>(1, e.context.tile.panels / parts);
  int64_t unitBytes = parts * panels.layout.lines() * lineBytes;
  int64_t group = roundUp(std::max(leastGroup, groupBytes / unitBytes), count);
  auto nothing = [](Value) {};
  e.loop(begin, end, group, [&](Value first) {
    Value last = e.min(e.add(first, group), end);
    e.stepwise(
        e.index(0), e.tokens(), mostRows, [&](Value row, int64_t rowCount) {
          tile.loadRows(row, rowCount);
          e.stepwise(first, last, count, [&](Value unit, int64_t unitCount) {
            vectorTile(row, rowCount, unit, unitCount, nothing);
          });
        });
  });
}

void ashlar::emitEncodedLinear(Emitter &e, ir::LinearOp op, int64_t capacity) {
  LinearShape shape(op);
  // Shares in whole groups of panels, as far as there are enough of them.
  int64_t group = std::max<int64_t>(1, decodeStreams / shape.unitPanels);
  group = std::min(group, std::max<int64_t>(1, shape.units / 16));
  int64_t groups = ashlar::ceilDiv(shape.units, group);
  auto tiles = [&] { return e.index(groups); };
  e.rowsPhase(phaseName(op), tiles, [&](Value first, Value last) {
    EncodedLinear layer(e, op, capacity);
    VectorLinear vectors(e, layer);
    TileLinear tiles(e, layer);
    Value begin = e.mul(first, group);
    Value end = e.min(e.mul(last, group), e.index(shape.units));
    auto manyRows = [&] {
      if (!e.context.matrixTiles)
        return vectors.prefill(begin, end);
      if (layer.isInt4())
        return tiles.prefillGroups(begin, end);
      e.when(
          e.less(e.tokens(), e.index(ashlar::tileRows + 1)),
          [&] { tiles.fewRows(begin, end); },
          [&] { tiles.prefill(begin, end); });
    };
    e.when(
        e.equal(e.tokens(), 1), [&] { vectors.decode(begin, end); }, manyRows);
  });
}
