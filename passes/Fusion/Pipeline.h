//===- Pipeline.h - The fusion passes in their order -----------*- C++ -*-===//

#ifndef ASHLAR_PASSES_FUSION_PIPELINE_H
#define ASHLAR_PASSES_FUSION_PIPELINE_H

#include "llvm/ADT/ArrayRef.h"

#include <memory>

namespace mlir {
class OpPassManager;
class Pass;
} // namespace mlir

namespace ashlar {

/// A switch for every fusion, in the order in which they run.
struct FusionOptions {
  bool foldAttentionScale = true;
  bool mergeQkv = true;
  bool fuseAttention = true;
  bool fuseRotary = true;
  bool fuseResidualNorm = true;
  bool mergeGateUp = true;
  bool fuseEpilogue = true;
};

/// One fusion: its name (the pass's flag without "ashlar-"), what it makes of
/// what, and its switch.
struct FusionStep {
  const char *name;
  const char *summary;
  bool FusionOptions::*enabled;
  std::unique_ptr<mlir::Pass> (*create)();
};

/// All fusions, in the order in which they run.
llvm::ArrayRef<FusionStep> fusionSteps();

/// Graph level --> fused level. To be added to a pass manager on modules.
void addFusionPasses(mlir::OpPassManager &manager,
                     const FusionOptions &options = {});

/// Makes the passes, and `--ashlar-fusion` for all of them, known by name.
void registerFusionPasses();

} // namespace ashlar

#endif // ASHLAR_PASSES_FUSION_PIPELINE_H
