//===- Regex.h - Regular expressions of a tokenizer ------------*- C++ -*-===//
//
// A pattern in the notation of the tokenizers library's engine (Oniguruma),
// as a tree. What is not regular (back-references, atomic groups) or depends on
// the surroundings of a match (anchors, word boundaries, look-around) is an
// error, since the executable matches with a DFA. One kind of look-around is
// not: (?=x) and (?!x) where x is one character.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_H
#define ASHLAR_COMPILER_TEXT_REGEX_H

#include "compiler/Text/CodePointSet.h"

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace ashlar {

struct Regex {
  enum class Kind {
    Empty,
    Set,         // one code point of sets[index]
    Sequence,    // all of `children`
    Alternation, // the first of `children` that leads to a match
    Repeat,      // children[0], minimum..maximum times
    Ahead,       // before one of sets[index], or before the end of the text
  };

  struct Node {
    Kind kind = Kind::Empty;
    uint32_t index = 0;
    std::vector<uint32_t> children; // earlier in `nodes`
    uint32_t minimum = 0;
    uint32_t maximum = 0; // unbounded = no limit
    bool greedy = true;
    bool atEnd = false;   // Ahead: the end of the text will do
    bool nullable = true; // matches the empty text
  };

  static constexpr uint32_t unbounded = ~0u;

  std::vector<Node> nodes;
  std::vector<CodePointSet> sets; // distinct
  uint32_t root = 0;

  uint32_t addSet(const CodePointSet &set);
  uint32_t addNode(Node node);
};

/// Errors name the byte of `pattern`, from 1, and quote what stands there.
llvm::Expected<Regex> parseRegex(llvm::StringRef pattern);

/// The regex that matches `text` and nothing else.
Regex literalRegex(llvm::StringRef text);
/// One code point of `set`.
Regex setRegex(const CodePointSet &set);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_H
