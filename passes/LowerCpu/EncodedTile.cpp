//===- EncodedTile.cpp - The register tile of bf16, int8 and int4 --------===//
//
// The rows, and bf16; int8 and int4 are in EncodedTileBytes.cpp.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedTile.h"

using namespace mlir;
using namespace ashlar;

/// Of a worker's stack, for rows in the tile's form, if it is more than one.
static constexpr int64_t loadedBytes = 512 * 1024;

/// Words of a part of a loaded row. An odd number of lines: where rows lie 4
/// KiB apart, they share a set of L1.
static int64_t rowWords(const OperandView &input) {
  return (input.layout.lines() | 1) * panelWidth;
}

int64_t EncodedTile::rowsOf(Emitter &e, const OperandView &input,
                            ir::Precision precision) {
  int64_t rows = e.context.tile.rows;
  if (e.context.vectorBits >= 512)
    rows = rows / 2; // bf16 has two chains for each result
  else if (precision != ir::Precision::Int8)
    rows = rows * 2 / 3; // what the loops give is added to sums outside of them
  int64_t rowBytes = 2 * rowWords(input) * int64_t(sizeof(float));
  return std::max<int64_t>(1, std::min(rows, loadedBytes / rowBytes));
}

EncodedTile::EncodedTile(Emitter &e, const OperandView &input,
                         const PanelView &panels, int64_t mostRows)
    : e(e), input(input), panels(panels), vnni(e.context.vnni) {
  int64_t words = rowWords(input);
  if (isBf16())
    loaded = e.scratch({mostRows, 2, words});
  else
    loaded =
        e.scratch({mostRows, vnni || isInt4() ? 1 : 2, words}, e.getI32Type());
}

static void nothing(Value) {}

void EncodedTile::loadRows(Value row, int64_t rows) {
  loadRows(row, rows, e.index(0), e.index(input.layout.lines()));
}

void EncodedTile::loadRows(Value row, int64_t rows, Value begin, Value end) {
  firstRow = row;
  for (int64_t r = 0; r < rows; ++r)
    e.loop(begin, end, 1, [&](Value line) {
      Value words =
          loadLine(e, input.lines, lineOf(e, input, e.add(row, r), line));
      Value at = e.mul(line, panelWidth);
      auto keep = [&](Value value, int64_t part) {
        e.storeVector(value, loaded, {e.index(r), e.index(part), at});
      };
      if (isBf16()) {
        keep(evenFloats(e, words), 0);
        keep(oddFloats(e, words), 1);
      } else if (isInt4()) {
        keep(words, 0);
      } else if (!vnni) {
        keep(bitcast(e, widen(e, words, false), e.getI32Type(), panelWidth), 0);
        keep(bitcast(e, widen(e, words, true), e.getI32Type(), panelWidth), 1);
      } else {
        // vpdpbusd wants one side unsigned: + 128, taken off in the end.
        keep(arith::XOrIOp::create(
                 e, words, intSplat(e, static_cast<int32_t>(0x80808080u))),
             0);
      }
    });
}

Value EncodedTile::lineIndex(Value panel, Value line) {
  return e.add(e.mul(panel, panels.layout.lines()), line);
}

void EncodedTile::choosePanels(Value first, int64_t count) {
  tilePanels.clear();
  for (int64_t p = 0; p < count; ++p)
    tilePanels.push_back(e.add(first, p));
}

SmallVector<Value> EncodedTile::multiply(int64_t rows, Value firstPanel,
                                         int64_t count, Ahead ahead) {
  choosePanels(firstPanel, count);
  if (isBf16())
    return multiplyBf16(rows, Values(rows * count, e.splat(0.0)), e.index(0),
                        e.index(panels.layout.lines()), ahead);
  return isInt4() ? multiplyInt4(rows, ahead) : multiplyInt8(rows, ahead);
}

SmallVector<Value> EncodedTile::addBf16(ValueRange sums, int64_t rows,
                                        Value firstPanel, int64_t count,
                                        Value begin, Value end, Ahead ahead) {
  choosePanels(firstPanel, count);
  return multiplyBf16(rows, sums, begin, end, ahead);
}

SmallVector<Value> EncodedTile::multiplyBf16(int64_t rows, ValueRange start,
                                             Value begin, Value end,
                                             Ahead ahead) {
  return e.loop(
      begin, end, blockLines, start, [&](Value block, ValueRange sums) {
        Values chains; // [even, odd][rows][panels]
        for (const Parts &parts : turnsOf(rows))
          chains.append(
              addChains(rows, block, parts, chains.empty() ? ahead : nothing));
        Values next;
        for (size_t i = 0; i < sums.size(); ++i)
          next.push_back(
              e.addf(sums[i], e.addf(chains[i], chains[sums.size() + i])));
        return next;
      });
}

SmallVector<EncodedTile::Parts> EncodedTile::turnsOf(int64_t rows) const {
  if (vnni && !isBf16())
    return {{0}};
  if (e.context.vectorBits < 512 && rows > 1)
    return {{0}, {1}};
  return {{0, 1}};
}

SmallVector<Value> EncodedTile::loadLines(Value line) {
  Values lines;
  for (Value panel : tilePanels) {
    Value index = lineIndex(panel, line);
    if (!panels.areBytes) {
      lines.push_back(loadLine(e, panels.lines, index));
      continue;
    }
    auto type = VectorType::get({2 * panelWidth}, e.getI8Type());
    Value bytes = vector::LoadOp::create(e, type, panels.lines,
                                         ValueRange{index, e.index(0)});
    lines.push_back(bitcast(e, bytes, e.getI16Type(), panelWidth));
  }
  return lines;
}

Value EncodedTile::floatsOf(Value words, int part) {
  if (!panels.areBytes)
    return part ? oddFloats(e, words) : evenFloats(e, words);
  Value numbers = arith::ExtSIOp::create(e, intVector(e),
                                         widen(e, words, /*odd=*/part == 1));
  return arith::SIToFPOp::create(e, e.vectorType(), numbers);
}

/// Sums of `parts` (0: the even inputs, 1: the odd ones) of a block of lines:
/// [parts][rows][panels].
SmallVector<Value> EncodedTile::addChains(int64_t rows, Value block,
                                          const Parts &parts, Ahead ahead) {
  Values zeros(parts.size() * rows * tilePanels.size(), e.splat(0.0));
  return e.loop(block, e.add(block, blockLines), 1, zeros,
                [&](Value line, ValueRange chains) {
                  ahead(line);
                  Values words = loadLines(line), next;
                  for (int part : parts) {
                    Values numbers;
                    for (Value pairs : words)
                      numbers.push_back(floatsOf(pairs, part));
                    for (int64_t r = 0; r < rows; ++r) {
                      Value a = broadcast(r, part, line);
                      for (Value b : numbers)
                        next.push_back(e.fma(a, b, chains[next.size()]));
                    }
                  }
                  return next;
                });
}

Value EncodedTile::broadcast(int64_t row, int64_t part, Value at) {
  Value number = e.load(loaded, {e.index(row), e.index(part), at});
  return vector::BroadcastOp::create(
      e, VectorType::get({panelWidth}, number.getType()), number);
}
