//===- EncodedLinear.cpp - Linear layers of bf16, int8 and int4 ----------===//
//
// A tile is a group of panels. One row streams the packed weights once in
// vector code. More rows go through AMX where the target has it (bf16, int8):
// in blocks of two row tiles by two panels, over chunks of rows that keep the
// operand in L2; up to 16 rows, one row tile by four panels, at the speed at
// which the weights arrive. While a group is computed, the next one is brought
// into L2. Elsewhere, and for int4, rows go through register tiles as float32's
// do.
//
// The sums of bf16 begin with the residual, if there is one: the result's rows
// can then hold them between parts of long inputs.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedTile.h"
#include "passes/LowerCpu/LinearEpilogue.h"
#include "passes/LowerCpu/MatrixTiles.h"

using namespace mlir;
using namespace ashlar;

/// Panels that decode reads at the same time, each a stream of its own.
static constexpr int64_t streams = 4;
/// Lines of a panel that decode fetches ahead.
static constexpr int64_t prefetchLines = 24;
/// Lines of a panel in a matrix tile.
static constexpr int64_t tileLines = 16;
/// What a chunk of rows may take of L2.
static constexpr int64_t chunkBytes = 1024 * 1024;
/// What a row of it may take, where sums need not wait for all inputs.
static constexpr int64_t partBytes = 4096;

namespace {
class EncodedLinear {
public:
  EncodedLinear(Emitter &e, ir::LinearOp op, int64_t capacity)
      : e(e), epilogue(e, op, capacity),
        input(operandOf(e, op.getInput(), capacity)),
        panels(panelsOf(e, ir::lookupWeight(op, op.getWeightAttr()),
                        op.getGated())),
        capacity(capacity) {
    if (panels.layout.precision == ir::Precision::Bf16)
      residual = epilogue.takeResidual();
  }

  /// Each takes units [begin, end).
  void decode(Value begin, Value end);
  void prefillVectors(Value begin, Value end);
  void prefillTiles(Value begin, Value end);
  void fewRows(Value begin, Value end);

  bool usesTiles() const {
    return e.context.matrixTiles &&
           panels.layout.precision != ir::Precision::Int4;
  }

private:
  bool isInt8() const { return panels.layout.precision == ir::Precision::Int8; }
  int64_t steps() const { return panels.layout.lines() / tileLines; }
  void vectorTile(EncodedTile &tile, Value row, int64_t rows, Value unit,
                  int64_t unitCount, llvm::function_ref<void(Value)> ahead);
  /// Rows and inputs (in steps of 64 bytes) that a group is multiplied with.
  struct Part {
    int64_t rowTiles;
    Value firstRow, lastRow, begin, end;
    Value isFirst; // i1: of the parts of the inputs
  };
  void tileGroup(Value unit, int64_t unitCount, const Part &part,
                 Value results);
  void finishBlock(Value row, int64_t rows, Value unit, int64_t unitCount,
                   Value results);
  /// Memory for the sums of a block.
  Value makeResults(int64_t rowTiles, int64_t panelCount) {
    if (residual)
      return epilogue.resultRows()->memory;
    return e.scratch({rowTiles * ashlar::tileRows, panelCount * panelWidth},
                     isInt8() ? Type(e.getI32Type()) : Type(e.getF32Type()));
  }
  void prefetchNext(Value panel, int64_t width, Value step, Value slice,
                    Value share);

  Emitter &e;
  LinearEpilogue epilogue;
  OperandView input;
  PanelView panels;
  std::optional<RowsView> residual; // what the sums begin with
  int64_t capacity;
};
} // namespace

