//===- RegexDfa.h - Regular expression -> DFA ------------------*- C++ -*-===//
//
// The DFA finds the match that a backtracking engine finds: alternatives in
// their order, greedy repetition first. Its states are lists of NFA states in
// order of priority, cut off behind the first one that accepts. Whether a match
// ends somewhere is known with the character that follows, or the text's end:
// so look-ahead by one character costs nothing. One corner differs: a
// loop around a group that tries the empty text first, (|a){2,}, may end later.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEXDFA_H
#define ASHLAR_COMPILER_TEXT_REGEXDFA_H

#include "compiler/Text/Regex.h"

namespace ashlar {

/// A value for every code point in two levels (runtime/text/tables.h).
template <typename T> struct CodePointTable {
  std::vector<uint16_t> pages; // [0x110000 / 256]
  std::vector<T> entries;      // [distinct pages][256]

  T at(uint32_t codePoint) const {
    return entries[pages[codePoint >> 8] << 8 | (codePoint & 255)];
  }
};

struct RegexDfa {
  /// Of a transition: a match has ended before the character that is read.
  static constexpr uint16_t match = 0x8000;

  CodePointTable<uint16_t> classes;
  uint32_t classCount = 0; // the last class is the end of the text
  uint32_t start = 0;
  std::vector<uint16_t> transitions; // [states][classCount]; state 0 is dead

  uint32_t stateCount() const {
    return classCount ? transitions.size() / classCount : 0;
  }
};

struct RegexLimits {
  uint32_t nfaStates = 20000;
  uint32_t dfaStates = 20000;
  uint64_t tableBytes = 16u << 20;
  uint64_t steps = 16u << 20; // NFA states visited while building
};

llvm::Expected<RegexDfa> compileRegex(const Regex &regex,
                                      const RegexLimits &limits = {});

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEXDFA_H
