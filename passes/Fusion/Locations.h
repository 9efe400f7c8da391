//===- Locations.h - Locations of fused ops --------------------*- C++ -*-===//
//
// The model's names survive fusion: what reports about an op speak of is the
// first NameLoc in its location, and that names what the op computes.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_FUSION_LOCATIONS_H
#define ASHLAR_PASSES_FUSION_LOCATIONS_H

#include "mlir/IR/Operation.h"

#include <string>

namespace ashlar {

/// The names with what they share said once: a.q.w, a.k.w -> a.q_k.w
std::string joinNames(llvm::ArrayRef<llvm::StringRef> names);

/// Location of an op that does the work of `parts`, given in the order in which
/// data flows: the last one names its result, so it comes first.
mlir::Location fuseLocations(llvm::ArrayRef<mlir::Operation *> parts);

/// Location of an op whose result has those of `parts` side by side: named by
/// all of them.
mlir::Location joinLocations(llvm::ArrayRef<mlir::Operation *> parts);

} // namespace ashlar

#endif // ASHLAR_PASSES_FUSION_LOCATIONS_H
