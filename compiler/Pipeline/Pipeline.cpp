//===- Pipeline.cpp - All passes, in their order -------------------------===//

#include "compiler/Pipeline/Pipeline.h"

#include "compiler/Support/Errors.h"
#include "passes/Fusion/Passes.h"
#include "passes/Layout/Passes.h"
#include "passes/LowerCpu/Passes.h"
#include "passes/Memory/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace ashlar;

/// Graph level --> fused level. Why this order: passes/Fusion/Pipeline.cpp.
/// A fusion that is switched off is a stage that changes nothing.
static void addFusionStages(std::vector<Stage> &stages,
                            const PipelineOptions &options) {
  for (const FusionStep &step : fusionSteps())
    stages.push_back(
        {step.name, step.summary,
         [&step, enabled = options.fusion.*step.enabled](OpPassManager &pm) {
           if (enabled)
             pm.addPass(step.create());
         }});
}

/// Fused level --> the same, with every place decided.
static void addPlanStages(std::vector<Stage> &stages,
                          const PipelineOptions &options) {
  if (options.taps)
    stages.push_back(
        {"insert-taps", "a copy of every op's rows is kept",
         [](OpPassManager &pm) { pm.addPass(createInsertTapsPass()); }});
  // Behind the taps: what is tapped stays float32.
  stages.push_back({"choose-precision", "weights and operands have encodings",
                    [options](OpPassManager &pm) {
                      pm.addPass(
                          createChoosePrecisionPass({options.precision}));
                    }});
  // Before the weights are placed: the tables are weights.
  stages.push_back({"bind-rotary-tables", "rotary ops have their tables",
                    [options](OpPassManager &pm) {
                      pm.addPass(createBindRotaryTablesPass(
                          {std::max(options.maxContext, options.maxTokens)}));
                    }});
  stages.push_back(
      {"place-weights", "weights have layouts and offsets",
       [](OpPassManager &pm) { pm.addPass(createPlaceWeightsPass()); }});
  stages.push_back(
      {std::string(plannedStage), "buffers have offsets",
       [options](OpPassManager &pm) {
         pm.addPass(createPlanArenaPass(
             {options.maxTokens, options.maxContext, options.maxSource,
              options.maxSequences, options.gemmRows}));
       }});
}

/// Planned ops --> the LLVM dialect.
static void addLoweringStages(std::vector<Stage> &stages,
                              const PipelineOptions &options) {
  stages.push_back(
      {std::string(programStage), "phases over tiles with vector bodies",
       [options](OpPassManager &pm) {
         pm.addPass(createLowerToProgramPass(
             {options.gemmRows, options.gemmPanels, options.vectorBits,
              options.gemmPrefetchLines, options.prefetchLines, options.vnni,
              options.tiles}));
         pm.addPass(createCanonicalizerPass());
         pm.addPass(createCSEPass());
       }});
  stages.push_back(
      {"expand-math", "exp, tanh and erf are polynomials",
       [](OpPassManager &pm) { pm.addPass(createExpandMathPass()); }});
  stages.push_back({"outline", "workers and one function for each phase",
                    [](OpPassManager &pm) {
                      pm.addPass(createOutlinePhasesPass());
                      pm.addPass(createCanonicalizerPass());
                      pm.addPass(createCSEPass());
                    }});
  stages.push_back({"llvm", "the LLVM dialect", [](OpPassManager &pm) {
                      // Views and loops first: the conversion to LLVM wants
                      // branches and static layouts.
                      pm.addPass(createConvertVectorToSCFPass());
                      pm.addPass(memref::createExpandStridedMetadataPass());
                      pm.addPass(createLowerAffinePass());
                      pm.addPass(createSCFToControlFlowPass());
                      pm.addPass(createLowerToLlvmPass());
                      pm.addPass(createCanonicalizerPass());
                      pm.addPass(createCSEPass());
                    }});
}

StringRef ashlar::fusedStage() { return fusionSteps().back().name; }

std::vector<Stage> ashlar::pipelineStages(const PipelineOptions &options) {
  std::vector<Stage> stages;
  addFusionStages(stages, options);
  addPlanStages(stages, options);
  addLoweringStages(stages, options);
  return stages;
}

llvm::Error ashlar::runStages(ModuleOp module, const PipelineOptions &options,
                              StringRef startAfter, StringRef stopAfter,
                              llvm::function_ref<void(const Stage &)> after) {
  std::string complaints;
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return failure();
        llvm::raw_string_ostream(complaints) << diagnostic << "; ";
        return success();
      });
  bool running = startAfter.empty();
  for (const Stage &stage : pipelineStages(options)) {
    if (running) {
      PassManager manager(module.getContext());
      stage.add(manager);
      if (failed(manager.run(module)))
        return userError("", Twine("stage ") + stage.name + " failed: " +
                                 StringRef(complaints).rtrim("; "));
      if (after)
        after(stage);
    }
    running |= stage.name == startAfter;
    if (stage.name == stopAfter)
      break;
  }
  return llvm::Error::success();
}

void ashlar::registerAshlarPasses() {
  registerFusionPasses();
  registerAshlarLayoutPasses();
  registerAshlarMemoryPasses();
  registerAshlarLowerCpuPasses();
}
