//===- Emitter.cpp - Small words for writing phase bodies ----------------===//

#include "passes/LowerCpu/Emitter.h"
#include "runtime/abi.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ashlar;

//===----------------------------------------------------------------------===//
// Types, constants, arithmetic
//===----------------------------------------------------------------------===//

VectorType Emitter::vectorType() {
  return VectorType::get({panelWidth}, getF32Type());
}

Value Emitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value Emitter::scalar(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}

Value Emitter::splat(double value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(vectorType(), static_cast<float>(value)));
}

Value Emitter::broadcast(Value scalar) {
  return vector::BroadcastOp::create(*this, vectorType(), scalar);
}

Value Emitter::add(Value a, Value b) {
  return arith::AddIOp::create(*this, a, b);
}
Value Emitter::add(Value a, int64_t b) { return b ? add(a, index(b)) : a; }
Value Emitter::mul(Value a, Value b) {
  return arith::MulIOp::create(*this, a, b);
}
Value Emitter::mul(Value a, int64_t b) { return mul(a, index(b)); }
Value Emitter::div(Value a, int64_t b) {
  return b == 1 ? a : arith::DivUIOp::create(*this, a, index(b)).getResult();
}
Value Emitter::rem(Value a, int64_t b) {
  return arith::RemUIOp::create(*this, a, index(b));
}
Value Emitter::sub(Value a, Value b) {
  return arith::SubIOp::create(*this, a, b);
}
Value Emitter::ceilDiv(Value a, Value b) {
  return arith::DivUIOp::create(*this, add(a, sub(b, index(1))), b);
}
Value Emitter::ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), b); }
Value Emitter::min(Value a, Value b) {
  return arith::MinSIOp::create(*this, a, b);
}
Value Emitter::max(Value a, Value b) {
  return arith::MaxSIOp::create(*this, a, b);
}
Value Emitter::less(Value a, Value b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
}
Value Emitter::equal(Value a, int64_t b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, index(b));
}

Value Emitter::addf(Value a, Value b) {
  return arith::AddFOp::create(*this, a, b);
}
Value Emitter::subf(Value a, Value b) {
  return arith::SubFOp::create(*this, a, b);
}
Value Emitter::mulf(Value a, Value b) {
  return arith::MulFOp::create(*this, a, b);
}
Value Emitter::divf(Value a, Value b) {
  return arith::DivFOp::create(*this, a, b);
}
// NaN in `a` gives `b`: one instruction on x86, and a NaN in a row of scores
// comes out of the exponential all the same.
Value Emitter::maxf(Value a, Value b) {
  Value greater = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b);
  return select(greater, a, b);
}
Value Emitter::fma(Value a, Value b, Value c) {
  return vector::FMAOp::create(*this, a, b, c);
}
Value Emitter::exp(Value a) { return math::ExpOp::create(*this, a); }

Value Emitter::select(Value mask, Value a, Value b) {
  return arith::SelectOp::create(*this, mask, a, b);
}

/// Folds the upper half of the lanes on the lower one until one is left.
static Value foldLanes(Emitter &e, Value vector,
                       llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t half = panelWidth / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < half; ++i) {
      low.push_back(i);
      high.push_back(half + i);
    }
    Value a = vector::ShuffleOp::create(e, vector, vector, low);
    Value b = vector::ShuffleOp::create(e, vector, vector, high);
    vector = combine(a, b);
  }
  return vector::ExtractOp::create(e, vector, ArrayRef<int64_t>{0});
}

Value Emitter::sumLanes(Value vector) {
  return foldLanes(*this, vector, [&](Value a, Value b) { return addf(a, b); });
}

Value Emitter::maxLanes(Value vector) {
  return foldLanes(*this, vector, [&](Value a, Value b) { return maxf(a, b); });
}

Value Emitter::lanesBelow(Value count) {
  auto type = VectorType::get({panelWidth}, getI32Type());
  SmallVector<int32_t> numbers;
  for (int32_t i = 0; i < panelWidth; ++i)
    numbers.push_back(i);
  Value lanes = arith::ConstantOp::create(
      *this, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  Value limit = vector::BroadcastOp::create(
      *this, type, arith::IndexCastOp::create(*this, getI32Type(), count));
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, lanes, limit);
}

Value Emitter::noLanes() {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(VectorType::get({panelWidth}, getI1Type()),
                                    false));
}

