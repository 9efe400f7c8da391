//===- ByteLevel.h - Bytes spelled as letters ------------------*- C++ -*-===//
//
// The alphabet of GPT-2: every byte has a printable character. Executables work
// on the bytes themselves; the spelling ends here.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_BYTELEVEL_H
#define ASHLAR_COMPILER_TEXT_BYTELEVEL_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace ashlar {

/// The character that spells `byte`.
uint32_t spellingOf(unsigned byte);

/// The bytes that `text` spells; nothing when a character of it spells none.
std::optional<std::string> spelledBytes(llvm::StringRef text);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_BYTELEVEL_H
