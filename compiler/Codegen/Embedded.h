//===- Embedded.h - What the compiler carries inside itself ----*- C++ -*-===//
//
// The runtime as objects, stub libraries for the link, and the public header's
// text. Made by Embed.cmake; all of it lives as long as the program.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_EMBEDDED_H
#define ASHLAR_COMPILER_CODEGEN_EMBEDDED_H

#include "llvm/ADT/StringRef.h"

namespace ashlar::embedded {

/// runtime/*.c: in every artifact.
llvm::StringRef runtimeObject();
/// runtime/text/*.c with `main`, and `_start`: in executables.
llvm::StringRef executableObject();
/// What glibc 2.28 has under another name: where this compiler links.
llvm::StringRef glibcObject();
/// AMX's instructions in C: where they are emulated.
llvm::StringRef tilesObject();

/// Shared libraries with nothing but names of version GLIBC_2.28 or older.
llvm::StringRef stubLibc();
llvm::StringRef stubLibm();
llvm::StringRef stubLibpthread();

/// The text of runtime/ashlar.h and runtime/api.h.
llvm::StringRef publicHeader();
llvm::StringRef apiHeader();

} // namespace ashlar::embedded

#endif // ASHLAR_COMPILER_CODEGEN_EMBEDDED_H
