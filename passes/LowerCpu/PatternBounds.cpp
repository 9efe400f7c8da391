//===- PatternBounds.cpp - What boxes of queries and keys see -------------===//

#include "passes/LowerCpu/PatternBounds.h"

#include "runtime/abi.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ashlar;

//===----------------------------------------------------------------------===//
// Values of generated code
//===----------------------------------------------------------------------===//

static Value asLanes(Emitter &e, Value value) {
  if (isa<VectorType>(value.getType()))
    return value;
  if (value.getType().isIndex())
    value = arith::IndexCastOp::create(e, e.getI32Type(), value);
  auto type = VectorType::get({panelWidth}, value.getType());
  return vector::BroadcastOp::create(e, type, value);
}

void EmitterWords::match(Value &a, Value &b) {
  if (isa<VectorType>(a.getType()) == isa<VectorType>(b.getType()))
    return;
  a = asLanes(e, a);
  b = asLanes(e, b);
}

/// `value` of the type of `like`.
static Value constantLike(Emitter &e, Value like, int64_t value) {
  return isa<VectorType>(like.getType()) ? asLanes(e, e.index(value))
                                         : e.index(value);
}

Value EmitterWords::truth(bool value) {
  return arith::ConstantIntOp::create(e, value, 1);
}

Value EmitterWords::add(Value a, Value b) {
  match(a, b);
  return arith::AddIOp::create(e, a, b);
}

Value EmitterWords::sub(Value a, Value b) {
  match(a, b);
  return arith::SubIOp::create(e, a, b);
}

Value EmitterWords::mul(Value a, int64_t b) {
  return b == 1
             ? a
             : arith::MulIOp::create(e, a, constantLike(e, a, b)).getResult();
}

Value EmitterWords::div(Value a, int64_t b) {
  return b == 1
             ? a
             : arith::DivUIOp::create(e, a, constantLike(e, a, b)).getResult();
}

Value EmitterWords::rem(Value a, Value b) {
  return arith::RemUIOp::create(e, a, b);
}

Value EmitterWords::exclusiveOr(Value a, Value b) {
  return arith::XOrIOp::create(e, a, b);
}

Value EmitterWords::shiftRight(Value a, int64_t bits) {
  return arith::ShRUIOp::create(e, a, e.index(bits));
}

Value EmitterWords::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  match(a, b);
  return arith::CmpIOp::create(e, predicate, a, b);
}

Value EmitterWords::both(Value a, Value b) {
  match(a, b);
  return arith::AndIOp::create(e, a, b);
}

Value EmitterWords::either(Value a, Value b) {
  match(a, b);
  return arith::OrIOp::create(e, a, b);
}

Value EmitterWords::negate(Value a) {
  Value yes = truth(true);
  match(a, yes);
  return arith::XOrIOp::create(e, a, yes);
}

Value EmitterWords::anyOf(Value first, Value last, Value none,
                          llvm::function_ref<Value(Value)> body) {
  auto step = [&](Value i, ValueRange found) {
    return SmallVector<Value>{either(found[0], body(i))};
  };
  return e.loop(first, e.add(last, 1), 1, none, step)[0];
}

Value EmitterWords::markedBefore(Value index) {
  return e.loadIndex(marks.before, {e.add(marks.firstRow, index)});
}

Value EmitterWords::lanesMarkedBefore(Value index) {
  auto type = VectorType::get({panelWidth}, e.getI32Type());
  return vector::LoadOp::create(e, type, marks.before,
                                ValueRange{e.add(marks.firstRow, index)});
}

Value EmitterWords::marked(Value first, Value last, bool every) {
  if (isa<VectorType>(first.getType())) {
    Value count = sub(lanesMarkedBefore(e.add(firstLane, 1)),
                      lanesMarkedBefore(firstLane));
    return less(e.index(0), count);
  }
  Value count = sub(markedBefore(e.add(last, 1)), markedBefore(first));
  return every ? less(sub(last, first), count) : less(e.index(0), count);
}

Value EmitterWords::lanesFrom(Value first) {
  firstLane = first;
  SmallVector<int32_t> numbers;
  for (int32_t i = 0; i < panelWidth; ++i)
    numbers.push_back(i);
  auto type = VectorType::get({panelWidth}, e.getI32Type());
  Value lanes = arith::ConstantOp::create(
      e, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  return arith::AddIOp::create(e, lanes, asLanes(e, first));
}

//===----------------------------------------------------------------------===//
// Whole patterns
//===----------------------------------------------------------------------===//

Attribute ashlar::wholePattern(ir::AttentionOp op) {
  MLIRContext *context = op.getContext();
  SmallVector<Attribute> parts;
  if (op.getMask() == ir::MaskKind::Causal)
    parts.push_back(ir::NearAttr::get(context, -1, 0, 1));
  if (std::optional<int64_t> window = op.getWindow())
    parts.push_back(ir::NearAttr::get(context, *window - 1, *window - 1, 1));
  if (Attribute pattern = op.getPatternAttr())
    parts.push_back(pattern);
  if (parts.size() < 2)
    return parts.empty() ? Attribute() : parts.front();
  return ir::AllOfAttr::get(context, parts);
}

static int64_t visitedSteps(Attribute pattern, int64_t firstQuery,
                            int64_t lastQuery, int64_t length) {
  HostWords words;
  int64_t visited = 0;
  for (int64_t key = 0; key < length; key += attentionStepKeys) {
    int64_t lastKey = std::min(key + attentionStepKeys, length) - 1;
    PatternBounds<HostWords> bounds(
        words, {firstQuery, lastQuery, key, lastKey, length});
    visited += bounds.any(pattern);
  }
  return visited;
}

/// Without a pattern: whole segments up to the first key that is seen, then all
/// keys up to the last one.
static int64_t visitedSteps(ir::AttentionOp op, int64_t firstQuery,
                            int64_t lastQuery, int64_t length) {
  int64_t window = op.getWindow().value_or(length);
  int64_t end = std::min(length, lastQuery + window);
  if (op.getMask() == ir::MaskKind::Causal)
    end = lastQuery + 1;
  int64_t begin = std::max<int64_t>(0, firstQuery + 1 - window);
  begin -= begin % ASHLAR_SEGMENT_KEYS;
  return llvm::divideCeil(end - begin, attentionStepKeys);
}

TileCount ashlar::countTiles(ir::AttentionOp op, int64_t length) {
  auto query = cast<RankedTensorType>(op.getQuery().getType());
  auto key = cast<RankedTensorType>(op.getKey().getType());
  int64_t group = query.getDimSize(1) / key.getDimSize(1);
  int64_t rows = std::max<int64_t>(1, attentionBlockRows / group);
  Attribute pattern = op.getPattern() ? wholePattern(op) : Attribute();
  TileCount count;
  for (int64_t first = 0; first < length; first += rows) {
    int64_t last = std::min(first + rows, length) - 1;
    count.total += llvm::divideCeil(length, attentionStepKeys);
    count.visited += pattern ? visitedSteps(pattern, first, last, length)
                             : visitedSteps(op, first, last, length);
  }
  return count;
}
