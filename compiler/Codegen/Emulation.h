//===- Emulation.h - A level's program on CPUs below it --------*- C++ -*-===//
//
// For tests on machines that lack a level: what the passes have made for it,
// tiles and wide vectors as they are, as instructions that CPUs of the lowest
// level have. LLVM splits vectors that are too wide; here the rest is replaced,
// the instructions that passes ask for by name.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_EMULATION_H
#define ASHLAR_COMPILER_CODEGEN_EMULATION_H

#include "llvm/Support/Error.h"

namespace llvm {
class Module;
}

namespace ashlar {

/// Replaces calls of intrinsics above the lowest level by generic code and by
/// calls of support/tiles.c, to the bit the same. Error: one that is not known.
llvm::Error emulateInstructions(llvm::Module &module);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_EMULATION_H
