//===- Pipeline.cpp - The fusion passes in their order -------------------===//

#include "passes/Fusion/Pipeline.h"

#include "passes/Fusion/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"

namespace ashlar {
#define GEN_PASS_REGISTRATION
#include "passes/Fusion/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

void ashlar::addFusionPasses(OpPassManager &manager,
                             const FusionOptions &options) {
  // scale(scores) --> scores. Before the merge: the query's weight must still
  // be its own.
  if (options.foldAttentionScale)
    manager.addPass(createFoldAttentionScalePass());
  // linear q, k, v --> linear, slices
  if (options.mergeQkv)
    manager.addPass(createMergeQkvPass());
  // scores .. mix --> attention
  if (options.fuseAttention)
    manager.addPass(createFuseAttentionPass());
  // rotary --> attention, kv_append. After the attention op exists.
  if (options.fuseRotary)
    manager.addPass(createFuseRotaryPass());
  // add, norm --> residual_norm. Before the epilogue takes the sum: a norm
  // saves a barrier, an epilogue does not.
  if (options.fuseResidualNorm)
    manager.addPass(createFuseResidualNormPass());
  // multiply(activate(gate), up) --> linear gated. Before the epilogue takes
  // the gate's activation.
  if (options.mergeGateUp)
    manager.addPass(createMergeGateUpPass());
  // activate(linear), add(linear) --> linear: what the others have left
  if (options.fuseEpilogue)
    manager.addPass(createFuseEpiloguePass());
}

namespace {

/// FusionOptions as text: --ashlar-fusion="merge-qkv=false".
struct FusionPipelineOptions
    : public PassPipelineOptions<FusionPipelineOptions> {
  Option<bool> foldAttentionScale{*this, "fold-attention-scale",
                                  llvm::cl::init(true)};
  Option<bool> mergeQkv{*this, "merge-qkv", llvm::cl::init(true)};
  Option<bool> fuseAttention{*this, "fuse-attention", llvm::cl::init(true)};
  Option<bool> fuseRotary{*this, "fuse-rotary", llvm::cl::init(true)};
  Option<bool> fuseResidualNorm{*this, "fuse-residual-norm",
                                llvm::cl::init(true)};
  Option<bool> mergeGateUp{*this, "merge-gate-up", llvm::cl::init(true)};
  Option<bool> fuseEpilogue{*this, "fuse-epilogue", llvm::cl::init(true)};

  FusionOptions get() const {
    return {foldAttentionScale, mergeQkv,    fuseAttention, fuseRotary,
            fuseResidualNorm,   mergeGateUp, fuseEpilogue};
  }
};

} // namespace

void ashlar::registerFusionPasses() {
  registerEachFusionPasses();
  PassPipelineRegistration<FusionPipelineOptions>(
      "ashlar-fusion", "Graph level to fused level: all fusion passes",
      [](OpPassManager &manager, const FusionPipelineOptions &options) {
        addFusionPasses(manager, options.get());
      });
}
