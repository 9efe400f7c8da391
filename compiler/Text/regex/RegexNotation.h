//===- RegexNotation.h - Regular expression -> PCRE2's notation -*- C++ -*-===//
//
// For patterns that are no DFA, the tools have PCRE2. It reads letters of 32
// bits, of which the upper ones say what class of code points a character is in
// (runtime/text/tables.h): what sets mean is ours, whatever PCRE2 knows of
// Unicode, and its options and escapes play no part.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_REGEXNOTATION_H
#define ASHLAR_COMPILER_TEXT_REGEX_REGEXNOTATION_H

#include "compiler/Text/regex/RegexAlphabet.h"

namespace ashlar {

struct RegexNotation {
  std::string text; // ASCII
  /// Where in `text` a part begins, and the byte of the pattern it stands for.
  std::vector<std::pair<uint32_t, uint32_t>> places;

  /// The byte of the pattern that `offset` of `text` stands for; 0 = none.
  uint32_t byteAt(uint32_t offset) const;
};

/// An error for what PCRE2 would take for something else, and for repetitions
/// that make more of it than a tokenizer can need.
llvm::Expected<RegexNotation> writeNotation(const Regex &regex,
                                            const RegexAlphabet &alphabet);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_REGEXNOTATION_H
