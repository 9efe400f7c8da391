//===- ElfImage.h - Room for weights in a linked file ----------*- C++ -*-===//
//
// The linker sees the weights as zero-filled room in `.lbss`. Afterwards the
// headers are patched so that a read-only segment of its own takes these bytes
// from the end of the file: the linker never reads the weights, and they never
// are in memory as a whole.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_ELFIMAGE_H
#define ASHLAR_COMPILER_CODEGEN_ELFIMAGE_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace ashlar {

/// Patches the headers of `elf`, a linked file whose module was made with room
/// for `bytes` of weights. The answer is the offset, at or behind the end of
/// `elf`, at which the weights must be written.
llvm::Expected<uint64_t> placeWeightsSegment(std::string &elf, uint64_t bytes);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_ELFIMAGE_H
