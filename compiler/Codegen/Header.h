//===- Header.h - The C header of an artifact ------------------*- C++ -*-===//
//
// STEM.h is runtime/ashlar.h with the artifact's identifier in every name, the
// sizes of the plan as constants, and the shapes of its inputs and outputs in
// comments. Headers of several models can be included in one program.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_HEADER_H
#define ASHLAR_COMPILER_CODEGEN_HEADER_H

#include "compiler/Codegen/PlanEmitter.h"

#include <string>

namespace ashlar {

/// The text of the header; plan.name is the identifier. `model` is shown in a
/// comment, whatever it contains.
std::string makeHeader(const PlanDescription &plan, llvm::StringRef model);

/// Bytes that one token of a sequence takes in the caches that the session
/// keeps; a cross-attention cache is not counted.
int64_t kvBytesPerToken(const PlanDescription &plan);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_HEADER_H
