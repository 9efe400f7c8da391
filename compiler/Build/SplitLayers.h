//===- SplitLayers.h - Layers that are not stored alike --------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_BUILD_SPLITLAYERS_H
#define ASHLAR_COMPILER_BUILD_SPLITLAYERS_H

#include "compiler/Spec/ModelSpec.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace ashlar {

/// What distinguishes how a tensor is stored, such as the number of a rule.
using TensorChoice = llvm::function_ref<int64_t(llvm::StringRef tensor)>;

/// `spec` with its groups of layers cut wherever the choice for the weight of
/// any linear changes from one layer to the next: in what is left together, all
/// layers' weights are stored alike, and share code.
ModelSpec splitLayers(ModelSpec spec, TensorChoice choice);

} // namespace ashlar

#endif // ASHLAR_COMPILER_BUILD_SPLITLAYERS_H
