//===- Pipeline.h - All passes, in their order -----------------*- C++ -*-===//
//
// Every pass from the textbook graph to the LLVM dialect is a stage with a name
// and a sentence; `inspect`, `compile` and the tests walk the same list.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_PIPELINE_PIPELINE_H
#define ASHLAR_COMPILER_PIPELINE_PIPELINE_H

#include "passes/Fusion/Pipeline.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <string>
#include <vector>

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace ashlar {

struct PipelineOptions {
  FusionOptions fusion;
  int64_t maxTokens = 512;
  int64_t maxContext = 4096;
  int64_t maxSource = 512;
  int64_t maxSequences = 1;
  // The target's register tile.
  int64_t gemmRows = 8;
  int64_t gemmPanels = 3;
  int64_t vectorBits = 512;
  int64_t gemmPrefetchLines = 16;
  int64_t prefetchLines = 24;
  bool vnni = false;
  bool tiles = false; // AMX
  bool taps = false;
  std::string precision = "f32"; // passes/Layout/Precision.h
};

struct Stage {
  std::string name;
  std::string summary;
  std::function<void(mlir::OpPassManager &)> add;
};

/// The name of the stage before the first pass: what was built from the model.
constexpr llvm::StringLiteral graphStage = "graph";
/// The last fusion's stage: one op is one kernel, nothing is placed yet.
llvm::StringRef fusedStage();
/// The stage after which the module holds the whole plan and every op still
/// has its name.
constexpr llvm::StringLiteral plannedStage = "plan-arena";

/// The stage after which the module holds every entry's phases and their work.
constexpr llvm::StringLiteral programStage = "program";

/// All stages, in order; the graph itself is not among them.
std::vector<Stage> pipelineStages(const PipelineOptions &options);

/// Runs the stages up to and including `stopAfter` (empty = all) that are not
/// before `startAfter` (empty = from the first). `after` is called behind each.
/// Errors: what the passes said.
llvm::Error runStages(mlir::ModuleOp module, const PipelineOptions &options,
                      llvm::StringRef startAfter, llvm::StringRef stopAfter,
                      llvm::function_ref<void(const Stage &)> after = nullptr);

/// Every dialect that a stage may use.
void registerPipelineDialects(mlir::DialectRegistry &registry);

/// Makes all of the project's passes known by name.
void registerAshlarPasses();

} // namespace ashlar

#endif // ASHLAR_COMPILER_PIPELINE_PIPELINE_H
