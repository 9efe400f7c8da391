//===- Pattern.h - What a tokenizer's step looks for -----------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_PATTERN_H
#define ASHLAR_COMPILER_TEXT_REGEX_PATTERN_H

#include "compiler/Text/regex/RegexDfa.h"

namespace ashlar {

/// A DFA, or what PCRE2 reads in its place: then `dfa` has classes alone.
struct Pattern {
  RegexDfa dfa;
  std::string notation = {}; // PCRE2's
  std::string reason = {};   // why there is no DFA
};

/// An error for what neither of them can follow.
llvm::Expected<Pattern> makePattern(const Regex &regex);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_PATTERN_H
