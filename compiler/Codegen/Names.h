//===- Names.h - The C names of an artifact --------------------*- C++ -*-===//
//
// Every public name of the runtime begins with `ashlar_`; an artifact's carry
// the identifier of --name instead, so that two models link into one program.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_CODEGEN_NAMES_H
#define ASHLAR_COMPILER_CODEGEN_NAMES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace ashlar {

/// The functions that runtime/ashlar.h and runtime/api.h declare.
std::vector<std::string> publicFunctions();

/// `ashlar_open` with the identifier: "IDENT_open".
std::string publicName(llvm::StringRef function, llvm::StringRef identifier);

/// A file's stem mapped to [a-z0-9_]; never empty, never begins with a digit.
std::string identifierFromStem(llvm::StringRef stem);

/// Checks an identifier that the user gave as --name.
llvm::Error checkIdentifier(llvm::StringRef identifier);

} // namespace ashlar

#endif // ASHLAR_COMPILER_CODEGEN_NAMES_H
