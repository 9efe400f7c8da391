//===- ImageReader.h - Bytes of an artifact's weights ----------*- C++ -*-===//
//
// Finds the weight image of an artifact without loading code: in a segment of
// its own, or in OUTPUT.weights. The files may be a stranger's: every offset is
// checked.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_IMAGEREADER_H
#define ASHLAR_COMPILER_CODEGEN_IMAGEREADER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace ashlar {

/// What the manifest says of the image.
struct ImageDescription {
  bool inside = true;   // else in OUTPUT.weights
  uint64_t buildId = 0; // the same in code and weights
  uint64_t bytes = 0;
};

/// Bytes of the image of the artifact in `path`, from `offset` on. Error: no
/// file, a damaged one, or weights of another compilation.
llvm::Error readImage(llvm::StringRef path, const ImageDescription &image,
                      uint64_t offset, llvm::MutableArrayRef<char> out);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_IMAGEREADER_H
