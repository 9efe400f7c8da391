//===- ArenaPlan.cpp - The memory plan as attributes ---------------------===//

#include "passes/Memory/ArenaPlan.h"
#include "passes/Layout/WeightLayout.h"
#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

SegmentShape SegmentShape::of(Value keys) {
  auto type = cast<RankedTensorType>(keys.getType());
  Type element = type.getElementType();
  return {type.getDimSize(1), type.getDimSize(2),
          element.isBF16()       ? ir::Precision::Bf16
          : element.isInteger(8) ? ir::Precision::Int8
                                 : ir::Precision::F32};
}

int64_t SegmentShape::elementBytes() const {
  return isInt8() ? 1 : isEncoded() ? 2 : 4;
}

int64_t SegmentShape::paddedHeadDim() const {
  return roundUp(headDim, panelWidth);
}
int64_t SegmentShape::depth() const {
  return isEncoded() ? roundUp(headDim, lineBytes / 2) : headDim;
}
int64_t SegmentShape::keyBytes() const {
  return ASHLAR_SEGMENT_KEYS * depth() * elementBytes();
}
int64_t SegmentShape::valueBytes() const {
  return ASHLAR_SEGMENT_KEYS * paddedHeadDim() * elementBytes();
}
int64_t SegmentShape::headBytes() const {
  int64_t scales = isInt8() ? 2 * ASHLAR_SEGMENT_KEYS * sizeof(float) : 0;
  return keyBytes() + valueBytes() + scales;
}
int64_t SegmentShape::expandedBytes() const {
  return isInt8() ? 2 * (keyBytes() + valueBytes()) : 0;
}
int64_t SegmentShape::bytes() const { return kvHeads * headBytes(); }

ExpertTables::ExpertTables(ir::ExpertsOp op, int64_t rows, int64_t unit)
    : experts(op.getCount()), stride(roundUp(rows, panelWidth)) {
  // Each expert's last rows may leave some of a unit empty.
  int64_t most = rows * op.getMostOfRow();
  slots = roundUp(most + std::min(experts, most) * (unit - 1), unit);
}
int64_t ExpertTables::tokens() const {
  return roundUp(experts, panelWidth) * 4;
}
int64_t ExpertTables::positions() const {
  return tokens() + experts * stride * 4;
}
int64_t ExpertTables::bytes() const {
  return positions() + experts * stride * 4;
}

KeySplits::KeySplits(ir::AttentionOp op, const ArenaPlan &plan) {
  const CachePlan &cache =
      plan.caches[CachePlace::of(op.getKey().getDefiningOp()).cache];
  splits = ceilDiv(cache.capacity, ASHLAR_SPLIT_KEYS);
  // A window spans few splits. A call of an encoder has as many rows as keys.
  // Weights that are kept are computed from the sums of all keys.
  isShared = splits > 1 && !op.getWindow() && !op->hasAttr(mappedAttr) &&
             cache.kind != ir::CacheKind::Call;
  if (!isShared)
    return;
  SegmentShape shape = SegmentShape::of(op.getKey());
  int64_t heads = op.getQuery().getType().getDimSize(1);
  rowsOfSplit = plan.splitRows * (heads / shape.kvHeads);
  rows = splits * shape.kvHeads * rowsOfSplit;
  mixedBytes = roundUp(rows * shape.paddedHeadDim() * 4, lineBytes);
  sumBytes = roundUp(rows * panelWidth * 4, lineBytes);
  maximumBytes = roundUp(rows * 4, lineBytes);
}

int64_t ashlar::marksEntries(const ArenaPlan &plan) {
  return roundUp(plan.maxTokens, attentionStepKeys) + attentionStepKeys;
}

bool ashlar::readsSequences(FunctionOpInterface entry) {
  return entry->hasAttr(headAttr) &&
         llvm::any_of(entry.getArgumentTypes(),
                      [](Type type) { return isa<ir::SequencesType>(type); });
}

