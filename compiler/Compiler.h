//===- Compiler.h - The compiler's one public entry ------------*- C++ -*-===//
//
// A model in, an artifact out. The driver, the tests and anybody who embeds the
// compiler call this; everything else is a part of it.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_COMPILER_H
#define ASHLAR_COMPILER_COMPILER_H

#include "compiler/Build/Build.h"
#include "compiler/Codegen/ObjectCode.h"
#include "compiler/Import/Import.h"
#include "compiler/Pipeline/Pipeline.h"
#include "passes/Layout/Precision.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ashlar {

class TensorReader;

struct CompileOptions {
  std::string tower; // of a folder with several models: which
  std::string output;
  ArtifactKind kind = ArtifactKind::SharedLibrary;
  /// The artifact has code for each of them; none: of passes' defaults.
  Targets targets;
  bool weightsInside = true;
  bool withHeader = true; // but for executables, which have none
  std::string name;       // empty: from the output's stem
  /// Random weights of this seed instead of the checkpoint's.
  std::optional<uint64_t> randomWeights;
  // Zero: the defaults of design and model (see resolveLimits).
  int64_t maxTokens = 0;
  int64_t maxContext = 0;
  int64_t maxSource = 0;
  int64_t maxSequences = 0;
  bool taps = false;
  FusionOptions fusion;
  PrecisionOptions precision;
  /// The day that a chat template writes, YYYY-MM-DD; none: it does without.
  std::optional<std::string> chatDate;
};

/// The graph of `spec`, with loops over layers as --precision allows them.
mlir::OwningOpRef<mlir::ModuleOp> buildGraph(mlir::MLIRContext &context,
                                             const ModelSpec &spec,
                                             llvm::StringRef descriptionFile,
                                             const PipelineOptions &pipeline,
                                             const PrecisionOptions &precision);

/// Error when a pattern of --precision matches nothing in `module`.
llvm::Error checkPrecision(mlir::ModuleOp module,
                           const PrecisionOptions &precision);

struct CompileReport {
  std::vector<std::string> warnings;
  std::string headerPath;
  // Seconds.
  double importing = 0;
  double passes = 0;
  double codegen = 0;
  double packing = 0; // linking and writing included
  int64_t objectBytes = 0;
  int64_t weightBytes = 0;
};

/// Compiles `model` (a folder or a YAML file) to `options.output`.
llvm::Expected<CompileReport> compile(llvm::StringRef model,
                                      const CompileOptions &options);

//===----------------------------------------------------------------------===//
// Its steps, for the tools that stop half-way
//===----------------------------------------------------------------------===//

/// A context with every dialect of the pipeline loaded.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// The pipeline's options for a model and the best of the targets: what is zero
/// gets its default; limits beyond the model's own are errors.
llvm::Expected<PipelineOptions> resolveLimits(const ModelSpec &spec,
                                              const CompileOptions &options);

/// Where the numbers of `imported` come from; `keepAlive` owns what it reads.
struct OpenWeights {
  std::shared_ptr<void> keepAlive;
  TensorReader *reader = nullptr;
  /// Call after the last read: names of tensors that nothing used, or an error
  /// when a file changed meanwhile.
  std::function<llvm::Expected<std::vector<std::string>>()> finish;
};
llvm::Expected<OpenWeights> openWeights(const ImportResult &imported,
                                        std::optional<uint64_t> randomSeed);

/// Release of the compiler and LLVM: part of manifests.
std::string compilerVersion();

} // namespace ashlar

#endif // ASHLAR_COMPILER_COMPILER_H
