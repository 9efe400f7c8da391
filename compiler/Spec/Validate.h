//===- Validate.h - Whether a description makes sense ----------*- C++ -*-===//
//
// Run by every importer before anything is allocated from the description's
// numbers (safety S6). What passes has sizes within Limits.h, shapes that fit
// each other and ids within the vocabulary: the code after it may rely on that.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_VALIDATE_H
#define ASHLAR_COMPILER_SPEC_VALIDATE_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Errors.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <string>

namespace ashlar {

/// Where a field stands in the user's file, given its path in the words of the
/// YAML description ("stacks[0].blocks[1].attention.heads").
using FieldLocator = llvm::function_ref<std::string(llvm::StringRef path)>;

/// The first fault, as a UserError `"PATH" is FOUND; expected ...`.
llvm::Error validate(const ModelSpec &spec, FieldLocator locate);

/// Without a file: errors have no position.
llvm::Error validate(const ModelSpec &spec);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_VALIDATE_H
