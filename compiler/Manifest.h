//===- Manifest.h - What an artifact says of itself ------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_MANIFEST_H
#define ASHLAR_COMPILER_MANIFEST_H

#include "compiler/Codegen/PlanEmitter.h"
#include "compiler/Codegen/Target.h"
#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Spec/ModelSpec.h"

namespace ashlar {

/// JSON: compiler, target, precision, hash of the canonical description, memory
/// plan, entry points with inputs and outputs, work per token. The same bytes
/// for the same model and options.
std::string makeManifest(const ModelSpec &spec, const PlanDescription &plan,
                         const Target &target, const PipelineOptions &options);

} // namespace ashlar

#endif // ASHLAR_COMPILER_MANIFEST_H
