//===- Build.h - From the description to the graph -------------*- C++ -*-===//
//
// Makes the graph-level module of a model; dialect/GRAPH.md says what it looks
// like. Nothing is optimized here: the result is what a textbook would draw.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_BUILD_BUILD_H
#define ASHLAR_COMPILER_BUILD_BUILD_H

#include "compiler/Build/LayerLoops.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace ashlar {

/// Rows of computed tables of positions where the model sets no limit.
struct BuildLimits {
  int64_t encoderPositions = 4096;
  int64_t decoderPositions = 4096;
};

/// The module of a validated description. `descriptionFile` is the file that
/// the locations of its operations point into. Layers whose tensors `choice`
/// tells apart share no code. Null, with diagnostics, only when the description
/// was not validated.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(mlir::MLIRContext &context,
                                              const ModelSpec &spec,
                                              llvm::StringRef descriptionFile,
                                              const BuildLimits &limits = {},
                                              TensorChoice choice = nullptr);

} // namespace ashlar

#endif // ASHLAR_COMPILER_BUILD_BUILD_H
