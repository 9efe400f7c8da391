//===- EncodedTileBytes.cpp - The register tile of int8 and int4 ---------===//
//
// Exact sums of products of bytes. VNNI multiplies four at a time; without it
// int8 goes in pairs of 16 bits, and int4 in bytes whose products are few
// enough for 16 bits.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/EncodedTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace ashlar;

/// Lines of int4 numbers, two words of four inputs each, whose products are
/// summed up in 16 bits.
static constexpr int64_t shortLines = 4;
static_assert(2 * shortLines * 2 * 15 * 127 <= 0x7fff);

Value EncodedTile::widen(Emitter &e, Value words, bool odd) {
  auto type = cast<VectorType>(words.getType());
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  Value pairs = bitcast(e, words, e.getI16Type(), bytes / 2);
  type = cast<VectorType>(pairs.getType());
  Value eight = arith::ConstantOp::create(
      e, DenseElementsAttr::get(type, static_cast<int16_t>(8)));
  if (!odd)
    pairs = arith::ShLIOp::create(e, pairs, eight);
  return arith::ShRSIOp::create(e, pairs, eight);
}

/// An instruction of `lanes` results: that of 512 bits, or that of 256 on both
/// halves.
static Value callOnHalves(Emitter &e, StringRef whole, StringRef half,
                          VectorType result, Value a, Value b) {
  auto call = [&](StringRef name, VectorType type, Value x, Value y) -> Value {
    return LLVM::CallIntrinsicOp::create(e, type, e.getStringAttr(name),
                                         ValueRange{x, y})
        .getResult(0);
  };
  if (e.context.vectorBits == 512)
    return call(whole, result, a, b);
  auto lanesFrom = [](int64_t first, int64_t count) {
    return llvm::to_vector(llvm::seq(first, first + count));
  };
  int64_t lanes = result.getNumElements();
  int64_t operandLanes = cast<VectorType>(a.getType()).getNumElements();
  auto halfType = VectorType::get({lanes / 2}, result.getElementType());
  SmallVector<Value> halves;
  for (int64_t first : {int64_t(0), operandLanes / 2}) {
    SmallVector<int64_t> from = lanesFrom(first, operandLanes / 2);
    halves.push_back(call(half, halfType,
                          vector::ShuffleOp::create(e, a, a, from),
                          vector::ShuffleOp::create(e, b, b, from)));
  }
  return vector::ShuffleOp::create(e, halves[0], halves[1],
                                   lanesFrom(0, lanes));
}

/// sum[n] += a[2n] b[2n] + a[2n + 1] b[2n + 1], of 16 bit numbers.
static Value addPairs(Emitter &e, Value sum, Value a, Value b) {
  Value products = callOnHalves(e, "llvm.x86.avx512.pmaddw.d.512",
                                "llvm.x86.avx2.pmadd.wd", intVector(e), a, b);
  return arith::AddIOp::create(e, sum, products);
}

/// The same of bytes, those of `a` unsigned, and of sums of 16 bits.
static Value addShortPairs(Emitter &e, Value sum, Value a, Value b) {
  Value products = callOnHalves(e, "llvm.x86.avx512.pmaddubs.w.512",
                                "llvm.x86.avx2.pmadd.ub.sw",
                                cast<VectorType>(sum.getType()), a, b);
  return arith::AddIOp::create(e, sum, products);
}

void EncodedTile::addProducts(Values &sums, int64_t rows, int part, Value word,
                              function_ref<Value(size_t)> numbersOf,
                              AddProducts add) {
  size_t width = tilePanels.size();
  if (rows == 1) {
    Value row = broadcast(0, part, word);
    for (size_t p = 0; p < width; ++p)
      sums[p] = add(sums[p], numbersOf(p), row);
    return;
  }
  // Row by row: the numbers of a tile's few panels stay in registers.
  Values numbers;
  for (size_t p = 0; p < width; ++p)
    numbers.push_back(numbersOf(p));
  for (int64_t r = 0; r < rows; ++r) {
    Value row = broadcast(r, part, word);
    for (size_t p = 0; p < width; ++p)
      sums[r * width + p] = add(sums[r * width + p], numbers[p], row);
  }
}