void EncodedLinear::vectorTile(EncodedTile &tile, Value row, int64_t rows,
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
    sums = tile.addBf16(sums, rows, panel, width,
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

void EncodedLinear::decode(Value begin, Value end) {
  EncodedTile tile(e, input, panels, /*mostRows=*/1);
  Value zero = e.index(0);
  tile.loadRows(zero, 1);
  int64_t parts = epilogue.unitPanels;
  e.stepwise(begin, end, std::max<int64_t>(1, streams / parts),
             [&](Value unit, int64_t count) {
               Value first = e.mul(e.mul(unit, parts), panels.layout.lines());
               auto ahead = [&](Value line) {
                 int64_t lines = panels.layout.lines(), width = count * parts;
                 Value later = e.add(
                     first, e.aheadInPanels(line, prefetchLines, lines, width));
                 for (int64_t p = 0; p < width; ++p)
                   e.prefetch(panels.lines, {e.add(later, p * lines), zero},
                              /*locality=*/3);
               };
               vectorTile(tile, zero, 1, unit, count, ahead);
             });
}

/// Two chains for each result: half of the rows that float32 takes.
void EncodedLinear::prefillVectors(Value begin, Value end) {
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

/// Brings slice `slice` (`share` lines) of the tiles of step `step` of panels
/// [panel, panel + width) into L2.
void EncodedLinear::prefetchNext(Value panel, int64_t width, Value step,
                                 Value slice, Value share) {
  Value first = e.add(e.mul(step, tileLines), slice);
  e.loop(first, e.add(first, share), 1, [&](Value line) {
    for (int64_t p = 0; p < width; ++p) {
      Value start = e.mul(e.add(panel, p), panels.layout.lines());
      e.prefetch(panels.lines, {e.add(start, line), e.index(0)},
                 /*locality=*/2);
    }
  });
}

/// A group of panels times a part of the rows and inputs, in blocks; behind the
/// last inputs of each block its epilogue.
void EncodedLinear::tileGroup(Value unit, int64_t unitCount, const Part &part,
                              Value results) {
  int64_t width = unitCount * epilogue.unitPanels;
  int64_t blockRows = part.rowTiles * ashlar::tileRows;
  Value panel = e.mul(unit, epilogue.unitPanels);
  Value blocks = e.ceilDiv(e.sub(part.lastRow, part.firstRow), blockRows);
  // Of each panel of the next group, lines for each step of this one.
  Value share = arith::DivUIOp::create(e, e.add(blocks, tileLines - 1), blocks);
  e.loop(part.firstRow, part.lastRow, blockRows, [&](Value row) {
    auto a = [&](int64_t i, Value step) {
      return firstLineOfTile(e, input, e.add(row, i * ashlar::tileRows), step);
    };
    auto b = [&](int64_t i, Value step) {
      return e.add(e.mul(e.add(panel, i), panels.layout.lines()),
                   e.mul(step, tileLines));
    };
    Value slice = arith::MulIOp::create(
        e, e.div(e.sub(row, part.firstRow), blockRows), share);
    auto ahead = [&](Value step) {
      prefetchNext(e.add(panel, width), width, step, slice, share);
    };
    TileBlock block;
    block.isInt8 = isInt8();
    block.rowTiles = part.rowTiles;
    block.panels = width;
    block.a = a;
    block.b = b;
    block.aLines = input.lines;
    block.bLines = panels.lines;
    block.streamA = true;
    block.ahead = ahead;
    block.results = results;
    if (!residual) {
      block.firstRow = block.firstColumn = e.index(0);
      emitTileBlock(e, block, part.begin, part.end,
                    arith::ConstantIntOp::create(e, 1, 1));
      return finishBlock(row, blockRows, unit, unitCount, results);
    }
    block.firstRow = row;
    block.firstColumn = e.mul(panel, panelWidth);
    auto multiply = [&] {
      emitTileBlock(e, block, part.begin, part.end,
                    arith::ConstantIntOp::create(e, 0, 1));
    };
    auto begin = [&] {
      block.starts = residual->memory;
      multiply();
      block.starts = {};
    };
    e.when(part.isFirst, begin, multiply);
    if (epilogue.hasBias())
      e.when(e.equal(part.end, steps()),
             [&] { finishBlock(row, blockRows, unit, unitCount, results); });
  });
}

/// The epilogue of a block of sums.
void EncodedLinear::finishBlock(Value row, int64_t rows, Value unit,
                                int64_t unitCount, Value results) {
  int64_t parts = epilogue.unitPanels;
  epilogue.finish(
      row, rows, unit, unitCount, [&](Value r, Value u, int64_t part) {
        Value inTile = e.add(e.mul(u, parts), part);
        SmallVector<Value> at{r, e.mul(inTile, panelWidth)};
        if (residual)
          at = {e.add(row, r),
                e.mul(e.add(e.mul(unit, parts), inTile), panelWidth)};
        Value sum = vector::LoadOp::create(
            e, isInt8() ? intVector(e) : e.vectorType(), results, at);
        if (isInt8()) {
          Value scale = e.broadcast(e.load(input.scales, e.add(row, r)));
          Value panel = e.add(e.mul(unit, parts), inTile);
          sum = scaleInt8(e, panels, sum, panel, scale);
        }
        if (epilogue.hasBias())
          sum = e.addf(sum, epilogue.biasOf(e.add(unit, u), part));
        return sum;
      });
}

void EncodedLinear::prefillTiles(Value begin, Value end) {
  constexpr int64_t rowTiles = 2, panelsAtOnce = 2;
  int64_t blockRows = rowTiles * ashlar::tileRows;
  // Sums that the result's rows can hold: as many inputs as leave place for
  // enough rows.
  int64_t parts =
      residual ? ashlar::ceilDiv(steps() * lineBytes, partBytes) : 1;
  int64_t partSteps = ashlar::ceilDiv(steps(), parts);
  int64_t chunk =
      std::clamp(chunkBytes / (partSteps * lineBytes) / blockRows * blockRows,
                 2 * blockRows, roundUp(capacity, blockRows));
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
      e.stepwise(begin, end, panelsAtOnce / epilogue.unitPanels,
                 [&](Value unit, int64_t unitCount) {
                   tileGroup(unit, unitCount, part, results);
                 });
    });
  });
}

