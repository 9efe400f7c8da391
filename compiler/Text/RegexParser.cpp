//===- RegexParser.cpp - Notation -> regular expression -------------------===//

#include "compiler/Text/RegexParser.h"
#include "compiler/Support/Errors.h"
#include "compiler/Support/Utf8.h"

#include "llvm/ADT/StringExtras.h"

#include <cassert>

using namespace ashlar;

static llvm::Error regexError(const llvm::Twine &cause) {
  return userError("", cause,
                   "the executable matches with a DFA: literals, classes, "
                   "groups, alternatives and repetitions are supported");
}

llvm::Expected<Regex> RegexParser::parse() {
  if (pattern.size() > maximumPattern)
    return regexError("regular expression of " + llvm::Twine(pattern.size()) +
                      " bytes; at most " + llvm::Twine(maximumPattern) +
                      " are supported");
  regex.root = parseAlternation();
  if (!failed() && !atEnd())
    fail(position, "\")\" without \"(\"");
  if (failed())
    return regexError(failure);
  return std::move(regex);
}

uint32_t RegexParser::nextCodePoint() {
  CodePoint next = decodeUtf8(pattern.drop_front(position));
  assert(next.length && "the reader has let invalid UTF-8 pass");
  position += next.length;
  return next.value;
}

uint32_t RegexParser::parseAlternation() {
  std::vector<uint32_t> choices{parseSequence()};
  while (!failed() && accept("|"))
    choices.push_back(parseSequence());
  if (choices.size() == 1)
    return choices[0];
  return regex.addNode(
      {.kind = Regex::Kind::Alternation, .children = std::move(choices)});
}

uint32_t RegexParser::parseSequence() {
  std::vector<uint32_t> parts;
  while (!atEnd() && peek() != '|' && peek() != ')')
    parts.push_back(parseRepeat());
  if (parts.size() == 1)
    return parts[0];
  return regex.addNode(
      {.kind = Regex::Kind::Sequence, .children = std::move(parts)});
}

uint32_t RegexParser::parseRepeat() {
  uint32_t node = parseAtom();
  while (!atEnd()) {
    size_t before = position;
    repeat(node);
    if (position == before)
      break;
  }
  return node;
}

/// {m}, {m,}, {,n}, {m,n}; anything else after "{" is literal text.
bool RegexParser::parseBounds(uint32_t &minimum, uint32_t &maximum) {
  llvm::StringRef rest = pattern.drop_front(position + 1);
  llvm::StringRef inside = rest.take_until([](char c) { return c == '}'; });
  if (inside.size() == rest.size())
    return false;
  auto [low, high] = inside.split(',');
  bool comma = inside.contains(',');
  auto isNumber = [](llvm::StringRef text) {
    return llvm::all_of(text, [](char c) { return llvm::isDigit(c); });
  };
  if (!isNumber(low) || !isNumber(high) || (low.empty() && high.empty()))
    return false;
  minimum = 0;
  maximum = Regex::unbounded;
  if ((!low.empty() && low.getAsInteger(10, minimum)) ||
      (!high.empty() && high.getAsInteger(10, maximum)) ||
      minimum > maximumRepeat ||
      (maximum != Regex::unbounded && maximum > maximumRepeat)) {
    fail(position, "repetition beyond " + llvm::Twine(maximumRepeat));
    return true;
  }
  if (!comma)
    maximum = minimum;
  if (minimum > maximum)
    fail(position, "repetition {" + llvm::Twine(minimum) + "," +
                       llvm::Twine(maximum) + "} with its bounds reversed");
  position += inside.size() + 2;
  return true;
}

void RegexParser::repeat(uint32_t &node) {
  size_t at = position;
  Regex::Node repeat{.kind = Regex::Kind::Repeat, .children = {node}};
  bool bounds = false;
  if (accept("*")) {
    repeat.maximum = Regex::unbounded;
  } else if (accept("+")) {
    repeat.minimum = 1;
    repeat.maximum = Regex::unbounded;
  } else if (accept("?")) {
    repeat.maximum = 1;
  } else if (peek() == '{') {
    if (!parseBounds(repeat.minimum, repeat.maximum))
      return;
    bounds = true;
  } else {
    return;
  }
  if (failed())
    return;
  if (accept("?")) {
    // "a{3}?" means different things to different engines.
    if (bounds && repeat.minimum == repeat.maximum)
      return fail(at, "\"?\" after a fixed repetition is not supported");
    repeat.greedy = false;
  } else if (!bounds && peek() == '+') {
    return fail(at, "possessive repetition is not regular");
  }
  node = regex.addNode(std::move(repeat));
}

