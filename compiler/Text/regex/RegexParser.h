//===- RegexParser.h - Notation -> regular expression ----------*- C++ -*-===//
//
// One pass from left to right, one function per level of the grammar. What a
// backslash or a bracket stands for is in RegexClasses.cpp and RegexPlaces.cpp,
// the rest in RegexParser.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_REGEX_REGEXPARSER_H
#define ASHLAR_COMPILER_TEXT_REGEX_REGEXPARSER_H

#include "compiler/Text/regex/Regex.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

namespace ashlar {

/// A function that fails leaves `failure` set, and everything above it returns.
class RegexParser {
public:
  static constexpr size_t maximumPattern = 16384; // bytes
  static constexpr unsigned maximumDepth = 100;   // groups and classes
  static constexpr uint32_t maximumRepeat = 1000;
  /// Of the tree: groups, and repetitions of repetitions.
  static constexpr uint32_t maximumTree = 1000;

  explicit RegexParser(llvm::StringRef pattern) : pattern(pattern) {}

  llvm::Expected<Regex> parse();

private:
  uint32_t parseAlternation();
  uint32_t parseSequence();
  uint32_t parseRepeat();
  uint32_t parseAtom();
  uint32_t parseGroup();
  uint32_t parseLook(size_t at);
  uint32_t parseNamed(size_t at);
  uint32_t parseBack(size_t at);
  uint32_t parseNamedBack(size_t at);
  /// After a backslash, outside of brackets: what is no set of characters.
  std::optional<uint32_t> parsePlace(size_t at);
  uint32_t lineBegin();
  uint32_t wordEdge(bool isEdge);
  uint32_t cluster(size_t at);
  /// Names decide whether the other groups count.
  void numberGroups();
  bool parseOptions(bool &groupFollows);
  void repeat(uint32_t &node);
  bool parseBounds(uint32_t &minimum, uint32_t &maximum);

  CodePointSet parseClass(bool nested);
  bool parseClassItem(CodePointSet &set);
  CodePointSet parsePosixClass();
  /// After a backslash: a set, of one code point for a literal (`isLiteral`).
  CodePointSet parseEscape(bool inClass, bool &isLiteral);
  CodePointSet parseProperty(bool inClass, bool negated);
  /// Outside of brackets, the engine looks characters below U+0100 up in a
  /// table of its own, in which superscript digits and fractions belong to
  /// words.
  static void addLatinWordCharacters(CodePointSet &word);
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
  uint32_t node(Regex::Kind kind, std::vector<uint32_t> children, size_t at) {
    return regex.addNode({.kind = kind,
                          .children = std::move(children),
                          .at = static_cast<uint32_t>(at + 1)});
  }
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
  uint32_t plainGroups = 0;
  std::vector<llvm::StringRef> names; // of the other groups
  Regex regex;
  std::optional<Regex> grapheme; // once it is needed
  std::string failure;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_REGEX_REGEXPARSER_H
