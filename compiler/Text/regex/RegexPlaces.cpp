//===- RegexPlaces.cpp - Anchors, references, clusters --------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Text/CharacterMap.h"
#include "compiler/Text/regex/RegexParser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace ashlar;

static CodePointSet everything() { return {0, CodePointSet::maximum}; }

/// A text's beginning, and what follows a newline that does not end the text.
uint32_t RegexParser::lineBegin() {
  uint32_t begin = regex.addBehind({}, /*atEdge=*/true);
  uint32_t newline = regex.addBehind({'\n', '\n'}, /*atEdge=*/false);
  uint32_t more = regex.addAhead(everything(), /*atEdge=*/false);
  uint32_t line = node(Regex::Kind::Sequence, {newline, more}, position);
  return node(Regex::Kind::Alternation, {begin, line}, position);
}

uint32_t RegexParser::wordEdge(bool isEdge) {
  CodePointSet word = *codePointProperty("word");
  addLatinWordCharacters(word);
  CodePointSet other = word;
  other.complement();
  auto between = [&](bool wordBehind, bool wordAhead) {
    uint32_t behind =
        regex.addBehind(wordBehind ? word : other, /*atEdge=*/!wordBehind);
    uint32_t ahead =
        regex.addAhead(wordAhead ? word : other, /*atEdge=*/!wordAhead);
    return node(Regex::Kind::Sequence, {behind, ahead}, position);
  };
  uint32_t first = between(true, !isEdge), second = between(false, isEdge);
  return node(Regex::Kind::Alternation, {first, second}, position);
}

/// \X: what a reader takes for one character.
uint32_t RegexParser::cluster(size_t at) {
  if (!grapheme)
    grapheme = graphemeRegex();
  uint32_t first = regex.nodes.size();
  for (Regex::Node copy : grapheme->nodes) {
    if (copy.kind == Regex::Kind::Set)
      copy.index = regex.addSet(grapheme->sets[copy.index]);
    for (uint32_t &child : copy.children)
      child += first;
    regex.addNode(std::move(copy));
  }
  return node(Regex::Kind::Atomic, {first + grapheme->root}, at);
}

/// \1 to \9.
uint32_t RegexParser::parseBack(size_t at) {
  uint32_t number = peek() - '0';
  ++position;
  if (llvm::isDigit(peek())) {
    fail(at, "back-reference to a group beyond 9 is not supported");
    return emptyNode();
  }
  if (ignoreCase)
    fail(at, "back-reference without regard to case is not supported");
  return regex.addNode({.kind = Regex::Kind::Back,
                        .index = number,
                        .children = {},
                        .at = static_cast<uint32_t>(at + 1)});
}

/// \k<name>
uint32_t RegexParser::parseNamedBack(size_t at) {
  size_t end = accept("k<") ? pattern.find('>', position) : pattern.npos;
  auto it = end == pattern.npos
                ? names.end()
                : llvm::find(names, pattern.slice(position, end));
  if (it == names.end()) {
    fail(at, "\"\\k\" without the name of a group before it is not supported");
    return emptyNode();
  }
  position = end + 1;
  if (ignoreCase)
    fail(at, "back-reference without regard to case is not supported");
  return regex.addNode({.kind = Regex::Kind::Back,
                        .index = static_cast<uint32_t>(it - names.begin()) + 1,
                        .children = {},
                        .named = true,
                        .at = static_cast<uint32_t>(at + 1)});
}

std::optional<uint32_t> RegexParser::parsePlace(size_t at) {
  char c = peek();
  if (c >= '1' && c <= '9')
    return parseBack(at);
  if (c == 'k')
    return parseNamedBack(at);
  if (!llvm::StringRef("AbBGNOXzZ").contains(c) || c == '\0')
    return std::nullopt;
  ++position;
  switch (c) {
  case 'A':
    return regex.addBehind({}, /*atEdge=*/true);
  case 'b':
  case 'B':
    return wordEdge(c == 'b');
  case 'G':
    return node(Regex::Kind::Start, {}, at);
  case 'N': {
    CodePointSet set('\n', '\n');
    set.complement();
    return setNode(set);
  }
  case 'O':
    return setNode(everything());
  case 'X':
    return cluster(at);
  case 'z':
    return regex.addAhead({}, /*atEdge=*/true);
  default:
    return regex.addBeforeLastLine();
  }
}