Value Emitter::clip(Value x, double limit) {
  Value low = splat(-limit), high = splat(limit);
  auto compare = [&](arith::CmpFPredicate predicate, Value bound) -> Value {
    return arith::CmpFOp::create(*this, predicate, x, bound);
  };
  Value raised = select(compare(arith::CmpFPredicate::OLT, low), low, x);
  return select(compare(arith::CmpFPredicate::OGT, high), high, raised);
}

Value Emitter::softCap(Value x, double cap) {
  Value inner = mulf(x, splat(1.0 / cap));
  return mulf(applyActivation(ir::ActivationKind::Tanh, inner), splat(cap));
}

Value Emitter::applyActivation(ir::ActivationKind kind, Value x) {
  switch (kind) {
  case ir::ActivationKind::Relu:
    return maxf(x, splat(0.0));
  case ir::ActivationKind::Gelu: {
    // x/2 (1 + erf(x / sqrt 2))
    Value erf = math::ErfOp::create(*this, mulf(x, splat(0.70710678118654752)));
    return mulf(mulf(x, splat(0.5)), addf(erf, splat(1.0)));
  }
  case ir::ActivationKind::GeluTanh: {
    // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
    Value cube = mulf(mulf(x, x), x);
    Value inner = addf(x, mulf(cube, splat(0.044715)));
    Value tanh =
        math::TanhOp::create(*this, mulf(inner, splat(0.79788456080286536)));
    return mulf(mulf(x, splat(0.5)), addf(tanh, splat(1.0)));
  }
  case ir::ActivationKind::Silu:
    return divf(x, addf(exp(subf(splat(0.0), x)), splat(1.0)));
  case ir::ActivationKind::QuickGelu:
    return divf(x, addf(exp(mulf(x, splat(-1.702))), splat(1.0)));
  case ir::ActivationKind::Tanh:
    return math::TanhOp::create(*this, x);
  }
  llvm_unreachable("every activation is handled above");
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value Emitter::viewBytes(Value base, Value byteOffset, ArrayRef<int64_t> shape,
                         Type element) {
  return memref::ViewOp::create(*this, MemRefType::get(shape, element), base,
                                byteOffset, ValueRange{});
}

RowsView Emitter::rowsView(ir::BufferAttr buffer, int64_t features,
                           int64_t capacity) {
  Value begin = index(buffer.getOffset());
  if (context.experts)
    begin = add(begin, mul(context.experts->firstRow, buffer.getStride() * 4));
  return {viewBytes(context.arena, begin, {capacity, buffer.getStride()},
                    getF32Type()),
          features};
}

Value Emitter::intTable(int64_t offset, ArrayRef<int64_t> shape) {
  return viewBytes(context.arena, index(offset), shape, getI32Type());
}

Value Emitter::weightView(ir::WeightOp weight, ArrayRef<int64_t> shape) {
  return viewBytes(context.weights, weightOffset(weight), shape, getF32Type());
}

Value Emitter::weightOffset(ir::WeightOp weight) {
  Value offset = index(*weight.getOffset());
  if (weight.isPerLayer())
    offset = add(offset, mul(context.turn, *weight.getLayerStride()));
  if (weight.getExperts())
    offset = add(offset, mul(context.experts->expert, expertStride(weight)));
  return offset;
}

Value Emitter::load(Value memory, ValueRange indices) {
  return memref::LoadOp::create(*this, memory, indices);
}

Value Emitter::loadIndex(Value memory, ValueRange indices) {
  return arith::IndexCastOp::create(*this, getIndexType(),
                                    load(memory, indices));
}

void Emitter::store(Value value, Value memory, ValueRange indices) {
  memref::StoreOp::create(*this, value, memory, indices);
}

Value Emitter::loadVector(Value memory, ValueRange indices) {
  return vector::LoadOp::create(*this, vectorType(), memory, indices);
}

void Emitter::storeVector(Value vector, Value memory, ValueRange indices) {
  vector::StoreOp::create(*this, vector, memory, indices);
}

Value Emitter::loadVector(Value memory, ValueRange indices, int64_t count) {
  if (count == panelWidth)
    return loadVector(memory, indices);
  return loadLanes(memory, indices, lanesBelow(index(count)));
}

Value Emitter::loadLanes(Value memory, ValueRange indices, Value mask) {
  return vector::MaskedLoadOp::create(*this, vectorType(), memory, indices,
                                      mask, splat(0.0));
}

void Emitter::storeVector(Value vector, Value memory, ValueRange indices,
                          int64_t count) {
  if (count == panelWidth)
    return storeVector(vector, memory, indices);
  vector::MaskedStoreOp::create(*this, memory, indices,
                                lanesBelow(index(count)), vector);
}

Value Emitter::scratch(ArrayRef<int64_t> shape, Type element) {
  // Once per call of the phase: in a loop, the stack would grow.
  auto phase = getInsertionBlock()->getParentOp();
  while (!isa<ir::PhaseOp>(phase))
    phase = phase->getParentOp();
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(&cast<ir::PhaseOp>(phase).getBody().front());
  return memref::AllocaOp::create(
      *this, MemRefType::get(shape, element ? element : getF32Type()),
      getI64IntegerAttr(64));
}

Value Emitter::aheadInPanels(Value line, int64_t distance, int64_t lines,
                             int64_t width) {
  Value later = add(line, distance);
  Value jump =
      select(less(later, index(lines)), index(0), index((width - 1) * lines));
  return add(later, jump);
}

void Emitter::prefetch(Value memory, ValueRange indices, unsigned locality) {
  memref::PrefetchOp::create(*this, memory, indices, /*isWrite=*/false,
                             locality, /*isDataCache=*/true);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

SmallVector<Value> Emitter::loop(Value begin, Value end, int64_t step,
                                 ValueRange init, Carried body) {
  auto loop = scf::ForOp::create(*this, begin, end, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  Block *block = loop.getBody();
  if (init.empty()) {
    setInsertionPoint(block->getTerminator());
    body(loop.getInductionVar(), {});
    return {};
  }
  setInsertionPointToStart(block);
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return SmallVector<Value>(loop.getResults());
}

void Emitter::loop(Value begin, Value end, int64_t step, Body body) {
  loop(begin, end, step, ValueRange{}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

void Emitter::loop(int64_t begin, int64_t end, int64_t step, Body body) {
  loop(index(begin), index(end), step, body);
}

void Emitter::when(Value condition, llvm::function_ref<void()> then,
                   llvm::function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(*this, condition,
                                  /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(branch.thenBlock()->getTerminator());
  then();
  if (!otherwise)
    return;
  setInsertionPoint(branch.elseBlock()->getTerminator());
  otherwise();
}

Value Emitter::when(Value condition, llvm::function_ref<Value()> then,
                    Value otherwise) {
  auto branch = scf::IfOp::create(*this, TypeRange{otherwise.getType()},
                                  condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(*this, then());
  setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(*this, otherwise);
  return branch.getResult(0);
}

void Emitter::stepwise(Value begin, Value end, int64_t step,
                       llvm::function_ref<void(Value, int64_t)> body) {
  if (step == 1)
    return loop(begin, end, 1, [&](Value i) { body(i, 1); });
  Value whole = mul(div(sub(end, begin), step), step);
  Value middle = add(begin, whole);
  loop(begin, middle, step, [&](Value i) { body(i, step); });
  loop(middle, end, 1, [&](Value i) { body(i, 1); });
}

SmallVector<Value> Emitter::overColumns(
    int64_t features, ValueRange init,
    llvm::function_ref<SmallVector<Value>(Value, int64_t, ValueRange)> body) {
  int64_t whole = features / panelWidth * panelWidth;
  SmallVector<Value> carried(init);
  if (whole)
    carried = loop(index(0), index(whole), panelWidth, init,
                   [&](Value column, ValueRange values) {
                     return body(column, panelWidth, values);
                   });
  if (whole < features)
    carried = body(index(whole), features - whole, carried);
  return carried;
}

void Emitter::phase(StringRef name, Value tiles,
                    llvm::function_ref<void(Value, Value)> body) {
  auto phase = ir::PhaseOp::create(*this, name, tiles);
  {
    OpBuilder::InsertionGuard guard(*this);
    Block *block =
        createBlock(&phase.getBody(), {}, {getIndexType(), getIndexType()},
                    {getLoc(), getLoc()});
    setInsertionPointToStart(block);
    body(block->getArgument(0), block->getArgument(1));
  }
  ir::BarrierOp::create(*this);
}

Value Emitter::expertCounts() {
  return intTable(context.plan.experts, {context.experts->tables.experts});
}

Value Emitter::rowBehind(Value first, Value rows) {
  int64_t unit = context.plan.expertUnit;
  return add(first, mul(ceilDiv(rows, unit), unit));
}

/// Calls `body` with each expert's index, where it is the one at hand.
SmallVector<Value> Emitter::overExperts(ValueRange init, Carried body) {
  ExpertsContext &experts = *context.experts;
  Value counts = expertCounts();
  auto carried = loop(index(0), index(experts.tables.experts), 1, init,
                      [&](Value expert, ValueRange values) {
                        experts.expert = expert;
                        experts.rows = loadIndex(counts, expert);
                        return body(expert, values);
                      });
  experts.expert = experts.firstRow = experts.rows = {};
  return carried;
}

void Emitter::rowsPhase(StringRef name, llvm::function_ref<Value()> tiles,
                        llvm::function_ref<void(Value, Value)> body) {
  if (!context.experts)
    return phase(name, tiles(), body);
  auto tilesOfExpert = [&] {
    Value none = equal(context.experts->rows, 0);
    return select(none, index(0), tiles());
  };
  Value total = overExperts(index(0), [&](Value, ValueRange sum) {
    return SmallVector<Value>{add(sum[0], tilesOfExpert())};
  })[0];
  phase(name, total, [&](Value begin, Value end) {
    // Tiles and rows of the experts before.
    SmallVector<Value> before{index(0), index(0)};
    overExperts(before, [&](Value, ValueRange before) {
      context.experts->firstRow = before[1];
      Value behind = add(before[0], tilesOfExpert());
      Value first = max(begin, before[0]), last = min(end, behind);
      when(less(first, last),
           [&] { body(sub(first, before[0]), sub(last, before[0])); });
      return SmallVector<Value>{behind,
                                rowBehind(before[1], context.experts->rows)};
    });
  });
}

Value Emitter::callWord(int64_t word) {
  Value header = viewBytes(context.arena, index(context.plan.call),
                           {ASHLAR_CALL_WORDS}, getI64Type());
  return arith::IndexCastOp::create(*this, getIndexType(),
                                    load(header, index(word)));
}

Value Emitter::tokens() {
  if (context.experts && context.experts->rows)
    return context.experts->rows;
  Value tokens = callWord(ASHLAR_CALL_TOKENS);
  return context.rowsPerToken == 1 ? tokens : mul(tokens, context.rowsPerToken);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

StringRef ashlar::phaseName(Operation *op) {
  StringRef name = ir::nameOf(op->getLoc());
  return name.empty() ? op->getName().stripDialect() : name;
}

ir::BufferAttr ashlar::bufferOf(Value value) {
  if (auto result = dyn_cast<OpResult>(value)) {
    auto buffers = result.getOwner()->getAttrOfType<ArrayAttr>(buffersAttr);
    assert(buffers && "the memory plan has placed every value");
    return cast<ir::BufferAttr>(buffers[result.getResultNumber()]);
  }
  auto argument = cast<BlockArgument>(value);
  Operation *parent = argument.getOwner()->getParentOp();
  if (isa<ir::LayersOp>(parent))
    return bufferOf(parent->getResult(0));
  if (isa<ir::ExpertsOp>(parent))
    return parent->getAttrOfType<ir::BufferAttr>(argumentBufferAttr);
  return cast<FunctionOpInterface>(parent).getArgAttrOfType<ir::BufferAttr>(
      argument.getArgNumber(), argumentBufferAttr);
}

RowsView ashlar::rowsOf(Emitter &e, Value value, int64_t capacity) {
  int64_t features = 1;
  for (int64_t size :
       cast<RankedTensorType>(value.getType()).getShape().drop_front())
    features *= size;
  return e.rowsView(bufferOf(value), features, capacity);
}

Value ashlar::cacheOffset(Emitter &e, ir::CacheKind kind) {
  const CachePlan &cache =
      e.context.plan.caches[e.context.plan.findCache(kind)];
  Value offset = e.index(cache.offset);
  // Keys of one call are used by their own layer only: all layers share a
  // place.
  if (kind != ir::CacheKind::Call && e.context.layer)
    offset = e.add(offset, e.mul(e.context.layer, cache.layerStride));
  return offset;
}
