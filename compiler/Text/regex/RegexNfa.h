//===- RegexNfa.h - Regular expression -> NFA ------------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_REGEXNFA_H
#define ASHLAR_COMPILER_TEXT_REGEX_REGEXNFA_H

#include "compiler/Text/regex/Regex.h"

namespace ashlar {

/// Thompson's construction. Split goes to `next` first, then to `other`.
struct NfaState {
  enum class Kind { Set, Ahead, Behind, Split, Jump, Accept } kind;
  uint32_t set = 0;
  uint32_t next = 0;
  uint32_t other = 0;
  bool atEdge = false;     // of Ahead and Behind
  bool atLastLine = false; // of Ahead
};

struct RegexNfa {
  std::vector<NfaState> states; // 0 accepts
  uint32_t start = 0;
  bool looksBehind = false;
};

/// An error for what is not regular, and beyond `limit` states. Adds the sets
/// that atomic loops end at to `regex`.
llvm::Expected<RegexNfa> buildNfa(Regex &regex, uint32_t limit);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_REGEXNFA_H
