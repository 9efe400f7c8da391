//===- PlaceKeys.h - Which cache keeps which keys --------------*- C++ -*-===//

#ifndef ASHLAR_PASSES_MEMORY_PLACEKEYS_H
#define ASHLAR_PASSES_MEMORY_PLACEKEYS_H

#include "passes/Memory/ArenaPlan.h"

namespace ashlar {

struct CacheLimits {
  int64_t maxTokens = 0;
  int64_t maxContext = 0;
  int64_t maxSource = 0;
};

/// Gives every kv_append and kv_read its CachePlace, and `plan` the caches with
/// their layers and the segments of a sequence; where they lie is open.
mlir::LogicalResult placeKeys(mlir::ModuleOp module, const CacheLimits &limits,
                              ArenaPlan &plan);

} // namespace ashlar

#endif // ASHLAR_PASSES_MEMORY_PLACEKEYS_H
