//===- Manifest.h - What an artifact says of itself ------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_MANIFEST_H
#define ASHLAR_COMPILER_MANIFEST_H

#include "compiler/Codegen/PlanEmitter.h"
#include "compiler/Spec/ModelSpec.h"

#include "mlir/IR/BuiltinOps.h"

namespace ashlar {

struct CompileOptions;

/// JSON: compiler, target, precision, hash of the canonical description, memory
/// plan, entry points with inputs, outputs and phases, work per token, tensors
/// and where their errors are. The same bytes for the same model and options.
/// `lowered` is what buildPlan was given, after the stage "program".
std::string makeManifest(const ModelSpec &spec, const PlanDescription &plan,
                         const CompileOptions &options, mlir::ModuleOp lowered);

/// The manifest's "spec_hash": of the canonical description, wherever its files
/// lie.
std::string hashOf(const ModelSpec &spec);

} // namespace ashlar

#endif // ASHLAR_COMPILER_MANIFEST_H
