//===- EncodedLinear.cpp - Linear layers of bf16, int8 and int4 ----------===//
//
// A tile is a group of panels. One row streams the packed weights once in
// vector code. More rows go through AMX where the target has it
// (TileLinear.cpp); elsewhere through register tiles as float32's do.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedLinear.h"
#include "passes/LowerCpu/EncodedTile.h"

using namespace mlir;
using namespace ashlar;

namespace {
/// In vector code. Each function takes units [begin, end).
class VectorLinear {
public:
  VectorLinear(Emitter &e, EncodedLinear &layer)
      : e(e), epilogue(layer.epilogue), input(layer.input),
        panels(layer.panels), residual(layer.residual) {}

  /// One row.
  void decode(Value begin, Value end);
  void prefill(Value begin, Value end);

private:
  void vectorTile(EncodedTile &tile, Value row, int64_t rows, Value unit,
                  int64_t unitCount, llvm::function_ref<void(Value)> ahead);

  Emitter &e;
  LinearEpilogue &epilogue;
  const OperandView &input;
  const PanelView &panels;
  const std::optional<RowsView> &residual;
};
} // namespace

void VectorLinear::vectorTile(EncodedTile &tile, Value row, int64_t rows,
                              Value unit, int64_t unitCount,
                              llvm::function_ref<void(Value)> ahead) {
  int64_t parts = epilogue.unitPanels, width = unitCount * parts;
  Value panel = e.mul(unit, parts);
  SmallVector<Value> sums;
  if (residual) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t p = 0; p < width; ++p)
        sums.push_back(
            e.loadVector(residual->memory,
                         {e.add(row, r), e.mul(e.add(panel, p), panelWidth)}));
    sums = tile.addBf16(sums, rows, panel, width, e.index(0),
                        e.index(panels.layout.lines()), ahead);
  } else {
    sums = tile.multiply(rows, panel, width, ahead);
  }
  if (epilogue.hasBias())
    for (size_t i = 0; i < sums.size(); ++i) {
      int64_t u = i % width / parts;
      sums[i] = e.addf(sums[i], epilogue.biasOf(e.add(unit, u), i % parts));
    }
  epilogue.finish(row, rows, unit, unitCount, sums);
}

void VectorLinear::decode(Value begin, Value end) {
  EncodedTile tile(e, input, panels, /*mostRows=*/1);
  Value zero = e.index(0);
  tile.loadRows(zero, 1);
  int64_t parts = epilogue.unitPanels;
  e.stepwise(begin, end, std::max<int64_t>(1, decodeStreams / parts),
             [&](Value unit, int64_t count) {
               Value first = e.mul(e.mul(unit, parts), panels.layout.lines());
               auto ahead = [&](Value line) {
                 int64_t lines = panels.layout.lines(), width = count * parts;
                 Value later =
                     e.add(first, e.aheadInPanels(line, e.context.prefetchLines,
                                                  lines, width));
                 for (int64_t p = 0; p < width; ++p)
                   e.prefetch(panels.lines, {e.add(later, p * lines), zero},
                              /*locality=*/3);
               };
               vectorTile(tile, zero, 1, unit, count, ahead);
             });
}

/// Two chains for each result: half of the rows that float32 takes.
void VectorLinear::prefill(Value begin, Value end) {
  int64_t rows = std::max<int64_t>(1, e.context.tile.rows / 2);
  int64_t parts = epilogue.unitPanels;
  int64_t count = std::max<int64_t>(1, e.context.tile.panels / parts);
  EncodedTile tile(e, input, panels, rows);
  auto nothing = [](Value) {};
  e.stepwise(begin, end, count, [&](Value unit, int64_t unitCount) {
    e.stepwise(e.index(0), e.tokens(), rows, [&](Value row, int64_t rowCount) {
      tile.loadRows(row, rowCount);
      vectorTile(tile, row, rowCount, unit, unitCount, nothing);
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
