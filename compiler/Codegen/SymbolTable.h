//===- SymbolTable.h - Which names of an object are seen -------*- C++ -*-===//
//
// Artifacts of several models live in one program: whatever is not public
// becomes local to its object, and public functions carry the model's name.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_SYMBOLTABLE_H
#define ASHLAR_COMPILER_CODEGEN_SYMBOLTABLE_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <string>

namespace ashlar {

/// Symbols that stay global: name in the object -> name to be given.
using PublicSymbols = llvm::StringMap<std::string>;

/// The relocatable ELF `object` with all other symbols that it defines made
/// local. What it needs from elsewhere is left alone.
llvm::Expected<llvm::SmallVector<char, 0>>
hideSymbols(llvm::StringRef object, const PublicSymbols &symbols);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_SYMBOLTABLE_H
