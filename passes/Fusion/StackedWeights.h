//===- StackedWeights.h - Weights on top of each other ---------*- C++ -*-===//
//
// What MergeQkv and MergeGateUp share: several linears' weights as one symbol.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_FUSION_STACKEDWEIGHTS_H
#define ASHLAR_PASSES_FUSION_STACKEDWEIGHTS_H

#include "passes/Fusion/FusionPass.h"

#include "llvm/ADT/DenseMap.h"

namespace ashlar {

/// How often each weight is named, counted once for the whole module. Passes
/// rewrite only weights with a single use, so the other counts stay right.
class WeightUses {
public:
  explicit WeightUses(mlir::ModuleOp module);
  bool usedOnce(ir::WeightOp weight) const;

private:
  llvm::DenseMap<mlir::Attribute, unsigned> counts;
};

struct LinearWeights {
  ir::WeightOp weight; // [out, in]
  ir::WeightOp bias;   // [out]; null when there is none
};

LinearWeights weightsOf(ir::LinearOp linear);

/// Whether `linear` is bare and alone in using its weights, so that these may
/// be changed or moved.
Refusal ownsWeights(ir::LinearOp linear, const WeightUses &uses);

/// Whether the weights of both are of the same layers and experts.
Refusal sameLayers(ir::LinearOp a, ir::LinearOp b);

struct StackedSymbols {
  mlir::FlatSymbolRefAttr weight;
  mlir::FlatSymbolRefAttr bias; // null when no linear has one
};

/// One weight with the rows of all linears' weights in this order, likewise one
/// bias, with zeros where there is none. Erases the weights it takes from: the
/// linears must go in the same rewrite.
StackedSymbols stackWeights(mlir::ModuleOp module,
                            llvm::ArrayRef<ir::LinearOp> linears);

} // namespace ashlar

#endif // ASHLAR_PASSES_FUSION_STACKEDWEIGHTS_H
