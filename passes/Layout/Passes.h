//===- Passes.h - Passes of the layout layer -------------------*- C++ -*-===//

#ifndef ASHLAR_PASSES_LAYOUT_PASSES_H
#define ASHLAR_PASSES_LAYOUT_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace ashlar {
#define GEN_PASS_DECL
#include "passes/Layout/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Layout/Passes.h.inc"
} // namespace ashlar

#endif // ASHLAR_PASSES_LAYOUT_PASSES_H
