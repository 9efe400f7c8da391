//===- ByteLevel.cpp - Bytes spelled as letters ---------------------------===//

#include "compiler/Text/ByteLevel.h"
#include "compiler/Support/Utf8.h"

#include <array>

using namespace ashlar;

static bool spellsItself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) ||
         byte >= 0xAE;
}

/// Bytes that do not spell themselves have letters from U+0100 on.
uint32_t ashlar::spellingOf(unsigned byte) {
  if (spellsItself(byte))
    return byte;
  uint32_t letter = 256;
  for (unsigned before = 0; before < byte; ++before)
    letter += !spellsItself(before);
  return letter;
}

/// The byte of every character below U+0144; -1 = none.
static std::array<int, 256 + 68> makeAlphabet() {
  std::array<int, 256 + 68> bytes;
  bytes.fill(-1);
  for (unsigned byte = 0; byte < 256; ++byte)
    bytes[spellingOf(byte)] = byte;
  return bytes;
}

std::optional<std::string> ashlar::spelledBytes(llvm::StringRef text) {
  static const std::array<int, 256 + 68> alphabet = makeAlphabet();
  std::string bytes;
  while (!text.empty()) {
    CodePoint next = decodeUtf8(text);
    if (next.length == 0 || next.value >= alphabet.size() ||
        alphabet[next.value] < 0)
      return std::nullopt;
    bytes += static_cast<char>(alphabet[next.value]);
    text = text.drop_front(next.length);
  }
  return bytes;
}
