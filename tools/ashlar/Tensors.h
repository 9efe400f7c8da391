//===- Tensors.h - What became of a checkpoint's matrices ------*- C++ -*-===//
//
// The part of `ashlar describe` that lists them: precision, bytes, and what the
// encoding cost, which stands behind the weights of an artifact.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_ASHLAR_TENSORS_H
#define ASHLAR_TOOLS_ASHLAR_TENSORS_H

#include "tools/ashlar/ManifestView.h"

#include "llvm/ADT/ArrayRef.h"

namespace ashlar::tool {

/// |w - encoded w| / |w| of each of the manifest's tensors, as the artifact in
/// `path` states them; 0 for float32.
llvm::Expected<std::vector<float>> readErrors(llvm::StringRef path,
                                              const ManifestView &manifest);

/// `errors` as `readErrors` gives them, or none: then the layers of a tensor
/// share a line.
void printTensors(const ManifestView &manifest, llvm::ArrayRef<float> errors);

/// `manifest`, the JSON text, with a tensor for each layer, and with "error" in
/// each if there are `errors`.
llvm::Expected<std::string> tensorsAsJson(llvm::StringRef manifest,
                                          llvm::ArrayRef<float> errors);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_TENSORS_H
