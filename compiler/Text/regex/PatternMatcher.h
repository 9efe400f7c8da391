//===- PatternMatcher.h - Patterns that are not regular --------*- C++ -*-===//
//
// PCRE2 for the tools: it finds the patterns of opened tables that no DFA can
// follow. Executables do without it.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_PATTERNMATCHER_H
#define ASHLAR_COMPILER_TEXT_REGEX_PATTERNMATCHER_H

#include "compiler/Text/regex/RegexNotation.h"
#include "runtime/text/text.h"

#include <memory>

struct pcre2_real_code_32;

namespace ashlar {

/// An error when PCRE2 refuses it, at the byte of the pattern.
llvm::Error checkNotation(const RegexNotation &notation);

class PatternMatcher {
public:
  /// Of the tables' patterns; null where tables are enough.
  static llvm::Expected<std::unique_ptr<PatternMatcher>>
  create(const ashlar_text &text);

  /// To be set in the tables, which must not outlive it.
  const ashlar_text_matcher *matcher() const { return &table; }

private:
  struct Free {
    void operator()(pcre2_real_code_32 *code) const;
  };
  using Code = std::unique_ptr<pcre2_real_code_32, Free>;

  PatternMatcher();
  PatternMatcher(const PatternMatcher &) = delete;

  static llvm::Expected<Code> compile(llvm::StringRef notation, size_t &offset);
  friend llvm::Error checkNotation(const RegexNotation &notation);
  static int find(const void *user, uint32_t step, const uint32_t *letters,
                  size_t count, size_t at, uint64_t *budget, size_t *begin,
                  size_t *end, ashlar_error *error);

  std::vector<Code> codes; // by step
  ashlar_text_matcher table = {};
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_PATTERNMATCHER_H
