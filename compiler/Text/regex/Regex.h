//===- Regex.h - Regular expressions of a tokenizer ------------*- C++ -*-===//
//
// A pattern in the notation of the tokenizers library's engine (Oniguruma),
// as a tree. Assertions about the characters on both sides of a position cost a
// DFA nothing; what no DFA can do (back-references, longer look-around) stands
// in the tree as well, for the engine that the tools have beside it.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_REGEX_H
#define ASHLAR_COMPILER_TEXT_REGEX_REGEX_H

#include "compiler/Text/regex/CodePointSet.h"

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
    Ahead,       // before one of sets[index]
    Behind,      // behind one of sets[index]
    Atomic,      // children[0] in the first way that it matches, and no other
    Look,        // children[0] matches before or behind this place, or does not
    Group,       // children[0], whose text is kept as number `index`
    Back,        // the text of group `index` once more
    Start,       // where the search began
  };

  struct Node {
    Kind kind = Kind::Empty;
    uint32_t index = 0;
    std::vector<uint32_t> children; // earlier in `nodes`
    uint32_t minimum = 0;
    uint32_t maximum = 0; // unbounded = no limit
    bool greedy = true;
    bool atEdge = false; // Ahead: the text's end will do; Behind: its beginning
    bool atLastLine = false; // Ahead: a newline that ends the text will do
    bool behind = false;     // Look
    bool negated = false;    // Look
    bool named = false;      // Group, Back: numbered among groups with names
    uint32_t at = 0;         // byte of the pattern, from 1; 0 = not known
    // What follows from the above.
    uint32_t depth = 1;             // of the tree below
    bool nullable = true;           // matches the empty text
    bool emptyLast = true;          // but only where all else has failed
    bool looksAhead = false;        // some look-ahead is in it
    int64_t length = variousLength; // code points of every match
  };

  static constexpr uint32_t unbounded = ~0u;
  static constexpr int64_t variousLength = -1;

  std::vector<Node> nodes;
  std::vector<CodePointSet> sets; // distinct
  uint32_t root = 0;
  /// Whether a newline that ends the text differs from others (\Z).
  bool lastLine = false;
  bool hasBack = false; // a group's text counts

  uint32_t addSet(const CodePointSet &set);
  uint32_t addNode(Node node);
  /// Before (behind) one of `set`; at the text's end (beginning) if `atEdge`.
  uint32_t addAhead(const CodePointSet &set, bool atEdge);
  uint32_t addBehind(const CodePointSet &set, bool atEdge);
  /// What \Z stands for.
  uint32_t addBeforeLastLine();
};

/// Errors name the byte of `pattern`, from 1, and quote what stands there.
llvm::Expected<Regex> parseRegex(llvm::StringRef pattern);

/// Turns look-around that depends on one character into Ahead and Behind, as
/// far as it does.
void lowerLookAround(Regex &regex);

/// The regex that matches `text` and nothing else.
Regex literalRegex(llvm::StringRef text);
/// One code point of `set`.
Regex setRegex(const CodePointSet &set);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_REGEX_H
