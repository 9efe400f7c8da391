//===- TileLinear.cpp - Linear layers of encoded weights on AMX ----------===//
//
// Blocks of two row tiles by two panels, over chunks of rows that keep the
// operand in L2; up to 16 rows, one row tile by four panels, at the speed at
// which the weights arrive. While a group is computed, the next one is brought
// into L2. int4's panels go one by one, expanded to bytes (GroupTiles.h).
//
// The sums of bf16 begin with the residual, if there is one: the result's rows
// can then hold them between parts of long inputs.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedLinear.h"
#include "passes/LowerCpu/EncodedTile.h"
#include "passes/LowerCpu/GroupTiles.h"
#include "passes/LowerCpu/MatrixTiles.h"

using namespace mlir;
using namespace ashlar;

/// Lines of a panel in a matrix tile.
static constexpr int64_t tileLines = 16;
/// What a chunk of rows may take of L2.
static constexpr int64_t chunkBytes = 1024 * 1024;
/// What a row of it may take, where sums need not wait for all inputs.
static constexpr int64_t partBytes = 4096;
/// Rows that int4's sums are kept for.
static constexpr int64_t mostGroupRows = 256;

int64_t TileLinear::steps() const { return panels.layout.lines() / tileLines; }

/// Where the sums of block `number` begin in memory that is theirs.
Value TileLinear::keptAt(Value number, int64_t blockRows) {
  return e.mul(e.rem(number, 2), blockRows);
}

/// Memory for the sums of two blocks.
Value TileLinear::makeResults(int64_t rowTiles, int64_t panelCount) {
  if (residual)
    return epilogue.resultRows()->memory;
  return e.scratch({2 * rowTiles * ashlar::tileRows, panelCount * panelWidth},
                   layer.isInt8() ? Type(e.getI32Type())
                                  : Type(e.getF32Type()));
}

/// Brings slice `slice` (`share` lines) of the tiles of step `step` of panels
/// [panel, panel + width) into L2.
void TileLinear::prefetchNext(Value panel, int64_t width, Value step,
                              Value slice, Value share) {
  Value first = e.add(e.mul(step, tileLines), slice);
  prefetchIntoL2(e, panels, panel, width, first, e.add(first, share));
}

/// Block `number` of the rows times the group's panels.
void TileLinear::multiplyBlock(const Group &group, Value number, Ahead ahead) {
  const Part &part = *group.part;
  Value row = e.add(part.firstRow, e.mul(number, group.blockRows));
  auto a = [&](int64_t i, Value step) {
    return firstLineOfTile(e, input, e.add(row, i * ashlar::tileRows), step);
  };
  auto b = [&](int64_t i, Value step) {
    return e.add(e.mul(e.add(group.panel, i), panels.layout.lines()),
                 e.mul(step, tileLines));
  };
  TileBlock block;
  block.isInt8 = layer.isInt8();
  block.rowTiles = part.rowTiles;
  block.panels = group.width;
  block.a = a;
  block.b = b;
  block.aLines = input.lines;
  block.bLines = panels.lines;
  block.streamA = true;
  block.ahead = ahead;
  block.results = group.results;
  auto multiply = [&](bool fresh) {
    emitTileBlock(e, block, part.begin, part.end,
                  arith::ConstantIntOp::create(e, fresh, 1));
  };
  if (!residual) {
    block.firstRow = keptAt(number, group.blockRows);
    block.firstColumn = e.index(0);
    return multiply(true);
  }
  block.firstRow = row;
  block.firstColumn = e.mul(group.panel, panelWidth);
  auto begin = [&] {
    block.starts = residual->memory;
    multiply(false);
    block.starts = {};
  };
  e.when(part.isFirst, begin, [&] { multiply(false); });
}

/// The epilogue of rows [begin, end) of block `number`.
void TileLinear::finishBlock(const Group &group, Value number, Value begin,
                             Value end) {
  Value first = e.add(group.part->firstRow, e.mul(number, group.blockRows));
  Value kept = keptAt(number, group.blockRows);
  auto sumOf = [&](Value row, Value unit, int64_t part) {
    Value inGroup = e.add(e.mul(unit, epilogue.unitPanels), part);
    Value panel = e.add(group.panel, inGroup);
    SmallVector<Value> at{row, e.mul(panel, panelWidth)};
    if (!residual)
      at = {e.add(kept, e.sub(row, first)), e.mul(inGroup, panelWidth)};
    Value sum = vector::LoadOp::create(
        e, layer.isInt8() ? intVector(e) : e.vectorType(), group.results, at);
    if (layer.isInt8()) {
      Value scale = e.broadcast(e.load(input.scales, row));
      sum = scaleInt8(e, panels, sum, panel, scale);
    }
    if (epilogue.hasBias())
      sum = e.addf(sum, epilogue.biasOf(e.add(group.unit, unit), part));
    return sum;
  };
  epilogue.finish(e.add(first, begin), e.add(first, end), group.unit,
                  group.units, sumOf);
}

