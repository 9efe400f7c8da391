//===- CodePointSet.h - Sets of Unicode code points ------------*- C++ -*-===//
//
// Sorted, disjoint, non-adjacent ranges. Character data come from ICU, here and
// in the compiler only: what it knows reaches the executable as tables.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_CODEPOINTSET_H
#define ASHLAR_COMPILER_TEXT_REGEX_CODEPOINTSET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ashlar {

class CodePointSet {
public:
  static constexpr uint32_t maximum = 0x10FFFF;

  struct Range {
    uint32_t first;
    uint32_t last; // included
    bool operator==(const Range &) const = default;
    auto operator<=>(const Range &) const = default;
  };

  CodePointSet() = default;
  CodePointSet(uint32_t first, uint32_t last) { add(first, last); }

  void add(uint32_t first, uint32_t last);
  void add(const CodePointSet &other);
  void complement();
  void intersect(CodePointSet other);
  /// Adds what differs from a member in case only.
  void addCaseVariants();

  bool contains(uint32_t codePoint) const;
  void forEach(llvm::function_ref<void(uint32_t)> visit) const {
    for (const Range &range : members)
      for (uint32_t c = range.first; c <= range.last; ++c)
        visit(c);
  }
  bool empty() const { return members.empty(); }
  llvm::ArrayRef<Range> ranges() const { return members; }

  bool operator==(const CodePointSet &) const = default;
  auto operator<=>(const CodePointSet &) const = default;

private:
  std::vector<Range> members;
};

/// The set that \p{name} stands for: a general category, script or binary
/// property of Unicode, or a POSIX class. Nothing for an unknown name.
std::optional<CodePointSet> codePointProperty(llvm::StringRef name);
/// The set that [[:name:]] stands for.
std::optional<CodePointSet> posixClass(llvm::StringRef name);

/// The set in ICU's own notation, "[[:P:]]"; the pattern is ours, not a user's.
CodePointSet codePointPattern(const char *pattern);

/// White space as Unicode defines it.
CodePointSet whiteSpace();
/// Letters, marks, digits, connectors and joiners: what the tokenizers library
/// takes for a word's characters outside of a user's regular expression.
CodePointSet wordCharacters();
/// What BertPreTokenizer cuts off: in ASCII all that is neither letter, digit,
/// blank nor control.
CodePointSet bertPunctuation();

/// What differs from its lower case.
CodePointSet changedByLowerCase();
/// `codePoint` in lower case, as UTF-8 text, without regard to its neighbours.
std::string lowerCase(uint32_t codePoint);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_CODEPOINTSET_H
