//===- Marks.h - Tokens that are marked without being asked ----*- C++ -*-===//

#ifndef ASHLAR_COMPILER_SPEC_MARKS_H
#define ASHLAR_COMPILER_SPEC_MARKS_H

#include "compiler/Spec/ModelSpec.h"

#include "llvm/ADT/ArrayRef.h"

namespace ashlar {

/// How many of a sequence's first tokens are marked where the caller marks
/// none. `ids` are the sequence's.
int64_t markedByRule(const Marks &marks, llvm::ArrayRef<int32_t> ids);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_MARKS_H
