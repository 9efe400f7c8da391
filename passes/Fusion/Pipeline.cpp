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

ArrayRef<FusionStep> ashlar::fusionSteps() {
  using Options = FusionOptions;
  static const FusionStep steps[] = {
      // Before the merge: the query's weight must still be its own.
      {"fold-attention-scale", "scale(scores) --> scores",
       &Options::foldAttentionScale,
       [] { return createFoldAttentionScalePass(); }},
      {"merge-qkv", "linear q, k, v --> linear, slices", &Options::mergeQkv,
       [] { return createMergeQkvPass(); }},
      {"fuse-attention", "scores, scale, bias, cap, mask, softmax, mix --> attention",
       &Options::fuseAttention, [] { return createFuseAttentionPass(); }},
      // After the attention op exists.
      {"fuse-rotary", "rotary --> attention, kv_append", &Options::fuseRotary,
       [] { return createFuseRotaryPass(); }},
      // Before the epilogue takes the sum: a norm saves a barrier, an epilogue
      // does not.
      {"fuse-residual-norm", "add, norm --> residual_norm",
       &Options::fuseResidualNorm, [] { return createFuseResidualNormPass(); }},
      // Before the epilogue takes the gate's activation.
      {"merge-gate-up", "multiply(activate(gate), up) --> linear gated",
       &Options::mergeGateUp, [] { return createMergeGateUpPass(); }},
      // What the others have left.
      {"fuse-epilogue", "activate(linear), add(linear) --> linear",
       &Options::fuseEpilogue, [] { return createFuseEpiloguePass(); }},
  };
  return steps;
}

void ashlar::addFusionPasses(OpPassManager &manager,
                             const FusionOptions &options) {
  for (const FusionStep &step : fusionSteps())
    if (options.*step.enabled)
      manager.addPass(step.create());
}

namespace {

/// FusionOptions as text: --ashlar-fusion="disable=merge-qkv,fuse-rotary".
struct FusionPipelineOptions
    : public PassPipelineOptions<FusionPipelineOptions> {
  ListOption<std::string> disable{*this, "disable",
                                  llvm::cl::desc("fusions to leave out")};

  FusionOptions get() const {
    FusionOptions options;
    for (const FusionStep &step : fusionSteps())
      options.*step.enabled = !llvm::is_contained(disable, step.name);
    return options;
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
