//===- Passes.h - Fusion passes: generated declarations --------*- C++ -*-===//

#ifndef ASHLAR_PASSES_FUSION_PASSES_H
#define ASHLAR_PASSES_FUSION_PASSES_H

#include "dialect/Ashlar.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace ashlar {

#define GEN_PASS_DECL
#include "passes/Fusion/Passes.h.inc"

} // namespace ashlar

#endif // ASHLAR_PASSES_FUSION_PASSES_H
