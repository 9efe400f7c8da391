//===- Numbers.h - Decimal text to double ----------------------*- C++ -*-===//
//
// Reads a decimal number the same way in every locale and in linear time, and
// tells overflow from underflow (safety S2: 1e400 is no infinity).
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SUPPORT_NUMBERS_H
#define ASHLAR_COMPILER_SUPPORT_NUMBERS_H

#include "llvm/ADT/StringRef.h"

#include <optional>

namespace ashlar {

/// The double nearest to `text`, digits with optional sign '-', fraction and
/// exponent. None when `text` is something else (hexadecimal, "inf", spaces)
/// or overflows; what is too small for a double is 0.
std::optional<double> parseFiniteDouble(llvm::StringRef text);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SUPPORT_NUMBERS_H
