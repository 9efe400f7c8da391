//===- PlanBuilder.h - From the planned IR to the artifact's plan -*- C++
//-*-===//

#ifndef ASHLAR_COMPILER_PLANBUILDER_H
#define ASHLAR_COMPILER_PLANBUILDER_H

#include "compiler/Codegen/PlanEmitter.h"
#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Spec/ModelSpec.h"

namespace ashlar {

/// Describes `planned` (the module after stage "plan-arena") as runtime/abi.h
/// has it. The identifier, manifest, text tables and target are the caller's.
PlanDescription buildPlan(mlir::ModuleOp planned, const ModelSpec &spec,
                          const PipelineOptions &options);

/// How the runtime reads images of `patches`.
ashlar_image_plan imagePlan(const Patches &patches);

} // namespace ashlar

#endif // ASHLAR_COMPILER_PLANBUILDER_H
