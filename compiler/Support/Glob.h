//===- Glob.h - Patterns with '*' ------------------------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_SUPPORT_GLOB_H
#define ASHLAR_COMPILER_SUPPORT_GLOB_H

#include "llvm/ADT/StringRef.h"

namespace ashlar {

/// Whether `text` as a whole matches `pattern`, in which '*' stands for any
/// text and every other character for itself. Takes at most
/// |pattern| x |text| steps, whatever the pattern.
bool matchesGlob(llvm::StringRef pattern, llvm::StringRef text);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SUPPORT_GLOB_H
