//===- Passes.h - Passes of the CPU lowering -------------------*- C++ -*-===//

#ifndef ASHLAR_PASSES_LOWERCPU_PASSES_H
#define ASHLAR_PASSES_LOWERCPU_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace ashlar {
#define GEN_PASS_DECL
#include "passes/LowerCpu/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/LowerCpu/Passes.h.inc"
} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_PASSES_H
