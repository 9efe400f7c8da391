//===- PositionRule.h - Positions that nobody gives ------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_SPEC_POSITIONRULE_H
#define ASHLAR_COMPILER_SPEC_POSITIONRULE_H

#include "compiler/Spec/ModelSpec.h"

#include "llvm/ADT/ArrayRef.h"

namespace ashlar {

/// The positions of a sequence's `count` columns, where the caller gives none;
/// what a masked column gets does not matter. `ids` is empty where the stack
/// takes vectors, `mask` where it masks nothing; `begin` tokens are in the
/// cache already. The runtime has the same rule (runtime/positions.h).
std::vector<int64_t> positionsByRule(const Stack &stack, int64_t count,
                                     llvm::ArrayRef<int64_t> ids,
                                     llvm::ArrayRef<int64_t> mask = {},
                                     int64_t begin = 0);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_POSITIONRULE_H
