//===- VerifyScale.h - Factors that fusion moves into weights --*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_VERIFYSCALE_H
#define ASHLAR_TOOLS_ASHLAR_VERIFYSCALE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

#include <string>

namespace ashlar::tool {

/// A tensor of the fused module is the graph's `name` times `factor`.
struct ScaledTensor {
  std::string name;
  double factor = 1;
};

/// What a tensor of the fused module is found by: layers of other shapes have
/// the same names, so their first layer counts; -1 outside of layers.
std::string scaledKey(llvm::StringRef name, int64_t firstLayer);

/// By scaledKey: the linears whose weights have a factor. Fusion folds only
/// exact powers of two into weights.
llvm::StringMap<ScaledTensor> scaledTensors(mlir::ModuleOp fused);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_VERIFYSCALE_H
