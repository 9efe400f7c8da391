//===- RegexParser.cpp - Notation -> regular expression -------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Support/Utf8.h"
#include "compiler/Text/Regex.h"

#include "llvm/ADT/StringExtras.h"

#include <cassert>

using namespace ashlar;

namespace {

constexpr size_t maximumPattern = 16384; // bytes
constexpr unsigned maximumDepth = 100;   // groups and classes
constexpr uint32_t maximumRepeat = 1000;

/// One pass from left to right, one function per level of the grammar. A
/// function that fails leaves `failure` set and everything above it returns.
class RegexParser {
public:
  explicit RegexParser(llvm::StringRef pattern) : pattern(pattern) {}

  llvm::Expected<Regex> parse();

private:
  uint32_t parseAlternation();
  uint32_t parseSequence();
  uint32_t parseRepeat();
  uint32_t parseAtom();
  uint32_t parseGroup();
  bool parseOptions(bool &groupFollows);
  void repeat(uint32_t &node);
  bool parseBounds(uint32_t &minimum, uint32_t &maximum);

  CodePointSet parseClass();
  bool parseClassItem(CodePointSet &set);
  CodePointSet parsePosixClass();
  /// After a backslash: a set, of one code point for a literal (`isLiteral`).
  CodePointSet parseEscape(bool inClass, bool &isLiteral);
  CodePointSet parseProperty(bool negated);
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
  uint32_t setNode(CodePointSet set) {
    if (ignoreCase)
      set.addCaseVariants();
    return regex.addNode({.kind = Regex::Kind::Set,
                          .index = regex.addSet(set),
                          .children = {}});
  }
  void fail(size_t at, const llvm::Twine &cause) {
    if (failure.empty())
      failure = ("regular expression, byte " + llvm::Twine(at + 1) + ": " +
                 cause)
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

} // namespace

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
    CodePointSet set = parseClass();
    return failed() ? emptyNode() : setNode(std::move(set));
  }
  case '.': {
    ++position;
    CodePointSet set;
    if (!dotMatchesNewline)
      set.add('\n', '\n');
    set.complement();
    return setNode(std::move(set));
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
    return failed() ? emptyNode() : setNode(std::move(set));
  }
  default: {
    uint32_t value = nextCodePoint();
    return setNode({value, value});
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
      fail(at, "group \"(?" + pattern.substr(at, 2) + "\" is not supported");
      return false;
    }
  }
}

