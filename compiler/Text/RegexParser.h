//===- RegexParser.h - Notation -> regular expression ----------*- C++ -*-===//
//
// One pass from left to right, one function per level of the grammar. What a
// backslash or a bracket stands for is in RegexClasses.cpp, the rest in
// RegexParser.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEXPARSER_H
#define ASHLAR_COMPILER_TEXT_REGEXPARSER_H

#include "compiler/Text/Regex.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

namespace ashlar {

/// A function that fails leaves `failure` set, and everything above it returns.
class RegexParser {
public:
  static constexpr size_t maximumPattern = 16384; // bytes
  static constexpr unsigned maximumDepth = 100;   // groups and classes
  static constexpr uint32_t maximumRepeat = 1000;

  explicit RegexParser(llvm::StringRef pattern) : pattern(pattern) {}

  llvm::Expected<Regex> parse();

private:
  uint32_t parseAlternation();
  uint32_t parseSequence();
  uint32_t parseRepeat();
  uint32_t parseAtom();
  uint32_t parseGroup();
  uint32_t parseAhead(size_t at);
  bool parseOptions(bool &groupFollows);
  void repeat(uint32_t &node);
  bool parseBounds(uint32_t &minimum, uint32_t &maximum);

  CodePointSet parseClass(bool nested);
  bool parseClassItem(CodePointSet &set);
  CodePointSet parsePosixClass();
  /// After a backslash: a set, of one code point for a literal (`isLiteral`).
  CodePointSet parseEscape(bool inClass, bool &isLiteral);
  CodePointSet parseProperty(bool inClass, bool negated);
  uint32_t parseHex(unsigned maximumDigits, bool braced);

  bool atEnd() const { return position >= pattern.size(); }
  char peek(size_t ahead = 0) const {
    return position + ahead < pattern.size() ? pattern[position + ahead] : '\0';
  }
  bool startsWith(llvm::StringRef text) const {
    return pattern.drop_front(position).starts_with(text);
  }
  bool accept(llvm::StringRef text) {
    if (!startsWith(text))
      return false;
    position += text.size();
    return true;
  }
  uint32_t nextCodePoint();
  uint32_t emptyNode() { return regex.addNode({.children = {}}); }
  uint32_t setNode(const CodePointSet &set) {
    return regex.addNode(
        {.kind = Regex::Kind::Set, .index = regex.addSet(set), .children = {}});
  }
  uint32_t literalNode(CodePointSet set) {
    if (ignoreCase)
      set.addCaseVariants();
    return setNode(set);
  }
  void fail(size_t at, const llvm::Twine &cause) {
    if (failure.empty())
      failure =
          ("regular expression, byte " + llvm::Twine(at + 1) + ": " + cause)
              .str();
    position = pattern.size();
  }
  bool failed() const { return !failure.empty(); }
  bool enter(size_t at) {
    if (++depth <= maximumDepth)
      return true;
    fail(at, "nested more than " + llvm::Twine(maximumDepth) + " deep");
    return false;
  }

  llvm::StringRef pattern;
  size_t position = 0;
  unsigned depth = 0;
  bool ignoreCase = false;
  bool dotMatchesNewline = false;
  Regex regex;
  std::string failure;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEXPARSER_H
