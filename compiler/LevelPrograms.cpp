//===- LevelPrograms.cpp - A model for several levels of CPUs ------------===//

#include "compiler/LevelPrograms.h"

#include "compiler/Codegen/MachineCode.h"
#include "compiler/PlanBuilder.h"
#include "compiler/Weights/Packer.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

using namespace ashlar;

void ashlar::setTarget(PipelineOptions &pipeline, const Target &target) {
  pipeline.gemmRows = target.gemmRows;
  pipeline.gemmPanels = target.gemmPanels;
  pipeline.vectorBits = target.vectorBits;
  pipeline.gemmPrefetchLines = target.gemmPrefetchLines;
  pipeline.prefetchLines = target.prefetchLines;
  pipeline.vnni = target.vnni;
  pipeline.tiles = target.tiles;
}

static llvm::Expected<LevelProgram> planLevel(mlir::ModuleOp graph,
                                              const ModelSpec &spec,
                                              const PipelineOptions &pipeline,
                                              const Target &target) {
  LevelProgram level;
  level.target = &target;
  level.pipeline = pipeline;
  setTarget(level.pipeline, target);
  level.module = graph.clone();
  if (llvm::Error error =
          runStages(*level.module, level.pipeline, "", plannedStage))
    return std::move(error);
  level.plan = buildPlan(*level.module, spec, level.pipeline);
  level.plan.plan.cpu_level = target.cpuLevel;
  if (target.emulated)
    level.plan.plan.uses_tiles = 0;
  if (llvm::Error error =
          runStages(*level.module, level.pipeline, plannedStage, programStage))
    return std::move(error);
  return level;
}

/// Whether the kernels of both read the same image.
static bool haveSameImage(mlir::ModuleOp a, mlir::ModuleOp b) {
  return llvm::equal(placedWeights(a), placedWeights(b),
                     [](const PlacedWeight &x, const PlacedWeight &y) {
                       return x.layer == y.layer && x.offset == y.offset &&
                              x.weight->getAttrDictionary() ==
                                  y.weight->getAttrDictionary();
                     });
}

llvm::Expected<std::vector<LevelProgram>>
ashlar::planLevels(mlir::ModuleOp graph, const ModelSpec &spec,
                   const PipelineOptions &pipeline,
                   llvm::ArrayRef<const Target *> targets) {
  std::vector<LevelProgram> levels;
  for (const Target *target : targets) {
    llvm::Expected<LevelProgram> level =
        planLevel(graph, spec, pipeline, *target);
    if (!level)
      return level.takeError();
    // A level decides how weights are read, not how they lie.
    if (!levels.empty() &&
        !haveSameImage(*levels.front().module, *level->module))
      return internalError("weights of " + levels.front().target->name +
                           " do not lie like those of " + target->name);
    levels.push_back(std::move(*level));
  }
  return levels;
}

PlanDescription ashlar::publishedPlan(llvm::ArrayRef<LevelProgram> levels) {
  PlanDescription plan = levels.back().plan;
  for (const LevelProgram &level : levels) {
    const ashlar_plan &sizes = level.plan.plan;
    plan.plan.arena_bytes = std::max(plan.plan.arena_bytes, sizes.arena_bytes);
    plan.plan.cache_bytes = std::max(plan.plan.cache_bytes, sizes.cache_bytes);
  }
  return plan;
}

static std::unique_ptr<llvm::Module> translate(mlir::ModuleOp module,
                                               llvm::LLVMContext &context) {
  std::unique_ptr<llvm::Module> translated =
      mlir::translateModuleToLLVMIR(module, context, "model");
  assert(translated && "the LLVM dialect translates");
  return translated;
}

/// Whether a level has nothing for the model that the one below it lacks.
static bool isSame(mlir::ModuleOp a, mlir::ModuleOp b) {
  return mlir::OperationEquivalence::isEquivalentTo(
      a, b, mlir::OperationEquivalence::IgnoreLocations);
}

llvm::Expected<std::vector<LevelCode>>
ashlar::lowerLevels(std::vector<LevelProgram> &levels, PlanDescription &plan,
                    llvm::LLVMContext &context) {
  std::vector<LevelCode> code;
  const LevelProgram *below = nullptr;
  for (LevelProgram &level : levels) {
    if (llvm::Error error =
            runStages(*level.module, level.pipeline, programStage, ""))
      return std::move(error);
    if (below && isSame(*below->module, *level.module))
      continue;
    below = &level;
    level.plan.name = plan.name;
    level.plan.weightsInside = plan.weightsInside;
    level.plan.plan.build_id = plan.plan.build_id;
    code.push_back({level.target, translate(*level.module, context),
                    std::move(level.plan)});
  }
  code.back().plan.manifest = std::move(plan.manifest);
  code.back().plan.text = std::move(plan.text);
  return code;
}
