//===- Linker.h - The in-process link --------------------------*- C++ -*-===//
//
// lld runs inside the compiler. Its state is global, so links wait for one
// another; it keeps no memory from one link to the next. Inputs and output are
// in memory, so no file of the link is ever left behind, and no name that the
// user chose becomes an option of the linker.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_LINKER_H
#define ASHLAR_COMPILER_CODEGEN_LINKER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace ashlar {

/// Links objects to one that can be linked again.
llvm::Expected<std::string>
linkRelocatable(llvm::ArrayRef<llvm::StringRef> objects);

/// Links an object to a shared library whose soname is `soname`.
llvm::Expected<std::string> linkShared(llvm::ArrayRef<char> object,
                                       llvm::StringRef soname);

/// Links an object that defines `_start` to a position-independent executable.
llvm::Expected<std::string> linkExecutable(llvm::ArrayRef<char> object);

/// A static library with the object as its only member, called `member`.
llvm::Expected<std::string> makeArchive(llvm::ArrayRef<char> object,
                                        llvm::StringRef member);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_LINKER_H