uint32_t RegexParser::parseGroup() {
  size_t at = position;
  if (!enter(at))
    return emptyNode();
  bool outerIgnoreCase = ignoreCase, outerDot = dotMatchesNewline;
  accept("(");
  bool groupFollows = true;
  if (startsWith("?=") || startsWith("?!") || startsWith("?<=") ||
      startsWith("?<!")) {
    fail(at, "look-around is not regular");
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

CodePointSet RegexParser::parseClass() {
  size_t at = position;
  CodePointSet set;
  if (!enter(at))
    return set;
  accept("[");
  bool negated = accept("^");
  if (peek() == ']') {
    fail(at, "empty character class");
    return set;
  }
  while (!failed() && !accept("]")) {
    if (atEnd()) {
      fail(at, "\"[\" without \"]\"");
    } else if (accept("&&")) {
      // What follows, up to the end of the class, is intersected.
      CodePointSet right;
      while (!failed() && !atEnd() && peek() != ']' && !startsWith("&&"))
        parseClassItem(right);
      set.intersect(std::move(right));
    } else {
      parseClassItem(set);
    }
  }
  --depth;
  if (ignoreCase)
    set.addCaseVariants();
  if (negated)
    set.complement();
  return set;
}

/// A nested class, a set, a code point or a range of code points.
bool RegexParser::parseClassItem(CodePointSet &set) {
  size_t at = position;
  if (startsWith("[:")) {
    set.add(parsePosixClass());
    return !failed();
  }
  if (peek() == '[') {
    set.add(parseClass());
    return !failed();
  }
  auto parseOne = [&](bool &isLiteral) {
    isLiteral = true;
    if (accept("\\"))
      return parseEscape(/*inClass=*/true, isLiteral);
    uint32_t value = nextCodePoint();
    return CodePointSet(value, value);
  };
  bool isLiteral = false;
  CodePointSet first = parseOne(isLiteral);
  if (failed())
    return false;
  // "-" before "]" or behind a set is itself.
  bool range = isLiteral && peek() == '-' && peek(1) != ']' &&
               position + 1 < pattern.size() && peek(1) != '[';
  if (!range) {
    set.add(first);
    return true;
  }
  accept("-");
  CodePointSet last = parseOne(isLiteral);
  if (failed())
    return false;
  if (!isLiteral) {
    fail(at, "range that ends in a set");
    return false;
  }
  uint32_t low = first.ranges()[0].first, high = last.ranges()[0].first;
  if (low > high) {
    fail(at, "range with its ends reversed");
    return false;
  }
  set.add(low, high);
  return true;
}

CodePointSet RegexParser::parsePosixClass() {
  size_t at = position;
  accept("[:");
  bool negated = accept("^");
  size_t end = pattern.find(":]", position);
  llvm::StringRef name = pattern.slice(position, end);
  std::optional<CodePointSet> set;
  if (end != llvm::StringRef::npos)
    set = codePointProperty(name);
  if (!set) {
    fail(at, "unknown class \"[:" + escapeForDisplay(name.take_front(32)) +
                 "\"");
    return {};
  }
  position = end + 2;
  if (negated)
    set->complement();
  return *set;
}

CodePointSet RegexParser::parseProperty(bool negated) {
  size_t at = position;
  if (!accept("{")) {
    fail(at, "\\p without \"{\"");
    return {};
  }
  negated ^= accept("^");
  size_t end = pattern.find('}', position);
  llvm::StringRef name = pattern.slice(position, end);
  std::optional<CodePointSet> set;
  if (end != llvm::StringRef::npos)
    set = codePointProperty(name);
  if (!set) {
    fail(at, "unknown property \"" + escapeForDisplay(name.take_front(32)) +
                 "\"");
    return {};
  }
  position = end + 1;
  if (negated)
    set->complement();
  return *set;
}

uint32_t RegexParser::parseHex(unsigned maximumDigits, bool braced) {
  size_t at = position;
  uint32_t value = 0;
  unsigned digits = 0;
  for (; digits < maximumDigits && llvm::isHexDigit(peek()); ++digits)
    value = value * 16 + llvm::hexDigitValue(pattern[position++]);
  if (digits == 0 || (braced && !accept("}")) || value > CodePointSet::maximum)
    fail(at, "not a code point");
  return failed() ? 0 : value;
}

CodePointSet RegexParser::parseEscape(bool inClass, bool &isLiteral) {
  size_t at = position - 1;
  isLiteral = false;
  if (atEnd()) {
    fail(at, "\"\\\" at the end");
    return {};
  }
  auto literal = [&](uint32_t value) {
    isLiteral = true;
    return CodePointSet(value, value);
  };
  auto property = [&](const char *name, bool negated) {
    CodePointSet set = *codePointProperty(name);
    if (negated)
      set.complement();
    return set;
  };
  uint32_t c = nextCodePoint();
  switch (c) {
  case 'd':
  case 'D':
    return property("digit", c == 'D');
  case 's':
  case 'S':
    return property("space", c == 'S');
  case 'w':
  case 'W':
    return property("word", c == 'W');
  case 'h':
  case 'H':
    return property("xdigit", c == 'H');
  case 'p':
  case 'P':
    return parseProperty(c == 'P');
  case 't':
    return literal('\t');
  case 'n':
    return literal('\n');
  case 'r':
    return literal('\r');
  case 'f':
    return literal('\f');
  case 'v':
    return literal('\v');
  case 'a':
    return literal('\a');
  case 'e':
    return literal(0x1B);
  case 'u':
    return literal(parseHex(4, /*braced=*/false));
  case 'x':
    return accept("{") ? literal(parseHex(8, /*braced=*/true))
                       : literal(parseHex(2, /*braced=*/false));
  default:
    break;
  }
  if (c >= '1' && c <= '9')
    fail(at, "back-reference is not regular");
  else if (c < 128 && llvm::isAlnum(static_cast<char>(c)))
    fail(at, llvm::Twine("\"\\") + llvm::Twine(static_cast<char>(c)) +
                 "\" is not supported" +
                 (!inClass && llvm::StringRef("bBAzZG").contains(c)
                      ? " (it looks at what surrounds a match)"
                      : ""));
  return literal(c);
}

llvm::Expected<Regex> ashlar::parseRegex(llvm::StringRef pattern) {
  return RegexParser(pattern).parse();
}
