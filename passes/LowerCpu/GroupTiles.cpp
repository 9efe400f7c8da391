//===- GroupTiles.cpp - int4 weights in AMX's tiles ----------------------===//

#include "passes/LowerCpu/GroupTiles.h"
#include "passes/LowerCpu/MatrixTiles.h"

using namespace mlir;
using namespace ashlar;

/// Inputs of a panel that are expanded at a time: 32 KiB.
static constexpr int64_t partInputs = 2048;
/// Inputs of an expanded line.
static constexpr int64_t lineInputs = 4;

GroupTiles::GroupTiles(Emitter &e, const OperandView &input,
                       const PanelView &panels, int64_t mostRows, int64_t count)
    : e(e), input(input), panels(panels),
      partGroups(
          std::min(partInputs / panels.layout.group, panels.layout.groups())) {
  int64_t lines = partGroups * panels.layout.group / lineInputs;
  numbers = e.scratch({lines, lineBytes}, e.getI8Type());
  products = e.scratch({ashlar::tileRows, panelWidth}, e.getI32Type());
  sums = e.scratch({count, mostRows, panelWidth});
}

/// Numbers of groups [firstGroup, lastGroup) minus their zero points.
void GroupTiles::expand(Value panel, Value firstGroup, Value lastGroup) {
  const PanelLayout &layout = panels.layout;
  int64_t groupLines = layout.group / layout.step;
  Value firstLine = e.mul(panel, layout.lines());
  Value nibbles = intSplat(e, 0x0f0f0f0f), four = intSplat(e, 4);
  e.loop(firstGroup, lastGroup, 1, [&](Value group) {
    Value zeros = intSplat(e, 0x08080808);
    if (panels.zeroPoints) {
      Value bytes = vector::LoadOp::create(
          e, VectorType::get({panelWidth}, e.getI8Type()), panels.zeroPoints,
          ValueRange{panel, group, e.index(0)});
      zeros = arith::MulIOp::create(
          e, arith::ExtUIOp::create(e, intVector(e), bytes),
          intSplat(e, 0x01010101));
    }
    Value fromGroup = e.mul(e.sub(group, firstGroup), 2 * groupLines);
    e.loop(0, groupLines, 1, [&](Value i) {
      Value line = e.add(firstLine, e.add(e.mul(group, groupLines), i));
      e.prefetch(panels.lines,
                 {e.add(line, e.context.prefetchLines), e.index(0)},
                 /*locality=*/3);
      Value words = loadLine(e, panels.lines, line);
      auto keep = [&](Value number, int64_t half) {
        Value bytes = arith::SubIOp::create(
            e, bitcast(e, number, e.getI8Type(), lineBytes),
            bitcast(e, zeros, e.getI8Type(), lineBytes));
        Value at = e.add(e.add(fromGroup, e.mul(i, 2)), half);
        vector::StoreOp::create(e, bytes, numbers, ValueRange{at, e.index(0)});
      };
      keep(arith::AndIOp::create(e, words, nibbles), 0);
      keep(arith::AndIOp::create(e, arith::ShRUIOp::create(e, words, four),
                                 nibbles),
           1);
    });
  });
}

/// sums of 16 rows from `row` on += what the expanded groups give; `kept` is
/// where `row` lies in the sums.
void GroupTiles::addGroups(Value row, Value kept, Value panel, int64_t slot,
                           Value firstGroup, Value lastGroup) {
  const PanelLayout &layout = panels.layout;
  TileBlock block;
  block.isInt8 = true;
  block.rowTiles = block.panels = 1;
  block.stepBytes = std::min(layout.group, lineBytes);
  block.aLines = input.lines;
  block.bLines = numbers;
  block.results = products;
  block.firstRow = block.firstColumn = e.index(0);
  block.streamA = true;
  int64_t steps = layout.group / block.stepBytes;
  Value firstStep = e.mul(firstGroup, steps);
  auto a = [&](int64_t, Value step) {
    return firstLineOfTile(e, input, row,
                           e.div(step, lineBytes / block.stepBytes));
  };
  auto b = [&](int64_t, Value step) {
    return e.mul(e.sub(step, firstStep), block.stepBytes / lineInputs);
  };
  block.a = a;
  block.b = b;

  SmallVector<Value> chains;
  auto at = [&](int64_t r) {
    return SmallVector<Value>{e.index(slot), e.add(kept, r), e.index(0)};
  };
  for (int64_t r = 0; r < ashlar::tileRows; ++r)
    chains.push_back(e.loadVector(sums, at(r)));
  chains = e.loop(
      firstGroup, lastGroup, 1, chains, [&](Value group, ValueRange chains) {
        Value begin = e.mul(group, steps);
        emitTileBlock(e, block, begin, e.add(begin, steps),
                      arith::ConstantIntOp::create(e, 1, 1));
        Value scale = loadBf16(e, panels.scales, {panel, group, e.index(0)});
        SmallVector<Value> next;
        for (int64_t r = 0; r < ashlar::tileRows; ++r) {
          Value sum = vector::LoadOp::create(
              e, intVector(e), products, ValueRange{e.index(r), e.index(0)});
          Value number = arith::SIToFPOp::create(e, e.vectorType(), sum);
          next.push_back(e.fma(number, scale, chains[r]));
        }
        return next;
      });
  for (int64_t r = 0; r < ashlar::tileRows; ++r)
    e.storeVector(chains[r], sums, at(r));
}

void GroupTiles::multiply(Value begin, Value end, Value panel, int64_t slot) {
  e.loop(e.index(0), e.sub(end, begin), 1, [&](Value row) {
    e.storeVector(e.splat(0.0), sums, {e.index(slot), row, e.index(0)});
  });
  Value groups = e.index(panels.layout.groups());
  e.loop(e.index(0), groups, partGroups, [&](Value group) {
    Value last = e.min(e.add(group, partGroups), groups);
    expand(panel, group, last);
    e.loop(begin, end, ashlar::tileRows, [&](Value row) {
      addGroups(row, e.sub(row, begin), panel, slot, group, last);
    });
  });
}

Value GroupTiles::result(Value begin, Value row, int64_t slot) {
  Value sum =
      e.loadVector(sums, {e.index(slot), e.sub(row, begin), e.index(0)});
  return e.mulf(sum, e.broadcast(e.load(input.scales, row)));
}
