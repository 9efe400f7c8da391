//===- RegexClasses.cpp - Brackets and backslashes ------------------------===//

#include "compiler/Support/Errors.h"
#include "compiler/Text/regex/RegexParser.h"

#include "llvm/ADT/StringExtras.h"

using namespace ashlar;

CodePointSet RegexParser::parseClass(bool nested) {
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
  // Without regard to case, the outermost class alone takes variants in.
  if (ignoreCase && !nested)
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
    set.add(parseClass(/*nested=*/true));
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
    set = posixClass(name);
  if (!set) {
    fail(at,
         "unknown class \"[:" + escapeForDisplay(name.take_front(32)) + "\"");
    return {};
  }
  position = end + 2;
  if (negated)
    set->complement();
  return *set;
}

void RegexParser::addLatinWordCharacters(CodePointSet &word) {
  word.add(0xB2, 0xB3);
  word.add(0xB9, 0xB9);
  word.add(0xBC, 0xBE);
}

CodePointSet RegexParser::parseProperty(bool inClass, bool negated) {
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
    fail(at,
         "unknown property \"" + escapeForDisplay(name.take_front(32)) + "\"");
    return {};
  }
  position = end + 1;
  if (!inClass && name.equals_insensitive("word"))
    addLatinWordCharacters(*set);
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
  auto property = [&](llvm::StringRef name, bool negated) {
    CodePointSet set = *codePointProperty(name);
    if (!inClass && name == "word")
      addLatinWordCharacters(set);
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
    return parseProperty(inClass, c == 'P');
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
  if (c < 128 && llvm::isAlnum(static_cast<char>(c)))
    fail(at, llvm::Twine("\"\\") + llvm::Twine(static_cast<char>(c)) +
                 "\" is not supported");
  return literal(c);
}
