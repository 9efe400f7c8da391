//===- RegexAlphabet.h - Classes of code points ----------------*- C++ -*-===//
//
// Code points that no set of a pattern tells apart are one class: what matches
// the pattern reads classes, not characters.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_REGEXALPHABET_H
#define ASHLAR_COMPILER_TEXT_REGEX_REGEXALPHABET_H

#include "compiler/Text/regex/CodePointTable.h"
#include "compiler/Text/regex/Regex.h"

namespace ashlar {

struct RegexAlphabet {
  std::vector<uint32_t> begins;  // of the intervals, ascending
  std::vector<uint16_t> classOf; // by interval
  /// By class: bits of the sets that it is in.
  std::vector<std::vector<uint64_t>> sets;
  bool lastLine = false; // the last of them is the newline that ends the text

  static llvm::Expected<RegexAlphabet> of(const Regex &regex);

  uint32_t classAt(uint32_t codePoint) const;
  bool isIn(uint32_t set, uint32_t classIndex) const {
    return sets[classIndex][set / 64] >> (set % 64) & 1;
  }
  CodePointTable<uint16_t> table() const;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_REGEXALPHABET_H
