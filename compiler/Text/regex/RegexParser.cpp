//===- RegexParser.cpp - Notation -> regular expression -------------------===//

#include "compiler/Text/regex/RegexParser.h"
#include "compiler/Support/Errors.h"
#include "compiler/Support/Utf8.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cassert>

using namespace ashlar;

static llvm::Error regexError(const llvm::Twine &cause) {
  return userError("", cause,
                   "the notation is Oniguruma's: literals, classes, groups, "
                   "alternatives, repetitions, anchors, look-around and "
                   "back-references are supported");
}

llvm::Expected<Regex> RegexParser::parse() {
  if (pattern.size() > maximumPattern)
    return regexError("regular expression of " + llvm::Twine(pattern.size()) +
                      " bytes; at most " + llvm::Twine(maximumPattern) +
                      " are supported");
  regex.root = parseAlternation();
  if (!failed() && !atEnd())
    fail(position, "\")\" without \"(\"");
  if (!failed())
    numberGroups();
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
    if (regex.nodes[node].depth > maximumTree)
      fail(before, "repetitions nested more than " + llvm::Twine(maximumTree) +
                       " deep");
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
  }
  // Behind bounds "+" is one more repetition.
  bool possessive = !bounds && repeat.greedy && accept("+");
  repeat.at = at + 1;
  node = regex.addNode(std::move(repeat));
  if (possessive)
    node = this->node(Regex::Kind::Atomic, {node}, at);
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
    ++position;
    return lineBegin();
  case '$':
    ++position;
    return regex.addAhead({'\n', '\n'}, /*atEdge=*/true);
  case '*':
  case '+':
  case '?':
    fail(at, "nothing to repeat");
    return emptyNode();
  case '\\': {
    ++position;
    if (std::optional<uint32_t> place = parsePlace(at))
      return *place;
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

/// After "(": "?=", "?!", "?<=" or "?<!".
uint32_t RegexParser::parseLook(size_t at) {
  position += 1;
  bool behind = accept("<");
  bool negated = peek() == '!';
  position += 1;
  bool outerIgnoreCase = ignoreCase, outerDot = dotMatchesNewline;
  uint32_t inside = parseAlternation();
  if (!failed() && !accept(")"))
    fail(at, "\"(\" without \")\"");
  ignoreCase = outerIgnoreCase;
  dotMatchesNewline = outerDot;
  return regex.addNode({.kind = Regex::Kind::Look,
                        .children = {inside},
                        .behind = behind,
                        .negated = negated,
                        .at = static_cast<uint32_t>(at + 1)});
}

/// After "(?": the name of a group, and ">".
uint32_t RegexParser::parseNamed(size_t at) {
  size_t end = pattern.find('>', position);
  if (end == llvm::StringRef::npos) {
    fail(at, "group name without \">\"");
    return 0;
  }
  llvm::StringRef name = pattern.slice(position, end);
  if (llvm::is_contained(names, name))
    fail(at, "second group \"" + escapeForDisplay(name.take_front(32)) +
                 "\" is not supported");
  names.push_back(name);
  if (!failed())
    position = end + 1;
  return names.size();
}

uint32_t RegexParser::parseGroup() {
  size_t at = position;
  if (!enter(at))
    return emptyNode();
  bool outerIgnoreCase = ignoreCase, outerDot = dotMatchesNewline;
  accept("(");
  bool groupFollows = true;
  Regex::Node group{.kind = Regex::Kind::Sequence, .children = {}};
  if (startsWith("?=") || startsWith("?!") || startsWith("?<=") ||
      startsWith("?<!")) {
    uint32_t node = parseLook(at);
    --depth;
    return node;
  }
  if (accept("?>")) {
    group.kind = Regex::Kind::Atomic;
  } else if (accept("?<") || accept("?P<")) {
    group.kind = Regex::Kind::Group;
    group.named = true;
    group.index = parseNamed(at);
  } else if (accept("?")) {
    parseOptions(groupFollows);
  } else {
    group.kind = Regex::Kind::Group;
    group.index = ++plainGroups;
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
  if (group.kind == Regex::Kind::Sequence)
    return node;
  group.children = {node};
  group.at = at + 1;
  return regex.addNode(std::move(group));
}

/// Beside groups with names, the others are no more than brackets. A group
/// that nothing refers to is one as well.
void RegexParser::numberGroups() {
  auto numbered = [&](const Regex::Node &node) {
    return node.named == !names.empty();
  };
  for (const Regex::Node &node : regex.nodes) {
    if (node.kind != Regex::Kind::Back)
      continue;
    regex.hasBack = true;
    if (!numbered(node))
      return fail(node.at - 1, "number of a group beside groups with names");
    if (node.index > (node.named ? names.size() : plainGroups))
      return fail(node.at - 1, "there is no group " + llvm::Twine(node.index));
  }
  for (Regex::Node &node : regex.nodes)
    if (node.kind == Regex::Kind::Group && (!regex.hasBack || !numbered(node)))
      node.kind = Regex::Kind::Sequence;
}

llvm::Expected<Regex> ashlar::parseRegex(llvm::StringRef pattern) {
  return RegexParser(pattern).parse();
}
