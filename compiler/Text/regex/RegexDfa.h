//===- RegexDfa.h - Regular expression -> DFA ------------------*- C++ -*-===//
//
// The DFA finds the match that a backtracking engine finds: alternatives in
// their order, greedy repetition first. Its states are lists of NFA states in
// order of priority, cut off behind the first one that accepts. Whether a match
// ends somewhere is known with the character that follows, or the text's end:
// so look-ahead by one character costs nothing. What is behind is known as
// well: it was read last, or chooses the state to start from.
// Loops that need to know whether an iteration has read anything are refused.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_REGEXDFA_H
#define ASHLAR_COMPILER_TEXT_REGEX_REGEXDFA_H

#include "compiler/Text/regex/CodePointTable.h"
#include "compiler/Text/regex/Regex.h"

namespace ashlar {

struct RegexDfa {
  /// Of a transition: a match has ended before the character that is read.
  static constexpr uint16_t match = 0x8000;

  CodePointTable<uint16_t> classes;
  uint32_t classCount = 0; // the last class is the end of the text
  /// The newline that ends the text is of the last class but one.
  bool lastLine = false;
  uint32_t start = 0;
  /// Where a pattern looks behind: where a match begins by the class of the
  /// character before it, the last class for none. Else empty.
  std::vector<uint16_t> starts;
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

/// An error for a pattern that is not regular, or too large as a DFA; it names
/// the byte of the pattern where it can.
llvm::Expected<RegexDfa> compileRegex(const Regex &regex,
                                      const RegexLimits &limits = {});

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_REGEXDFA_H