/// With VNNI.
Value EncodedTile::dot(Value sum, Value bytes, Value row) {
  auto asBytes = [&](Value words) {
    return bitcast(e, words, e.getI8Type(), lineBytes);
  };
  Value a = asBytes(row), w = asBytes(bytes);
  // The first factor is unsigned: the row's numbers + 128, or int4 numbers.
  if (isInt4())
    std::swap(a, w);
  return LLVM::CallIntrinsicOp::create(
             e, intVector(e), e.getStringAttr("llvm.x86.avx512.vpdpbusd.512"),
             ValueRange{sum, a, w})
      .getResult(0);
}

Value EncodedTile::rowScale(int64_t row) {
  return e.broadcast(e.load(input.scales, e.add(firstRow, row)));
}

SmallVector<Value> EncodedTile::multiplyInt8(int64_t rows,
                                             const TileAhead &ahead) {
  Values zeros(rows * tilePanels.size(), intSplat(e, 0));
  int64_t lines = panels.layout.lines();
  SmallVector<Parts> turns = turnsOf(rows);
  int64_t block = turns.size() > 1 || ahead.block ? blockLines : lines;
  auto addProduct = [&](Value sum, Value numbers, Value row) -> Value {
    if (vnni)
      return dot(sum, numbers, row);
    return addPairs(e, sum, bitcast(e, row, e.getI16Type(), 2 * panelWidth),
                    numbers);
  };
  auto overBlock = [&](Value begin, ValueRange start) {
    if (ahead.block)
      ahead.block(begin, blockLines);
    Value end = e.min(e.add(begin, block), e.index(lines));
    Values sums(start);
    for (auto [turn, parts] : llvm::enumerate(turns))
      sums = e.loop(begin, end, 1, sums, [&](Value line, ValueRange sums) {
        if (turn == 0)
          ahead.line(line);
        Values next(sums), words = loadLines(line);
        for (int part : parts) {
          auto numbersOf = [&](size_t p) {
            return vnni ? words[p] : widen(e, words[p], /*odd=*/part == 1);
          };
          addProducts(next, rows, part, line, numbersOf, addProduct);
        }
        return next;
      });
    return sums;
  };
  Values sums = e.loop(e.index(0), e.index(lines), block, zeros, overBlock);
  Values results;
  for (int64_t r = 0; r < rows; ++r)
    for (Value panel : tilePanels) {
      Value sum = sums[results.size()];
      if (vnni) {
        Value of = vector::LoadOp::create(e, intVector(e), panels.sums,
                                          ValueRange{panel, e.index(0)});
        sum = arith::SubIOp::create(
            e, sum, arith::ShLIOp::create(e, of, intSplat(e, 7)));
      }
      results.push_back(scaleInt8(e, panels, sum, panel, rowScale(r)));
    }
  return results;
}

Value ashlar::scaleInt8(Emitter &e, const PanelView &panels, Value sum,
                        Value panel, Value rowScale) {
  Value number = arith::SIToFPOp::create(e, e.vectorType(), sum);
  Value scale = e.loadVector(panels.scales, {panel, e.index(0)});
  return e.mulf(e.mulf(number, scale), rowScale);
}

/// `start` plus, of lines [begin, end) of a group, the rows' numbers times int4
/// numbers as they are stored: [rows][panels].
SmallVector<Value> EncodedTile::sumNibbles(ValueRange start, int64_t rows,
                                           Value begin, Value end,
                                           const TileAhead &ahead) {
  Value nibbles = intSplat(e, 0x0f0f0f0f), four = intSplat(e, 4);
  auto addLine = [&](Value line, ValueRange sums, AddProducts add) {
    ahead.line(line);
    Values next(sums), words = loadLines(line);
    Value word = e.mul(line, 2);
    auto low = [&](size_t p) -> Value {
      return arith::AndIOp::create(e, words[p], nibbles);
    };
    auto high = [&](size_t p) -> Value {
      Value shifted = arith::ShRUIOp::create(e, words[p], four);
      return arith::AndIOp::create(e, shifted, nibbles);
    };
    addProducts(next, rows, 0, word, low, add);
    addProducts(next, rows, 0, e.add(word, 1), high, add);
    return next;
  };
  if (vnni)
    return e.loop(begin, end, 1, start, [&](Value line, ValueRange sums) {
      return addLine(line, sums, [&](Value sum, Value numbers, Value row) {
        return dot(sum, numbers, row);
      });
    });
  auto shorts = VectorType::get({2 * panelWidth}, e.getI16Type());
  auto splat = [&](int16_t number) -> Value {
    return arith::ConstantOp::create(e, DenseElementsAttr::get(shorts, number));
  };
  Values noShorts(start.size(), splat(0));
  auto asBytes = [&](Value words) {
    return bitcast(e, words, e.getI8Type(), lineBytes);
  };
  return e.loop(
      begin, end, shortLines, start, [&](Value first, ValueRange sums) {
        Values pairs =
            e.loop(first, e.add(first, shortLines), 1, noShorts,
                   [&](Value line, ValueRange sums) {
                     return addLine(
                         line, sums, [&](Value sum, Value numbers, Value row) {
                           return addShortPairs(e, sum, asBytes(numbers),
                                                asBytes(row));
                         });
                   });
        Values next;
        for (auto [sum, pair] : llvm::zip_equal(sums, pairs))
          next.push_back(addPairs(e, sum, pair, splat(1)));
        return next;
      });
}

