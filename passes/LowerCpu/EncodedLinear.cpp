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
#include "passes/LowerCpu/RowChunks.h"

using namespace mlir;
using namespace ashlar;

namespace {
/// In vector code.
class VectorLinear {
public:
  VectorLinear(Emitter &e, EncodedLinear &layer, const RowChunks &chunks)
      : e(e), epilogue(layer.epilogue), input(layer.input),
        panels(layer.panels), residual(layer.residual), chunks(chunks),
        // More than one row goes to AMX.
        tile(e, input, panels, e.context.matrixTiles ? 1 : chunks.places()),
        loaded(e.note()) {}

  /// One row; `begin`, `end` count units.
  void decode(Value begin, Value end);
  /// Tiles [begin, end) of chunks and groups of `groupUnits` units.
  void prefill(Value begin, Value end, int64_t groupUnits);

private:
  void vectorTile(Value row, int64_t rows, Value unit, int64_t unitCount,
                  const TileAhead &ahead);
  void multiplyGroup(Value firstRow, Value lastRow, Value unit,
                     int64_t unitCount);
  void loadOnce(Value firstRow, llvm::function_ref<void()> load);

  Emitter &e;
  LinearEpilogue &epilogue;
  const OperandView &input;
  const PanelView &panels;
  const std::optional<RowsView> &residual;
  const RowChunks &chunks;
  EncodedTile tile;
  Value loaded; // memref<1xindex>: 1 + the first row of what `tile` holds
};
} // namespace

/// What an earlier part of the phase has loaded is there still.
void VectorLinear::loadOnce(Value firstRow, llvm::function_ref<void()> load) {
  if (e.context.experts)
    firstRow = e.add(firstRow, e.context.experts->firstRow);
  Value number = e.add(firstRow, 1), zero = e.index(0);
  Value isNew = arith::CmpIOp::create(e, arith::CmpIPredicate::ne,
                                      e.load(loaded, zero), number);
  e.when(isNew, [&] {
    load();
    e.store(number, loaded, zero);
  });
}

void VectorLinear::vectorTile(Value row, int64_t rows, Value unit,
                              int64_t unitCount, const TileAhead &ahead) {
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
  loadOnce(zero, [&] { tile.loadRows(zero, 1, zero); });
  tile.chooseRows(zero, zero);
  int64_t parts = epilogue.unitPanels;
  e.stepwise(begin, end, std::max<int64_t>(1, decodeStreams / parts),
             [&](Value unit, int64_t count) {
               Value first = e.mul(unit, parts);
               auto ahead = [&](Value line) {
                 prefetchPanels(e, panels, first, count * parts, line,
                                e.context.prefetchLines);
               };
               vectorTile(zero, 1, unit, count, {ahead});
             });
}

/// The group that comes next is brought into L2 by the way: of each block of
/// lines a slice by each of the last tiles.
void VectorLinear::multiplyGroup(Value firstRow, Value lastRow, Value unit,
                                 int64_t unitCount) {
  int64_t parts = epilogue.unitPanels, width = unitCount * parts;
  int64_t rows = chunks.tileRows();
  Value tiles = e.ceilDiv(e.sub(lastRow, firstRow), rows);
  Value nextPanel = e.mul(e.add(unit, unitCount), parts);
  e.loop(firstRow, lastRow, rows, [&](Value row) {
    Value place = e.sub(row, firstRow);
    tile.chooseRows(row, place);
    auto near = [&](Value line) {
      if (int64_t distance = e.context.tile.prefetchLines)
        prefetchPanels(e, panels, e.mul(unit, parts), width, line, distance);
    };
    auto far = [&](Value line, int64_t count) {
      Value slices = e.min(tiles, e.index(count));
      Value slice = e.ceilDiv(e.index(count), slices);
      Value before = e.sub(tiles, slices);
      Value number = e.sub(e.max(e.div(place, rows), before), before);
      Value first = e.add(line, e.mul(number, slice));
      prefetchIntoL2(e, panels, nextPanel, width, first, e.add(first, slice));
    };
    vectorTile(row, rows, unit, unitCount, {near, far});
  });
}

/// A chunk of rows is brought into the tile's form once for all groups.
void VectorLinear::prefill(Value begin, Value end, int64_t groupUnits) {
  int64_t units = epilogue.units, rows = chunks.tileRows();
  int64_t groups = ashlar::ceilDiv(units, groupUnits);
  chunks.over(
      e, begin, end, groups,
      [&](Value firstRow, Value lastRow, Value firstGroup, Value lastGroup) {
        loadOnce(firstRow, [&] {
          e.loop(firstRow, lastRow, rows, [&](Value row) {
            tile.loadRows(row, rows, e.sub(row, firstRow));
          });
        });
        overGroups(e, units, groupUnits, firstGroup, lastGroup,
                   [&](Value unit, int64_t unitCount) {
                     multiplyGroup(firstRow, lastRow, unit, unitCount);
                   });
      });
}

/// Units of a tile of the phase: whole groups of panels, as far as there are
/// enough of them.
static int64_t unitsOfTile(const LinearShape &shape, int64_t panels) {
  int64_t units = std::max<int64_t>(1, panels / shape.unitPanels);
  return std::min(units, std::max<int64_t>(1, shape.units / 16));
}

/// In vector code, of more than one row.
static RowChunks chunksOf(Emitter &e, ir::LinearOp op, int64_t capacity) {
  auto input = OperandLayout::of(op.getInput());
  ir::Precision precision =
      PanelLayout::of(ir::lookupWeight(op, op.getWeightAttr()), op.getGated())
          .precision;
  return {EncodedTile::placesFor(e, input, precision),
          EncodedTile::rowsOf(e, input, precision), capacity};
}

void ashlar::emitEncodedLinear(Emitter &e, ir::LinearOp op, int64_t capacity) {
  LinearShape shape(op);
  bool tiled = e.context.matrixTiles;
  RowChunks chunks = chunksOf(e, op, capacity);
  int64_t forOne = unitsOfTile(shape, decodeStreams);
  int64_t forMore =
      tiled ? forOne
            : std::clamp<int64_t>(e.context.tile.panels / shape.unitPanels, 1,
                                  shape.units);
  auto isOne = [&] { return e.equal(e.tokens(), 1); };
  auto tiles = [&] {
    Value ofOne = e.index(ashlar::ceilDiv(shape.units, forOne));
    if (tiled)
      return ofOne;
    Value ofMore =
        e.mul(chunks.count(e), ashlar::ceilDiv(shape.units, forMore));
    return e.select(isOne(), ofOne, ofMore);
  };
  e.rowsPhase(phaseName(op), tiles, [&](Value begin, Value end) {
    EncodedLinear layer(e, op, capacity);
    VectorLinear vectors(e, layer, chunks);
    TileLinear tiles(e, layer);
    Value first = e.mul(begin, forOne);
    Value last = e.min(e.mul(end, forOne), e.index(shape.units));
    auto manyRows = [&] {
      if (!tiled)
        return vectors.prefill(begin, end, forMore);
      if (layer.isInt4())
        return tiles.prefillGroups(first, last);
      e.when(
          e.less(e.tokens(), e.index(ashlar::tileRows + 1)),
          [&] { tiles.fewRows(first, last); },
          [&] { tiles.prefill(first, last); });
    };
    e.when(isOne(), [&] { vectors.decode(first, last); }, manyRows);
  });
}
