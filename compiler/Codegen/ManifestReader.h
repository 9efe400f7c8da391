//===- ManifestReader.h - What an artifact says of itself ------*- C++ -*-===//
//
// Reads the manifest out of a shared library, executable, object or static
// library without loading code. The file may be a stranger's: every offset is
// checked, and no more is read than headers and the manifest.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_MANIFESTREADER_H
#define ASHLAR_COMPILER_CODEGEN_MANIFESTREADER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace ashlar {

/// The manifest's JSON text. Error: no artifact, or a damaged one.
llvm::Expected<std::string> readManifest(llvm::StringRef path);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_MANIFESTREADER_H
