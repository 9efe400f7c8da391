//===- Pipeline.h - The fusion passes in their order -----------*- C++ -*-===//

#ifndef ASHLAR_PASSES_FUSION_PIPELINE_H
#define ASHLAR_PASSES_FUSION_PIPELINE_H

namespace mlir {
class OpPassManager;
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

/// Graph level --> fused level. To be added to a pass manager on modules.
void addFusionPasses(mlir::OpPassManager &manager,
                     const FusionOptions &options = {});

/// Makes the passes, and `--ashlar-fusion` for all of them, known by name.
void registerFusionPasses();

} // namespace ashlar

#endif // ASHLAR_PASSES_FUSION_PIPELINE_H
