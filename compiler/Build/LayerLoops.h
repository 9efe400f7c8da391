//===- LayerLoops.h - Which layers share code ------------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_BUILD_LAYERLOOPS_H
#define ASHLAR_COMPILER_BUILD_LAYERLOOPS_H

#include "compiler/Spec/ModelSpec.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace ashlar {

/// A number for a tensor of the checkpoint; layers are alike only where all
/// their matrices have the same numbers.
using TensorChoice = llvm::function_ref<int64_t(llvm::StringRef tensor)>;

/// Layers first .. first + count - 1, whose blocks take turns: layer first + i
/// is parts[i % parts.size()].
struct LayerLoop {
  int64_t first = 0;
  int64_t count = 0;                // a multiple of the number of parts
  std::vector<const Block *> parts; // of the stack
  bool whole = false;               // all layers of the stack
};

/// All layers of `stack` in order, in loops that need few blocks: where kinds
/// of blocks alternate, as window and full attention do, one loop has them all.
std::vector<LayerLoop> layerLoops(const Stack &stack, TensorChoice choice);

} // namespace ashlar

#endif // ASHLAR_COMPILER_BUILD_LAYERLOOPS_H
