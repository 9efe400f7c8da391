//===- EncodedTile.cpp - The register tile of bf16, int8 and int4 --------===//

#include "passes/LowerCpu/EncodedTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace ashlar;

/// Lines of a tile's 32 inputs.
static constexpr int64_t bf16Block = 16;

EncodedTile::EncodedTile(Emitter &e, const OperandView &input,
                         const PanelView &panels, int64_t mostRows)
    : e(e), input(input), panels(panels), vnni(e.context.vnni) {
  int64_t words = input.layout.lines() * panelWidth;
  if (isBf16())
    loaded = e.scratch({mostRows, 2, words});
  else
    loaded = e.scratch({mostRows, vnni ? 1 : 2, words}, e.getI32Type());
}

/// Inputs 0 and 2 (or 1 and 3) of each word of four bytes as 16 bit numbers.
static Value widen(Emitter &e, Value words, bool odd) {
  Value pairs = bitcast(e, words, e.getI16Type(), 2 * panelWidth);
  auto type = cast<VectorType>(pairs.getType());
  Value eight = arith::ConstantOp::create(
      e, DenseElementsAttr::get(type, static_cast<int16_t>(8)));
  if (!odd)
    pairs = arith::ShLIOp::create(e, pairs, eight);
  return arith::ShRSIOp::create(e, pairs, eight);
}

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
      } else if (!vnni) {
        keep(bitcast(e, widen(e, words, false), e.getI32Type(), panelWidth), 0);
        keep(bitcast(e, widen(e, words, true), e.getI32Type(), panelWidth), 1);
      } else if (isInt4()) {
        keep(words, 0);
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
  int64_t count = rows * tilePanels.size();
  Values twice(2 * count, e.splat(0.0));
  return e.loop(
      begin, end, bf16Block, start, [&](Value block, ValueRange sums) {
        // [even, odd] of each result.
        Values chains =
            e.loop(block, e.add(block, bf16Block), 1, twice,
                   [&](Value line, ValueRange chains) {
                     ahead(line);
                     Values next, even, odd;
                     for (Value panel : tilePanels) {
                       Value words =
                           loadLine(e, panels.lines, lineIndex(panel, line));
                       even.push_back(evenFloats(e, words));
                       odd.push_back(oddFloats(e, words));
                     }
                     for (int64_t r = 0; r < rows; ++r) {
                       auto a = [&](int64_t part) {
                         return e.broadcast(
                             e.load(loaded, {e.index(r), e.index(part), line}));
                       };
                       Value evenA = a(0), oddA = a(1);
                       for (size_t p = 0; p < tilePanels.size(); ++p) {
                         size_t at = next.size();
                         next.push_back(e.fma(evenA, even[p], chains[at]));
                         next.push_back(e.fma(oddA, odd[p], chains[at + 1]));
                       }
                     }
                     return next;
                   });
        Values next;
        for (int64_t i = 0; i < count; ++i)
          next.push_back(
              e.addf(sums[i], e.addf(chains[2 * i], chains[2 * i + 1])));
        return next;
      });
}

/// sum[n] += a[2n] b[2n] + a[2n + 1] b[2n + 1], of 16 bit numbers.
Value EncodedTile::multiplyAddPairs(Value sum, Value a, Value b) {
  auto call = [&](StringRef name, Value x, Value y, int64_t lanes) {
    return LLVM::CallIntrinsicOp::create(
               e, VectorType::get({lanes}, e.getI32Type()),
               e.getStringAttr(name), ValueRange{x, y})
        .getResult(0);
  };
  if (e.context.vectorBits == 512)
    return arith::AddIOp::create(
        e, sum, call("llvm.x86.avx512.pmaddw.d.512", a, b, panelWidth));
  SmallVector<Value> halves;
  for (int64_t half : {0, 1}) {
    SmallVector<int64_t> lanes;
    for (int64_t i = 0; i < panelWidth; ++i)
      lanes.push_back(half * panelWidth + i);
    Value x = vector::ShuffleOp::create(e, a, a, lanes);
    Value y = vector::ShuffleOp::create(e, b, b, lanes);
    halves.push_back(call("llvm.x86.avx2.pmadd.wd", x, y, panelWidth / 2));
  }
  SmallVector<int64_t> all;
  for (int64_t i = 0; i < panelWidth; ++i)
    all.push_back(i);
  return arith::AddIOp::create(
      e, sum, vector::ShuffleOp::create(e, halves[0], halves[1], all));
}