uint32_t RegexParser::parseAtom() {
  size_t at = position;
  switch (peek()) {
  case '(':
    return parseGroup();
  case '[': {
    CodePointSet set = parseClass(/*nested=*/false);
    return failed() ? emptyNode() : setNode(set);
  }
  case '.': {
    ++position;
    CodePointSet set;
    if (!dotMatchesNewline)
      set.add('\n', '\n');
    set.complement();
    return setNode(set);
  }
  case '^':
  case '$':
    fail(at, llvm::Twine("anchor \"") + llvm::Twine(peek()) +
                 "\" is not supported");
    return emptyNode();
  case '*':
  case '+':
  case '?':
    fail(at, "nothing to repeat");
    return emptyNode();
  case '\\': {
    ++position;
    bool isLiteral = false;
    CodePointSet set = parseEscape(/*inClass=*/false, isLiteral);
    if (failed())
      return emptyNode();
    return isLiteral ? literalNode(set) : setNode(set);
  }
  default: {
    uint32_t value = nextCodePoint();
    return literalNode({value, value});
  }
  }
}

/// "(?" has been read. Sets the options in "(?im-i:" or "(?im)".
bool RegexParser::parseOptions(bool &groupFollows) {
  size_t at = position;
  for (bool on = true;;) {
    char c = peek();
    ++position;
    if (c == 'i') {
      ignoreCase = on;
    } else if (c == 'm') {
      dotMatchesNewline = on;
    } else if (c == '-') {
      on = false;
    } else if (c == ':' || c == ')') {
      groupFollows = c == ':';
      return true;
    } else {
      fail(at, "group \"(?" + pattern.substr(at, 1) + "\" is not supported");
      return false;
    }
  }
}

/// After "(": "?=x)" or "?!x)" with one character x.
uint32_t RegexParser::parseAhead(size_t at) {
  bool negated = startsWith("?!");
  position += 2;
  uint32_t inside = parseAlternation();
  if (!failed() && !accept(")"))
    fail(at, "\"(\" without \")\"");
  if (failed())
    return emptyNode();
  if (regex.nodes[inside].kind != Regex::Kind::Set) {
    fail(at, "look-ahead is supported for one character only");
    return emptyNode();
  }
  CodePointSet set = regex.sets[regex.nodes[inside].index];
  if (negated)
    set.complement();
  return regex.addNode({.kind = Regex::Kind::Ahead,
                        .index = regex.addSet(set),
                        .children = {},
                        .atEnd = negated});
}

uint32_t RegexParser::parseGroup() {
  size_t at = position;
  if (!enter(at))
    return emptyNode();
  bool outerIgnoreCase = ignoreCase, outerDot = dotMatchesNewline;
  accept("(");
  bool groupFollows = true;
  if (startsWith("?=") || startsWith("?!")) {
    uint32_t node = parseAhead(at);
    --depth;
    return node;
  }
  if (startsWith("?<=") || startsWith("?<!")) {
    fail(at, "look-behind is not supported");
  } else if (startsWith("?>")) {
    fail(at, "atomic group is not regular");
  } else if (accept("?<") || accept("?P<")) {
    while (!atEnd() && peek() != '>')
      ++position;
    if (!accept(">"))
      fail(at, "group name without \">\"");
  } else if (accept("?")) {
    parseOptions(groupFollows);
  }
  if (failed())
    return emptyNode();
  // Options without a group of their own hold to the end of the outer group.
  uint32_t node = parseAlternation();
  --depth;
  if (!groupFollows)
    return node;
  if (!failed() && !accept(")"))
    fail(at, "\"(\" without \")\"");
  ignoreCase = outerIgnoreCase;
  dotMatchesNewline = outerDot;
  return node;
}

llvm::Expected<Regex> ashlar::parseRegex(llvm::StringRef pattern) {
  return RegexParser(pattern).parse();
}
