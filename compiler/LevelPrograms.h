//===- LevelPrograms.h - A model for several levels of CPUs ----*- C++ -*-===//
//
// An artifact may have code for several levels: for each of them the passes
// make a program and a plan of their own, of which `open` takes the best that
// the CPU runs. Weights, their layout and the bits of all results are the same.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_LEVELPROGRAMS_H
#define ASHLAR_COMPILER_LEVELPROGRAMS_H

#include "compiler/Codegen/ObjectCode.h"
#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Spec/ModelSpec.h"

#include "mlir/IR/OwningOpRef.h"

#include <vector>

namespace llvm {
class LLVMContext;
}

namespace ashlar {

/// What the passes make of a model for one level of CPUs.
struct LevelProgram {
  const Target *target = nullptr;
  PipelineOptions pipeline;
  mlir::OwningOpRef<mlir::ModuleOp> module; // after stage `programStage`
  PlanDescription plan; // but for identifier, manifest and text tables
};

/// Says to the passes what code is made for.
void setTarget(PipelineOptions &pipeline, const Target &target);

/// `graph` for each of `targets`, one or more, the lowest first.
llvm::Expected<std::vector<LevelProgram>>
planLevels(mlir::ModuleOp graph, const ModelSpec &spec,
           const PipelineOptions &pipeline,
           llvm::ArrayRef<const Target *> targets);

/// The plan that holds for an artifact with all of `levels`: the best one's,
/// with as much memory as any of them takes.
PlanDescription publishedPlan(llvm::ArrayRef<LevelProgram> levels);

/// The functions of all levels, and what `plan` says for each of their plans.
/// Manifest and text tables are the last one's. CPUs of a level that would have
/// the code of the one below it take that.
llvm::Expected<std::vector<LevelCode>>
lowerLevels(std::vector<LevelProgram> &levels, PlanDescription &plan,
            llvm::LLVMContext &context);

} // namespace ashlar

#endif // ASHLAR_COMPILER_LEVELPROGRAMS_H