Value EncodedTile::dot(Value sum, Value bytes, int64_t row, Value word) {
  auto broadcast = [&](int64_t part) -> Value {
    Value a = e.load(loaded, {e.index(row), e.index(part), word});
    return vector::BroadcastOp::create(e, intVector(e), a);
  };
  auto asBytes = [&](Value words) {
    return bitcast(e, words, e.getI8Type(), lineBytes);
  };
  if (!vnni) {
    for (bool odd : {false, true}) {
      Value a = bitcast(e, broadcast(odd), e.getI16Type(), 2 * panelWidth);
      sum = multiplyAddPairs(sum, a, widen(e, bytes, odd));
    }
    return sum;
  }
  Value a = asBytes(broadcast(0)), w = asBytes(bytes);
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

SmallVector<Value> EncodedTile::multiplyInt8(int64_t rows, Ahead ahead) {
  Values zeros(rows * tilePanels.size(), intSplat(e, 0));
  Values sums = e.loop(
      e.index(0), e.index(panels.layout.lines()), 1, zeros,
      [&](Value line, ValueRange sums) {
        ahead(line);
        Values next, bytes;
        for (Value panel : tilePanels)
          bytes.push_back(loadLine(e, panels.lines, lineIndex(panel, line)));
        for (int64_t r = 0; r < rows; ++r)
          for (Value b : bytes)
            next.push_back(dot(sums[next.size()], b, r, line));
        return next;
      });
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

SmallVector<Value> EncodedTile::multiplyInt4(int64_t rows, Ahead ahead) {
  const PanelLayout &layout = panels.layout;
  int64_t count = rows * tilePanels.size(), lines = layout.group / layout.step;
  Values zeros(count, e.splat(0.0)), none(count, intSplat(e, 0));
  Value nibbles = intSplat(e, 0x0f0f0f0f), four = intSplat(e, 4);
  Values results =
      e.loop(e.index(0), e.index(layout.groups()), 1, zeros,
             [&](Value group, ValueRange chains) {
               Value first = e.mul(group, lines);
               Values sums = e.loop(
                   first, e.add(first, lines), 1, none,
                   [&](Value line, ValueRange sums) {
                     ahead(line);
                     Values next, low, high;
                     for (Value panel : tilePanels) {
                       Value words =
                           loadLine(e, panels.lines, lineIndex(panel, line));
                       low.push_back(arith::AndIOp::create(e, words, nibbles));
                       high.push_back(arith::AndIOp::create(
                           e, arith::ShRUIOp::create(e, words, four), nibbles));
                     }
                     Value word = e.mul(line, 2);
                     for (int64_t r = 0; r < rows; ++r)
                       for (size_t p = 0; p < tilePanels.size(); ++p) {
                         Value sum = dot(sums[next.size()], low[p], r, word);
                         next.push_back(dot(sum, high[p], r, e.add(word, 1)));
                       }
                     return next;
                   });
               return addGroup(rows, group, sums, chains);
             });
  for (int64_t r = 0; r < rows; ++r)
    for (size_t p = 0; p < tilePanels.size(); ++p) {
      Value &result = results[r * tilePanels.size() + p];
      result = e.mulf(result, rowScale(r));
    }
  return results;
}

/// chains + (sums - zero point * sum of the row's numbers) * scale.
SmallVector<Value> EncodedTile::addGroup(int64_t rows, Value group,
                                         ValueRange sums, ValueRange chains) {
  Values zeroPoints, scales;
  for (Value panel : tilePanels) {
    SmallVector<Value> at{panel, group, e.index(0)};
    auto load = [&](Value memory, Type element) -> Value {
      Value numbers = vector::LoadOp::create(
          e, VectorType::get({panelWidth}, element), memory, at);
      return arith::ExtUIOp::create(e, intVector(e), numbers);
    };
    zeroPoints.push_back(panels.zeroPoints
                             ? load(panels.zeroPoints, e.getI8Type())
                             : intSplat(e, 8));
    scales.push_back(evenFloats(e, load(panels.scales, e.getI16Type())));
  }
  Values next;
  for (int64_t r = 0; r < rows; ++r) {
    Value ofRow = vector::BroadcastOp::create(
        e, intVector(e), e.load(input.sums, {e.add(firstRow, r), group}));
    for (size_t p = 0; p < tilePanels.size(); ++p) {
      Value sum = arith::SubIOp::create(
          e, sums[next.size()], arith::MulIOp::create(e, zeroPoints[p], ofRow));
      Value number = arith::SIToFPOp::create(e, e.vectorType(), sum);
      next.push_back(e.fma(number, scales[p], chains[next.size()]));
    }
  }
  return next;
}