SmallVector<Value> EncodedTile::multiplyInt4(int64_t rows,
                                             const TileAhead &ahead) {
  const PanelLayout &layout = panels.layout;
  int64_t lines = layout.group / layout.step;
  assert(lines % shortLines == 0 && "a group is whole sums of 16 bits");
  Values zeros(rows * tilePanels.size(), e.splat(0.0));
  Values results = e.loop(e.index(0), e.index(layout.groups()), 1, zeros,
                          [&](Value group, ValueRange chains) {
                            Value first = e.mul(group, lines);
                            if (ahead.block)
                              ahead.block(first, lines);
                            Values sums =
                                sumNibbles(startOfGroup(rows, group), rows,
                                           first, e.add(first, lines), ahead);
                            return addGroup(rows, group, sums, chains);
                          });
  for (int64_t r = 0; r < rows; ++r)
    for (size_t p = 0; p < tilePanels.size(); ++p) {
      Value &result = results[r * tilePanels.size() + p];
      result = e.mulf(result, rowScale(r));
    }
  return results;
}

/// The sum of a row's numbers of a group, 16 times.
Value EncodedTile::sumOfRow(int64_t row, Value group) {
  return vector::BroadcastOp::create(
      e, intVector(e), e.load(input.sums, {e.add(firstRow, row), group}));
}

/// What sums of a group begin with: where the zero point is 8 for all, what it
/// takes off.
SmallVector<Value> EncodedTile::startOfGroup(int64_t rows, Value group) {
  Values start;
  for (int64_t r = 0; r < rows; ++r) {
    Value first = intSplat(e, 0);
    if (!panels.zeroPoints)
      first = arith::MulIOp::create(e, sumOfRow(r, group), intSplat(e, -8));
    start.append(tilePanels.size(), first);
  }
  return start;
}

/// chains + (sums - zero point * sum of the row's numbers) * scale, the zero
/// point if it is not in the sums. All numbers but the scale are integers below
/// 2^24: nothing of them is rounded.
SmallVector<Value> EncodedTile::addGroup(int64_t rows, Value group,
                                         ValueRange sums, ValueRange chains) {
  auto toFloat = [&](Value numbers) -> Value {
    return arith::SIToFPOp::create(e, e.vectorType(), numbers);
  };
  Values zeroPoints, scales; // of the panels, the first ones negative
  for (Value panel : tilePanels) {
    SmallVector<Value> at{panel, group, e.index(0)};
    auto load = [&](Value memory, Type element) -> Value {
      Value numbers = vector::LoadOp::create(
          e, VectorType::get({panelWidth}, element), memory, at);
      return arith::ExtUIOp::create(e, intVector(e), numbers);
    };
    if (panels.zeroPoints) {
      Value numbers = load(panels.zeroPoints, e.getI8Type());
      zeroPoints.push_back(
          toFloat(arith::SubIOp::create(e, intSplat(e, 0), numbers)));
    }
    scales.push_back(evenFloats(e, load(panels.scales, e.getI16Type())));
  }
  Values next;
  for (int64_t r = 0; r < rows; ++r) {
    Value ofRow = panels.zeroPoints ? toFloat(sumOfRow(r, group)) : Value();
    for (size_t p = 0; p < tilePanels.size(); ++p) {
      Value number = toFloat(sums[next.size()]);
      if (ofRow)
        number = e.fma(zeroPoints[p], ofRow, number);
      next.push_back(e.fma(number, scales[p], chains[next.size()]));
    }
  }
  return next;
}
