//===- ErrorText.h - The message of a failed call --------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_SUPPORT_ERRORTEXT_H
#define ASHLAR_TESTS_COMPILER_SUPPORT_ERRORTEXT_H

#include "compiler/Support/Errors.h"

#include <string>

namespace ashlar {

/// What a tool would print after "error: "; "" when the call succeeded.
template <typename T> std::string errorText(llvm::Expected<T> result) {
  return result ? "" : llvm::toString(result.takeError());
}
inline std::string errorText(llvm::Error error) {
  return error ? llvm::toString(std::move(error)) : "";
}

/// The value of a call that must succeed; the test program ends otherwise.
template <typename T> T valueOf(llvm::Expected<T> result) {
  if (!result)
    llvm::report_fatal_error(result.takeError());
  return std::move(*result);
}

} // namespace ashlar

#endif // ASHLAR_TESTS_COMPILER_SUPPORT_ERRORTEXT_H
