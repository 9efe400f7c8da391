//===- Passes.h - Passes of the memory layer -------------------*- C++ -*-===//

#ifndef ASHLAR_PASSES_MEMORY_PASSES_H
#define ASHLAR_PASSES_MEMORY_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace ashlar {
#define GEN_PASS_DECL
#include "passes/Memory/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Memory/Passes.h.inc"
} // namespace ashlar

#endif // ASHLAR_PASSES_MEMORY_PASSES_H
