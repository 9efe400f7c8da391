//===- PlaceKeys.cpp - Which cache keeps which keys ----------------------===//
//
// Layers whose queries see through a window keep a ring: the keys that the rows
// of a call may see, and those of the rows themselves. All other layers keep
// all keys. Of either kind there is one cache, with the layers that use it.
//
//===----------------------------------------------------------------------===//

#include "passes/Memory/PlaceKeys.h"
#include "passes/Layout/WeightLayout.h"
#include "runtime/abi.h"

#include <limits>

using namespace mlir;
using namespace ashlar;

/// Of a sequence.
static constexpr int64_t allSegments = std::numeric_limits<int64_t>::max();

/// Keys of one sequence in a cache of `kind`.
static int64_t capacityOf(ir::CacheKind kind, const CacheLimits &limits) {
  switch (kind) {
  case ir::CacheKind::Call:
    return limits.maxTokens;
  case ir::CacheKind::Self:
    return limits.maxContext;
  case ir::CacheKind::Cross:
    return limits.maxSource;
  }
  llvm_unreachable("every kind is handled above");
}

/// The longest window through which a query sees the keys of `append`; 0 where
/// some query may see any of them.
static int64_t windowOf(ir::KvAppendOp append) {
  int64_t longest = 0;
  for (Operation *user : append.getKeys().getUsers()) {
    auto attention = dyn_cast<ir::AttentionOp>(user);
    if (!attention || !attention.getWindow())
      return 0;
    longest = std::max<int64_t>(longest, *attention.getWindow());
  }
  return longest;
}

/// Segments of a sequence that the keys of `append` need.
static int64_t neededSegments(ir::KvAppendOp append,
                              const CacheLimits &limits) {
  int64_t window = windowOf(append);
  if (append.getCache() != ir::CacheKind::Self || !window)
    return allSegments;
  int64_t keys = window - 1 + limits.maxTokens;
  // The first of them may be a segment's last; a segment that rows see keys of
  // stays whole.
  return ceilDiv(keys - 1, ASHLAR_SEGMENT_KEYS) + 1;
}

/// Index of the cache of `kind` that keeps `needed` segments of a sequence, or
/// of that which keeps all, where there are no more.
static int64_t findOrAdd(ArenaPlan &plan, ir::CacheKind kind, int64_t needed,
                         const CacheLimits &limits) {
  int64_t capacity = capacityOf(kind, limits);
  int64_t all = ceilDiv(capacity, ASHLAR_SEGMENT_KEYS);
  int64_t index = plan.findCache(kind, /*ring=*/needed < all);
  if (index < 0) {
    index = plan.caches.size();
    CachePlan &added = plan.caches.emplace_back();
    added.kind = kind;
    added.capacity = capacity;
    added.slotSegments = all;
  }
  CachePlan &cache = plan.caches[index];
  cache.keptSegments = std::max(cache.keptSegments, std::min(needed, all));
  return index;
}

/// Another entry reads what one has stored: both go by the layer's index.
static CachePlace crossPlace(Operation *op, int64_t cache) {
  auto layers = op->getParentOfType<ir::LayersOp>();
  if (!layers)
    return {cache, 0, 0};
  return {cache, static_cast<int64_t>(layers.getFirst()) + layers.partOf(op),
          layers.getStep()};
}

static void placeAppend(ir::KvAppendOp append, const CacheLimits &limits,
                        ArenaPlan &plan) {
  ir::CacheKind kind = append.getCache();
  CachePlace place;
  place.cache = findOrAdd(plan, kind, neededSegments(append, limits), limits);
  CachePlan &cache = plan.caches[place.cache];
  cache.segmentStride =
      std::max(cache.segmentStride, SegmentShape::of(append.getKeys()).bytes());
  auto layers = append->getParentOfType<ir::LayersOp>();
  switch (kind) {
  case ir::CacheKind::Call: // one layer's at a time
    cache.layers = 1;
    break;
  case ir::CacheKind::Self:
    place.firstLayer = cache.layers;
    place.layerStep = layers ? 1 : 0;
    cache.layers += layers ? layers.getTurns() : 1;
    break;
  case ir::CacheKind::Cross:
    place = crossPlace(append, place.cache);
    cache.layers = std::max<int64_t>(
        cache.layers, layers ? layers.getFirst() + layers.getCount() : 1);
    break;
  }
  place.setOn(append);
}

LogicalResult ashlar::placeKeys(ModuleOp module, const CacheLimits &limits,
                                ArenaPlan &plan) {
  module.walk(
      [&](ir::KvAppendOp append) { placeAppend(append, limits, plan); });
  int64_t cross = plan.findCache(ir::CacheKind::Cross);
  WalkResult reads = module.walk([&](ir::KvReadOp read) {
    if (cross < 0) {
      read.emitOpError("reads cache cross, but no kv_append fills it");
      return WalkResult::interrupt();
    }
    crossPlace(read, cross).setOn(read);
    return WalkResult::advance();
  });
  return failure(reads.wasInterrupted());
}
