//===- FusionPass.h - What all fusion passes share -------------*- C++ -*-===//
//
// A fusion pass says what it did: a remark at every place where it fired, and
// where it found its pattern but declined. Statistics.h counts them.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_FUSION_FUSIONPASS_H
#define ASHLAR_PASSES_FUSION_FUSIONPASS_H

#include "passes/Fusion/Locations.h"
#include "passes/Fusion/Passes.h"

#include "llvm/ADT/Twine.h"

#include <optional>
#include <string>

namespace ashlar {

/// Why a fusion declines; nothing where it may go ahead.
using Refusal = std::optional<std::string>;

void remarkFired(mlir::Operation *op, llvm::StringRef flag,
                 const llvm::Twine &what);
void remarkDeclined(mlir::Operation *op, llvm::StringRef flag,
                    const llvm::Twine &reason);

/// Over the generated base of a pass: remarks in the pass's name.
template <typename Base> struct FusionPass : public Base {
  void fire(mlir::Operation *op, const llvm::Twine &what) {
    remarkFired(op, this->getArgument(), what);
  }
  void decline(mlir::Operation *op, const llvm::Twine &reason) {
    remarkDeclined(op, this->getArgument(), reason);
  }
};

/// All ops of a kind, collected before any of them is rewritten.
template <typename Op> llvm::SmallVector<Op> collect(mlir::ModuleOp module) {
  llvm::SmallVector<Op> ops;
  module.walk([&](Op op) { ops.push_back(op); });
  return ops;
}

} // namespace ashlar

#endif // ASHLAR_PASSES_FUSION_FUSIONPASS_H
