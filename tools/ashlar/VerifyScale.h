//===- VerifyScale.h - Factors that fusion moves into weights --*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_VERIFYSCALE_H
#define ASHLAR_TOOLS_ASHLAR_VERIFYSCALE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace ashlar::tool {

/// By the name of a linear: the factor in its weights. Fusion folds exact
/// powers of two into weights, so a fused tensor is the graph's times
/// (factor in the fused module) / (factor in the graph).
llvm::StringMap<double> weightFactors(mlir::ModuleOp module);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_VERIFYSCALE_H
