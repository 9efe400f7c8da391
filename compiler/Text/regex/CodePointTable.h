//===- CodePointTable.h - A value for every code point ---------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_CODEPOINTTABLE_H
#define ASHLAR_COMPILER_TEXT_REGEX_CODEPOINTTABLE_H

#include <cstdint>
#include <vector>

namespace ashlar {

/// A value for every code point in two levels (runtime/text/tables.h).
template <typename T> struct CodePointTable {
  std::vector<uint16_t> pages; // [0x110000 / 256]
  std::vector<T> entries;      // [distinct pages][256]

  T at(uint32_t codePoint) const {
    return entries[pages[codePoint >> 8] << 8 | (codePoint & 255)];
  }
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_CODEPOINTTABLE_H
