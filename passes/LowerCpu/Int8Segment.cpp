//===- Int8Segment.cpp - Keys and values kept as int8 ---------------------===//

#include "passes/LowerCpu/Int8Segment.h"
#include "runtime/abi.h"

#include <limits>

using namespace mlir;
using namespace ashlar;

/// Two numbers of each feature or key lie side by side.
static constexpr int64_t lineNumbers = 2 * panelWidth;

void Int8Segment::open(Value base, Value head) {
  constexpr int64_t count = ASHLAR_SEGMENT_KEYS;
  auto view = [&](int64_t at, ArrayRef<int64_t> sizes, Type element) {
    return e.viewBytes(base, e.add(head, at), sizes, element);
  };
  keys = view(0, {count / panelWidth, shape.depth() / 2, lineNumbers},
              e.getI8Type());
  keyPairs = view(0, {count / panelWidth, shape.depth() / 2, panelWidth},
                  e.getI16Type());
  values = view(shape.keyBytes(),
                {shape.paddedHeadDim() / panelWidth, count / 2, lineNumbers},
                e.getI8Type());
  lines[0] =
      view(0, {shape.keyBytes() / lineNumbers, lineNumbers}, e.getI8Type());
  lines[1] =
      view(shape.keyBytes(), {shape.valueBytes() / lineNumbers, lineNumbers},
           e.getI8Type());
  int64_t scales = shape.keyBytes() + shape.valueBytes();
  keyScales = view(scales, {count}, e.getF32Type());
  valueScales =
      view(scales + count * int64_t(sizeof(float)), {count}, e.getF32Type());
}

/// 16 numbers as int8; zeros where the key or the value is not finite.
static Value numbersOf(Emitter &e, Value vector, Value factor, Value finite) {
  return toInt8(e, e.select(finite, e.mulf(vector, factor), e.splat(0.0)));
}

void Int8Segment::store(Value place, Value key, LoadValue value) {
  auto largest = [&](Value bits) -> Value {
    return vector::ReductionOp::create(e, vector::CombiningKind::MAXSI, bits);
  };
  auto larger = [&](Value vector, Value most) -> SmallVector<Value> {
    return {arith::MaxSIOp::create(e, magnitudes(e, vector), most)};
  };
  auto ofKey = [&](Value column, ValueRange most) {
    return larger(e.loadVector(key, {e.index(0), column}), most[0]);
  };
  auto ofValue = [&](Value column, int64_t lanes, ValueRange most) {
    return larger(value(column, lanes), most[0]);
  };
  Value keyBits = largest(e.loop(e.index(0), e.index(shape.headDim), panelWidth,
                                 intSplat(e, 0), ofKey)[0]);
  Value valueBits =
      largest(e.overColumns(shape.headDim, intSplat(e, 0), ofValue)[0]);
  constexpr int32_t infinity = 0x7f800000;
  Value finite =
      arith::CmpIOp::create(e, arith::CmpIPredicate::slt,
                            arith::MaxSIOp::create(e, keyBits, valueBits),
                            arith::ConstantIntOp::create(e, infinity, 32));

  auto storeScale = [&](Value largest, Value scales, double otherwise) {
    Value scale = e.mulf(largest, e.scalar(1.0 / 127.0));
    e.store(e.select(finite, scale, e.scalar(otherwise)), scales, place);
  };
  auto asFloat = [&](Value bits) -> Value {
    return arith::BitcastOp::create(e, e.getF32Type(), bits);
  };
  Value largestOfKey = asFloat(keyBits), largestOfValue = asFloat(valueBits);
  storeScale(largestOfKey, keyScales, std::numeric_limits<double>::quiet_NaN());
  storeScale(largestOfValue, valueScales, 0.0);
  storeKey(place, key, e.broadcast(int8Factor(e, largestOfKey)), finite);
  storeValue(place, value, e.broadcast(int8Factor(e, largestOfValue)), finite);
}

/// Pair by pair: each lies in a line of its own.
void Int8Segment::storeKey(Value place, Value key, Value factor, Value finite) {
  Value panel = e.div(place, panelWidth), lane = e.rem(place, panelWidth);
  e.loop(0, shape.depth(), panelWidth, [&](Value column) {
    Value numbers =
        numbersOf(e, e.loadVector(key, {e.index(0), column}), factor, finite);
    Value pairs = bitcast(e, numbers, e.getI16Type(), panelWidth / 2);
    Value line = e.div(column, 2);
    for (int64_t i = 0; i < panelWidth / 2; ++i)
      e.store(vector::ExtractOp::create(e, pairs, ArrayRef<int64_t>{i}),
              keyPairs, {panel, e.add(line, i), lane});
  });
}

/// Every other byte of a line of each panel.
void Int8Segment::storeValue(Value place, LoadValue value, Value factor,
                             Value finite) {
  Value line = e.div(place, 2), parity = e.rem(place, 2);
  e.overColumns(
      shape.headDim, {}, [&](Value column, int64_t lanes, ValueRange) {
        Value numbers = numbersOf(e, value(column, lanes), factor, finite);
        for (int64_t i = 0; i < panelWidth; ++i)
          e.store(vector::ExtractOp::create(e, numbers, ArrayRef<int64_t>{i}),
                  values,
                  {e.div(column, panelWidth), line, e.add(parity, 2 * i)});
        return SmallVector<Value>();
      });
}

void Int8Segment::clear(Value from, Value to) {
  e.loop(from, to, 1,
         [&](Value key) { e.store(e.scalar(0.0), valueScales, key); });
}

/// numbers[at], 32 of int8, as line `line` of bf16.
void Int8Segment::expandLine(Value numbers, ValueRange at, Value lines,
                             Value line) {
  for (int64_t i = 0; i < lineNumbers; i += panelWidth) {
    Value bytes =
        vector::LoadOp::create(e, VectorType::get({panelWidth}, e.getI8Type()),
                               numbers, ValueRange{at[0], at[1], e.index(i)});
    Value floats = arith::SIToFPOp::create(
        e, e.vectorType(), arith::ExtSIOp::create(e, intVector(e), bytes));
    // Eight bits at most: the lower half of the float is zero.
    Value high = arith::ShRUIOp::create(
        e, bitcast(e, floats, e.getI32Type(), panelWidth), intSplat(e, 16));
    Value halves = arith::TruncIOp::create(
        e, VectorType::get({panelWidth}, e.getI16Type()), high);
    vector::StoreOp::create(e,
                            bitcast(e, halves, e.getI8Type(), 2 * panelWidth),
                            lines, ValueRange{line, e.index(2 * i)});
  }
}

void Int8Segment::expand(Value count, Value keyLines, Value valueLines) {
  auto overLines = [&](Value panels, Value used, int64_t perPanel,
                       Value numbers, Value lines) {
    e.loop(e.index(0), panels, 1, [&](Value panel) {
      e.loop(e.index(0), used, 1, [&](Value line) {
        expandLine(numbers, {panel, line}, lines,
                   e.add(e.mul(panel, perPanel), line));
      });
    });
  };
  int64_t keyDepth = shape.depth() / 2;
  overLines(e.ceilDiv(count, panelWidth), e.index(keyDepth), keyDepth, keys,
            keyLines);
  Value pairs =
      e.mul(e.ceilDiv(count, attentionStepKeys), attentionStepKeys / 2);
  overLines(e.index(shape.paddedHeadDim() / panelWidth), pairs,
            ASHLAR_SEGMENT_KEYS / 2, values, valueLines);
}
