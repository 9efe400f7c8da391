//===- Utf8.h - One code point of UTF-8 ------------------------*- C++ -*-===//
//
// The strict decoder behind the JSON reader and the display of strangers'
// strings: no overlong forms, no surrogates, nothing above U+10FFFF.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SUPPORT_UTF8_H
#define ASHLAR_COMPILER_SUPPORT_UTF8_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace ashlar {

/// A code point and the bytes it takes; length 0 when the text does not start
/// with valid UTF-8.
struct CodePoint {
  uint32_t value = 0;
  unsigned length = 0;
};

/// The first code point of `text`.
CodePoint decodeUtf8(llvm::StringRef text);

/// Appends `value`, at most U+10FFFF and no surrogate.
void appendUtf8(std::string &out, uint32_t value);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SUPPORT_UTF8_H
