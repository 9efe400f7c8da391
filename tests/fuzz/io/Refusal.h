//===- Refusal.h - What a fuzz target does with errors ---------*- C++ -*-===//

#ifndef ASHLAR_TESTS_FUZZ_IO_REFUSAL_H
#define ASHLAR_TESTS_FUZZ_IO_REFUSAL_H

#include "compiler/Support/Errors.h"

#include "llvm/ADT/StringExtras.h"

#include <cassert>

namespace ashlar {

/// Prints the error as a tool would and checks that the text is safe to show:
/// one line of cause and at most one of remedy, without control characters.
inline void checkRefusal(llvm::Error error) {
  assert(error.isA<UserError>() && "an error of another kind");
  std::string text = llvm::toString(std::move(error));
  assert(!text.empty() && llvm::count(text, '\n') <= 1);
  for (unsigned char c : text)
    assert((c >= 0x20 || c == '\n') && c != 0x7f && "unsafe to show");
}

} // namespace ashlar

#endif // ASHLAR_TESTS_FUZZ_IO_REFUSAL_H