void EncodedLinear::fewRows(Value begin, Value end) {
  constexpr int64_t rowTiles = 1, panelsAtOnce = 4;
  Value results = makeResults(rowTiles, panelsAtOnce);
  Value zero = e.index(0);
  Part part{rowTiles,         zero,
            e.tokens(),       zero,
            e.index(steps()), arith::ConstantIntOp::create(e, 1, 1)};
  e.stepwise(begin, end, panelsAtOnce / epilogue.unitPanels,
             [&](Value unit, int64_t unitCount) {
               tileGroup(unit, unitCount, part, results);
             });
}

void ashlar::emitEncodedLinear(Emitter &e, ir::LinearOp op, int64_t capacity) {
  LinearShape shape(op);
  // Shares in whole groups of panels, as far as there are enough of them.
  int64_t group = std::max<int64_t>(1, streams / shape.unitPanels);
  group = std::min(group, std::max<int64_t>(1, shape.units / 16));
  int64_t groups = ashlar::ceilDiv(shape.units, group);
  e.phase(phaseName(op), e.index(groups), [&](Value first, Value last) {
    EncodedLinear body(e, op, capacity);
    Value begin = e.mul(first, group);
    Value end = e.min(e.mul(last, group), e.index(shape.units));
    auto manyRows = [&] {
      if (!body.usesTiles())
        return body.prefillVectors(begin, end);
      e.when(
          e.less(e.tokens(), e.index(ashlar::tileRows + 1)),
          [&] { body.fewRows(begin, end); },
          [&] { body.prefillTiles(begin, end); });
    };
    e.when(e.equal(e.tokens(), 1), [&] { body.decode(begin, end); }, manyRows);
  });
}