/// A group of panels times a part of the rows and inputs, in blocks. The
/// epilogue of each block's sums runs between the steps of the next one, whose
/// products leave the vector units idle; the last one's behind it.
void TileLinear::multiplyGroup(const Group &group) {
  const Part &part = *group.part;
  Value blocks = e.ceilDiv(e.sub(part.lastRow, part.firstRow), group.blockRows);
  // Of each panel of the next group, lines for each step of this one.
  Value share = e.ceilDiv(e.index(tileLines), blocks);
  // Of the block before, rows for each step.
  Value rowShare =
      e.ceilDiv(e.index(group.blockRows), e.sub(part.end, part.begin));
  bool hasEpilogue = !residual || epilogue.hasBias();
  // Sums in the result's rows are complete behind the last inputs.
  Value finished = e.index(group.blockRows);
  if (residual)
    finished = e.select(e.equal(part.end, steps()), finished, e.index(0));
  e.loop(e.index(0), blocks, 1, [&](Value number) {
    Value before = e.select(e.equal(number, 0), e.index(0), finished);
    multiplyBlock(group, number, [&](Value step) {
      prefetchNext(e.add(group.panel, group.width), group.width, step,
                   e.mul(number, share), share);
      if (!hasEpilogue)
        return;
      Value begin = e.mul(e.sub(step, part.begin), rowShare);
      finishBlock(group, e.sub(number, e.index(1)), e.min(begin, before),
                  e.min(e.add(begin, rowShare), before));
    });
  });
  if (hasEpilogue)
    finishBlock(group, e.sub(blocks, e.index(1)), e.index(0), finished);
}

/// Units [begin, end) in groups of `panelCount` panels.
void TileLinear::multiplyGroups(Value begin, Value end, int64_t panelCount,
                                const Part &part, Value results) {
  int64_t unitPanels = epilogue.unitPanels;
  e.stepwise(
      begin, end, panelCount / unitPanels, [&](Value unit, int64_t units) {
        multiplyGroup({unit, units, e.mul(unit, unitPanels), units * unitPanels,
                       part.rowTiles * ashlar::tileRows, &part, results});
      });
}

void TileLinear::prefill(Value begin, Value end) {
  constexpr int64_t rowTiles = 2, panelsAtOnce = 2;
  int64_t blockRows = rowTiles * ashlar::tileRows;
  // Sums that the result's rows can hold: as many inputs as leave place for
  // enough rows.
  int64_t parts =
      residual ? ashlar::ceilDiv(steps() * lineBytes, partBytes) : 1;
  int64_t partSteps = ashlar::ceilDiv(steps(), parts);
  int64_t chunk =
      std::clamp(chunkBytes / (partSteps * lineBytes) / blockRows * blockRows,
                 2 * blockRows, roundUp(layer.capacity, blockRows));
  Value results = makeResults(rowTiles, panelsAtOnce);
  Value tokens = e.tokens();
  e.loop(e.index(0), tokens, chunk, [&](Value row) {
    e.loop(0, steps(), partSteps, [&](Value step) {
      Part part{rowTiles,
                row,
                e.min(e.add(row, chunk), tokens),
                step,
                e.min(e.add(step, partSteps), e.index(steps())),
                e.equal(step, 0)};
      multiplyGroups(begin, end, panelsAtOnce, part, results);
    });
  });
}

void TileLinear::prefillGroups(Value begin, Value end) {
  int64_t chunk = std::clamp(chunkBytes / (input.layout.lines() * lineBytes) /
                                 ashlar::tileRows * ashlar::tileRows,
                             2 * ashlar::tileRows, mostGroupRows);
  chunk = std::min(chunk, roundUp(layer.capacity, ashlar::tileRows));
  int64_t parts = epilogue.unitPanels;
  GroupTiles tiles(e, input, panels, chunk, parts);
  Value tokens = e.tokens();
  e.loop(e.index(0), tokens, chunk, [&](Value first) {
    Value last = e.min(e.add(first, chunk), tokens);
    e.loop(begin, end, 1, [&](Value unit) {
      for (int64_t part = 0; part < parts; ++part)
        tiles.multiply(first, last, e.add(e.mul(unit, parts), part), part);
      epilogue.finish(
          first, last, unit, 1, [&](Value row, Value, int64_t part) {
            Value sum = tiles.result(first, row, part);
            return epilogue.hasBias() ? e.addf(sum, epilogue.biasOf(unit, part))
                                      : sum;
          });
    });
  });
}

void TileLinear::fewRows(Value begin, Value end) {
  constexpr int64_t rowTiles = 1, panelsAtOnce = 4;
  Value results = makeResults(rowTiles, panelsAtOnce);
  Value zero = e.index(0);
  Part part{rowTiles,         zero,
            e.tokens(),       zero,
            e.index(steps()), arith::ConstantIntOp::create(e, 1, 1)};
  multiplyGroups(begin, end, panelsAtOnce, part, results);
}
