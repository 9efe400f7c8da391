//===- EmitterMemory.cpp - Where values lie, loads and stores -------------===//

#include "passes/LowerCpu/Emitter.h"

using namespace mlir;
using namespace ashlar;

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
  // Once for all parts of the phase: in a loop, the stack would grow.
  auto phase = getInsertionBlock()->getParentOp();
  while (!isa<ir::PhaseOp>(phase))
    phase = phase->getParentOp();
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(&cast<ir::PhaseOp>(phase).getBody().front());
  return memref::AllocaOp::create(
      *this, MemRefType::get(shape, element ? element : getF32Type()),
      getI64IntegerAttr(64));
}

Value Emitter::note() {
  Value memory = scratch({1}, getIndexType());
  memory.getDefiningOp()->setAttr(beginsAsZeroAttr, getUnitAttr());
  return memory;
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

Value ashlar::cacheOffset(Emitter &e, const CachePlace &place) {
  const CachePlan &cache = e.context.plan.caches[place.cache];
  Value offset = e.index(cache.offset + place.firstLayer * cache.layerStride);
  if (place.layerStep && e.context.turn)
    offset = e.add(offset,
                   e.mul(e.context.turn, place.layerStep * cache.layerStride));
  return offset;
}