int64_t ArenaPlan::rowsOf(FunctionOpInterface entry) const {
  return entry->hasAttr(headAttr) && !readsSequences(entry) ? headRows
                                                            : rowCapacity;
}

int64_t ArenaPlan::findCache(ir::CacheKind kind, bool ring) const {
  for (auto [index, cache] : llvm::enumerate(caches))
    if (cache.kind == kind && cache.isRing() == ring)
      return index;
  return -1;
}

void CachePlace::setOn(Operation *op) const {
  op->setAttr(cacheAttr, DenseI64ArrayAttr::get(
                             op->getContext(), {cache, firstLayer, layerStep}));
}

CachePlace CachePlace::of(Operation *op) {
  auto words = op->getAttrOfType<DenseI64ArrayAttr>(cacheAttr);
  assert(words && "the keys have no place");
  return {words[0], words[1], words[2]};
}

// Names and members in one list each, so that store and load agree.
template <typename Fn> static void eachField(ArenaPlan &plan, Fn fn) {
  fn("bytes", plan.bytes);
  fn("cache_bytes", plan.cacheBytes);
  fn("call", plan.call);
  fn("rows", plan.rows);
  fn("tiles", plan.tiles);
  fn("max_tiles", plan.maxTiles);
  fn("tile_rows", plan.tileRows);
  fn("split_rows", plan.splitRows);
  fn("arrivals", plan.arrivals);
  fn("arrival_count", plan.arrivalCount);
  fn("split_sums", plan.splitSums);
  fn("marks", plan.marks);
  fn("max_tokens", plan.maxTokens);
  fn("row_capacity", plan.rowCapacity);
  fn("head_rows", plan.headRows);
  fn("experts", plan.experts);
  fn("expert_unit", plan.expertUnit);
}

template <typename Fn> static void eachField(CachePlan &cache, Fn fn) {
  fn("offset", cache.offset);
  fn("layers", cache.layers);
  fn("layer_stride", cache.layerStride);
  fn("segments", cache.segments);
  fn("segment_stride", cache.segmentStride);
  fn("slot_segments", cache.slotSegments);
  fn("kept_segments", cache.keptSegments);
  fn("table", cache.table);
  fn("capacity", cache.capacity);
}

template <typename Plan>
static SmallVector<NamedAttribute> toAttributes(Builder &builder, Plan plan) {
  SmallVector<NamedAttribute> attributes;
  eachField(plan, [&](StringRef name, int64_t &value) {
    attributes.push_back(
        builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  });
  return attributes;
}

template <typename Plan>
static void fromAttributes(DictionaryAttr attributes, Plan &plan) {
  eachField(plan, [&](StringRef name, int64_t &value) {
    value = attributes.getAs<IntegerAttr>(name).getInt();
  });
}

void ArenaPlan::store(ModuleOp module) const {
  Builder builder(module.getContext());
  module->setAttr("ashlar.arena",
                  builder.getDictionaryAttr(toAttributes(builder, *this)));
  SmallVector<Attribute> list;
  for (const CachePlan &cache : caches) {
    SmallVector<NamedAttribute> attributes = toAttributes(builder, cache);
    attributes.push_back(builder.getNamedAttr(
        "kind", ir::CacheKindAttr::get(builder.getContext(), cache.kind)));
    list.push_back(builder.getDictionaryAttr(attributes));
  }
  module->setAttr("ashlar.caches", builder.getArrayAttr(list));
}

ArenaPlan ArenaPlan::load(ModuleOp module) {
  ArenaPlan plan;
  auto arena = module->getAttrOfType<DictionaryAttr>("ashlar.arena");
  assert(arena && "the module has no memory plan");
  fromAttributes(arena, plan);
  for (Attribute attribute :
       module->getAttrOfType<ArrayAttr>("ashlar.caches")) {
    auto dictionary = cast<DictionaryAttr>(attribute);
    CachePlan cache;
    fromAttributes(dictionary, cache);
    cache.kind = dictionary.getAs<ir::CacheKindAttr>("kind").getValue();
    plan.caches.push_back(cache);
  }
  return plan;
}
