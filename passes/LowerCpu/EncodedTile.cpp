//===- EncodedTile.cpp - The register tile of bf16, int8 and int4 --------===//
//
// The rows, and bf16; int8 and int4 are in EncodedTileBytes.cpp.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedTile.h"

using namespace mlir;
using namespace ashlar;

/// Of a worker's stack and of L2, for rows in the tile's form.
static constexpr int64_t loadedBytes = 512 * 1024;

/// Words of a part of a loaded row. An odd number of lines: where rows lie 4
/// KiB apart, they share a set of L1.
static int64_t rowWords(const OperandLayout &input) {
  return (input.lines() | 1) * panelWidth;
}

/// Parts of a loaded row.
static int64_t partsOfRow(Emitter &e, ir::Precision precision) {
  bool isWhole = precision == ir::Precision::Int4 ||
                 (precision == ir::Precision::Int8 && e.context.vnni);
  return isWhole ? 1 : 2;
}

int64_t EncodedTile::placesFor(Emitter &e, const OperandLayout &input,
                               ir::Precision precision) {
  int64_t words = partsOfRow(e, precision) * rowWords(input);
  return std::max<int64_t>(1, loadedBytes / (words * int64_t(sizeof(float))));
}

int64_t EncodedTile::rowsOf(Emitter &e, const OperandLayout &input,
                            ir::Precision precision) {
  int64_t rows = e.context.tile.rows;
  if (e.context.vectorBits < 512 && precision != ir::Precision::Int8)
    rows = rows * 2 / 3; // what the loops give is added to sums outside of them
  int64_t most = placesFor(e, input, precision);
  // Or a power of two: places for rows are whole ones of these.
  return rows <= most ? rows : llvm::bit_floor(static_cast<uint64_t>(most));
}

EncodedTile::EncodedTile(Emitter &e, const OperandView &input,
                         const PanelView &panels, int64_t places)
    : e(e), input(input), panels(panels), vnni(e.context.vnni) {
  loaded = e.scratch(
      {places, partsOfRow(e, panels.layout.precision), rowWords(input.layout)},
      isBf16() ? Type(e.getF32Type()) : e.getI32Type());
}

void EncodedTile::chooseRows(Value row, Value place) {
  firstRow = row;
  firstPlace = place;
}

void EncodedTile::loadRows(Value row, int64_t rows, Value place) {
  loadRows(row, rows, place, e.index(0), e.index(input.layout.lines()));
}

void EncodedTile::loadRows(Value row, int64_t rows, Value place, Value begin,
                           Value end) {
  chooseRows(row, place);
  // All rows of a line: in tiles of AMX they lie side by side.
  e.loop(begin, end, 1, [&](Value line) {
    Value at = e.mul(line, panelWidth);
    for (int64_t r = 0; r < rows; ++r) {
      Value words =
          loadLine(e, input.lines, lineOf(e, input, e.add(row, r), line));
      auto keep = [&](Value value, int64_t part) {
        e.storeVector(value, loaded, {e.add(place, r), e.index(part), at});
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
        Value flipped = arith::XOrIOp::create(
            e, words, intSplat(e, static_cast<int32_t>(0x80808080u)));
        keep(flipped, 0);
      }
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
                                         int64_t count,
                                         const TileAhead &ahead) {
  choosePanels(firstPanel, count);
  if (isBf16())
    return multiplyBf16(rows, Values(rows * count, e.splat(0.0)), e.index(0),
                        e.index(panels.layout.lines()), ahead);
  return isInt4() ? multiplyInt4(rows, ahead) : multiplyInt8(rows, ahead);
}

SmallVector<Value> EncodedTile::addBf16(ValueRange sums, int64_t rows,
                                        Value firstPanel, int64_t count,
                                        Value begin, Value end,
                                        const TileAhead &ahead) {
  choosePanels(firstPanel, count);
  return multiplyBf16(rows, sums, begin, end, ahead);
}

SmallVector<Value> EncodedTile::multiplyBf16(int64_t rows, ValueRange start,
                                             Value begin, Value end,
                                             const TileAhead &ahead) {
  return e.loop(
      begin, end, blockLines, start, [&](Value block, ValueRange sums) {
        if (ahead.block)
          ahead.block(block, blockLines);
        Values chains; // [even, odd][rows][panels]
        for (const Parts &parts : turnsOf(rows)) {
          bool first = chains.empty();
          chains.append(addChains(rows, block, parts, [&](Value line) {
            if (first)
              ahead.line(line);
          }));
        }
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
  if (rows > 1 && (e.context.vectorBits < 512 || isBf16()))
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
                                          const Parts &parts,
                                          function_ref<void(Value)> ahead) {
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
  Value number = e.load(loaded, {e.add(firstPlace, row), e.index(part), at});
  return vector::BroadcastOp::create(
      e, VectorType::get({panelWidth}, number.getType()), number);
}
