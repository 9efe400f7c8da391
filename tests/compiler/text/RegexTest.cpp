//===- RegexTest.cpp - Regular expressions as DFAs ------------------------===//
//
// The DFA must find what a backtracking engine finds: expectations by hand for
// the order of alternatives, and std::regex (a backtracking engine for the
// notation that both have) for random patterns.
//
//===----------------------------------------------------------------------===//

#include "compiler/Support/Utf8.h"
#include "compiler/Text/regex/RegexDfa.h"
#include "tests/compiler/support/ErrorText.h"

#include <gtest/gtest.h>

#include <random>
#include <regex>

using namespace ashlar;

/// Bytes that the pattern matches at the beginning of `text`; -1 = no match.
static int matchLength(const RegexDfa &dfa, llvm::StringRef text) {
  uint32_t state = dfa.start;
  int end = -1;
  for (size_t at = 0; state != 0;) {
    CodePoint next = decodeUtf8(text.drop_front(at));
    uint32_t column =
        next.length ? dfa.classes.at(next.value) : dfa.classCount - 1;
    uint16_t entry = dfa.transitions[state * dfa.classCount + column];
    if (entry & RegexDfa::match)
      end = at;
    if (next.length == 0)
      break;
    state = entry & ~RegexDfa::match;
    at += next.length;
  }
  return end;
}

static int matchLength(llvm::StringRef pattern, llvm::StringRef text) {
  return matchLength(valueOf(compileRegex(valueOf(parseRegex(pattern)))), text);
}

static std::string refusal(llvm::StringRef pattern) {
  llvm::Expected<Regex> regex = parseRegex(pattern);
  if (!regex)
    return errorText(std::move(regex));
  return errorText(compileRegex(*regex));
}

TEST(Regex, alternativesKeepTheirOrder) {
  EXPECT_EQ(matchLength("a|ab", "ab"), 1);
  EXPECT_EQ(matchLength("ab|a", "ab"), 2);
  EXPECT_EQ(matchLength("(a|ab)(c|bcd)", "abcd"), 4);
  EXPECT_EQ(matchLength("(?:a|ab)(?:c|)", "abc"), 1);
  EXPECT_EQ(matchLength("|a", "a"), 0);
  EXPECT_EQ(matchLength("x|", "a"), 0);
  EXPECT_EQ(matchLength("a|b", "c"), -1);
}

TEST(Regex, repetitionsAreGreedyOrNot) {
  EXPECT_EQ(matchLength("a*", "aaab"), 3);
  EXPECT_EQ(matchLength("a*?", "aaab"), 0);
  EXPECT_EQ(matchLength("a*?b", "aaab"), 4);
  EXPECT_EQ(matchLength("a+?", "aaab"), 1);
  EXPECT_EQ(matchLength("a??a", "aa"), 1);
  EXPECT_EQ(matchLength("a?a", "aa"), 2);
  EXPECT_EQ(matchLength("a{2}", "aaa"), 2);
  EXPECT_EQ(matchLength("a{2}", "a"), -1);
  EXPECT_EQ(matchLength("a{1,2}", "aaa"), 2);
  EXPECT_EQ(matchLength("a{1,2}?", "aaa"), 1);
  EXPECT_EQ(matchLength("a{2,}", "aaaa"), 4);
  EXPECT_EQ(matchLength("a{,2}", "aaa"), 2);
  EXPECT_EQ(matchLength("a{0}b", "b"), 1);
  EXPECT_EQ(matchLength("(a|ab)*c", "abac"), 4);
  // "{" that begins no repetition is itself.
  EXPECT_EQ(matchLength("a{x}", "a{x}"), 4);
  EXPECT_EQ(matchLength("{", "{"), 1);
}

TEST(Regex, looksOneCharacterAhead) {
  EXPECT_EQ(matchLength("a(?=b)", "ab"), 1);
  EXPECT_EQ(matchLength("a(?=b)", "ac"), -1);
  EXPECT_EQ(matchLength("a(?=b)", "a"), -1);
  EXPECT_EQ(matchLength("a(?!b)", "ab"), -1);
  EXPECT_EQ(matchLength("a(?!b)", "a"), 1);
  EXPECT_EQ(matchLength("a(?=b).", "ab"), 2);
  EXPECT_EQ(matchLength("a(?=[bc])(?!c)|a", "ac"), 1);
  EXPECT_EQ(matchLength("(a(?!c)|ab)*", "aabac"), 2);
  const char *blanks = "\\s+(?!\\S)|\\s+";
  EXPECT_EQ(matchLength(blanks, "   a"), 2);
  EXPECT_EQ(matchLength(blanks, "   "), 3);
  EXPECT_EQ(matchLength(blanks, "\ta"), 1);
  EXPECT_EQ(matchLength(blanks, " \n\u3000a"), 2);
}

TEST(Regex, loopsOverNothingEnd) {
  EXPECT_EQ(matchLength("(a?)*", "aab"), 2);
  EXPECT_EQ(matchLength("(a|)+", "aab"), 2);
  EXPECT_EQ(matchLength("(a*)*b", "aab"), 3);
  EXPECT_EQ(matchLength("()*", "a"), 0);
  EXPECT_EQ(matchLength("(a|b?){2}", "ba"), 2);
}

TEST(Regex, classes) {
  EXPECT_EQ(matchLength(".", "\n"), -1);
  EXPECT_EQ(matchLength(".", "\r"), 1);
  EXPECT_EQ(matchLength("(?m:.)", "\n"), 1);
  EXPECT_EQ(matchLength("[^a]", "\n"), 1);
  EXPECT_EQ(matchLength(".", "\xF0\x9F\x98\x80"), 4);
  EXPECT_EQ(matchLength("[a-c]+", "abcd"), 3);
  EXPECT_EQ(matchLength("[^a-c]+", "xyzb"), 3);
  EXPECT_EQ(matchLength("[-a]+", "a-"), 2);
  EXPECT_EQ(matchLength("[a-]+", "a-"), 2);
  EXPECT_EQ(matchLength("[a\\-c]+", "a-cb"), 3);
  EXPECT_EQ(matchLength("[\\]\\[]+", "[]"), 2);
  EXPECT_EQ(matchLength("[.*]+", "*.a"), 2);
  EXPECT_EQ(matchLength("[[ab]c]+", "abcd"), 3);
  EXPECT_EQ(matchLength("[a-z&&[^b]]+", "acb"), 2);
  EXPECT_EQ(matchLength("[\\w&&\\D]+", "ab1"), 2);
  EXPECT_EQ(matchLength("[[:alpha:]1]+", "a1."), 2);
  EXPECT_EQ(matchLength("[[:^alpha:]]+", "1a"), 1);
  EXPECT_EQ(matchLength("\\s+", " \t\u00A0\u3000\u2028x"), 10);
  EXPECT_EQ(matchLength("\\d+", "1\u0663x"), 3);
  EXPECT_EQ(matchLength("\\D+", "x1"), 1);
  EXPECT_EQ(matchLength("\\w+", "a\u4E2D\u0301_1-"), 8);
  EXPECT_EQ(matchLength("\\h+", "fFg"), 2);
  EXPECT_EQ(matchLength("\\p{L}+", "a\u00E91"), 3);
  EXPECT_EQ(matchLength("\\p{Lu}", "a"), -1);
  EXPECT_EQ(matchLength("\\P{L}+", "1.a"), 2);
  EXPECT_EQ(matchLength("\\p{^L}+", "1.a"), 2);
  EXPECT_EQ(matchLength("\\p{Han}+", "\u4E2D\u6587a"), 6);
}

TEST(Regex, everyPropertyNameIsKnown) {
  for (const char *name :
       {"Alnum",    "Alpha", "ASCII",      "Any",    "Blank",    "Cntrl",
        "Digit",    "Graph", "Lower",      "Print",  "Punct",    "Space",
        "Upper",    "Word",  "XDigit",     "L",      "Lu",       "Ll",
        "Lt",       "Lm",    "Lo",         "M",      "Mn",       "N",
        "Nd",       "Nl",    "No",         "P",      "Pc",       "Pd",
        "Ps",       "Pe",    "Pi",         "Pf",     "Po",       "S",
        "Sm",       "Sc",    "Sk",         "So",     "Z",        "Zs",
        "C",        "Cc",    "Cf",         "Letter", "Hiragana", "Katakana",
        "Cyrillic", "Thai",  "White_Space"}) {
    std::optional<CodePointSet> set = codePointProperty(name);
    ASSERT_TRUE(set) << name;
    EXPECT_FALSE(set->empty()) << name;
  }
  for (const char *name :
       {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower",
        "print", "punct", "space", "upper", "word", "xdigit"})
    EXPECT_TRUE(posixClass(name)) << name;
  EXPECT_FALSE(codePointProperty(""));
  EXPECT_FALSE(codePointProperty("Letters"));
  EXPECT_FALSE(codePointProperty("L]\\p{N"));
  EXPECT_FALSE(posixClass("Alpha"));
}

TEST(Regex, escapes) {
  EXPECT_EQ(matchLength("\\t\\n\\r\\f\\v\\a\\e", "\t\n\r\f\v\a\x1B"), 7);
  EXPECT_EQ(matchLength("\\x41\\x{e9}\\u4e2d", "A\u00E9\u4E2D"), 6);
  EXPECT_EQ(matchLength("\\.\\*\\\\\\/\\ ", ".*\\/ "), 5);
  EXPECT_EQ(matchLength("(?i:aB)c", "Abc"), 3);
  EXPECT_EQ(matchLength("(?i:aB)c", "AbC"), -1);
  EXPECT_EQ(matchLength("(?i)k", "\u212A"), 3);
  EXPECT_EQ(matchLength("(?i:[^k])", "K"), -1);
  EXPECT_EQ(matchLength("((?i)a)b", "AB"), -1);
  EXPECT_EQ(matchLength("(?i:\\p{Lu})", "a"), -1);
}

TEST(Regex, refusesWhatIsNotRegular) {
  auto cause = [](llvm::StringRef pattern) {
    std::string message = refusal(pattern);
    return message.substr(0, message.find('\n'));
  };
  const std::string at = "regular expression, byte ";
  EXPECT_EQ(cause("a(?=bc)"),
            at + "2: look-ahead of more than one character is not regular");
  EXPECT_EQ(cause("a(?!\\s*$)"),
            at + "2: look-ahead of more than one character is not regular");
  EXPECT_EQ(cause("(?<=ab)c"),
            at + "1: look-behind of more than one character is not regular");
  EXPECT_EQ(cause("(a)\\1"), at + "4: back-reference is not regular");
  EXPECT_EQ(cause("(?<x>a)\\k<x>"), at + "8: back-reference is not regular");
  EXPECT_EQ(cause("(?>a|ab)c"), at + "1: atomic group is not regular");
  EXPECT_EQ(cause("(?>a*b*)c"), at + "1: atomic group is not regular");
  EXPECT_EQ(cause("(ab)++a"),
            at + "5: possessive repetition of a group is not regular");
  EXPECT_EQ(cause("\\Ga"), at + "1: \"\\G\" is not regular");
  // Whether an iteration has read anything decides what comes next.
  for (const char *loop :
       {"(|a)+", "(|a){2}", "(a*?)*b", "(\\b|a)*", "(a|$)+", "(a*|b?)+c"})
    EXPECT_NE(cause(loop).find("repetition of what may be empty"),
              std::string::npos)
        << loop;
}

TEST(Regex, refusesWhatNoEngineOfOursFollows) {
  auto cause = [](llvm::StringRef pattern) {
    std::string message = errorText(parseRegex(pattern));
    return message.substr(0, message.find('\n'));
  };
  const std::string at = "regular expression, byte ";
  EXPECT_EQ(cause("\\R"), at + "1: \"\\R\" is not supported");
  EXPECT_EQ(cause("a\\K"), at + "2: \"\\K\" is not supported");
  EXPECT_EQ(cause("[\\b]"), at + "2: \"\\b\" is not supported");
  EXPECT_EQ(cause("(a)\\2"), at + "4: there is no group 2");
  EXPECT_EQ(cause("(?<x>a)(b)\\1"),
            at + "11: number of a group beside groups with names");
  EXPECT_EQ(cause("(?<x>a)(?<x>b)"),
            at + "8: second group \"x\" is not supported");
  EXPECT_EQ(cause("(a)\\10"),
            at + "4: back-reference to a group beyond 9 is not supported");
  EXPECT_EQ(cause("(?i)(a)\\1"),
            at + "8: back-reference without regard to case is not supported");
  EXPECT_EQ(cause("(?<x"), at + "1: group name without \">\"");
}

TEST(Regex, refusesWhatIsMalformed) {
  auto cause = [](llvm::StringRef pattern) {
    std::string message = refusal(pattern);
    return message.substr(message.find("byte ") + 5,
                          message.find('\n') - message.find("byte ") - 5);
  };
  EXPECT_EQ(cause("(a"), "1: \"(\" without \")\"");
  EXPECT_EQ(cause("a)"), "2: \")\" without \"(\"");
  EXPECT_EQ(cause("[a"), "1: \"[\" without \"]\"");
  EXPECT_EQ(cause("[]"), "1: empty character class");
  EXPECT_EQ(cause("*a"), "1: nothing to repeat");
  EXPECT_EQ(cause("a{3,2}"), "2: repetition {3,2} with its bounds reversed");
  EXPECT_EQ(cause("a{1001}"), "2: repetition beyond 1000");
  EXPECT_EQ(cause("a{99999999999}"), "2: repetition beyond 1000");
  EXPECT_EQ(cause("[z-a]"), "2: range with its ends reversed");
  EXPECT_EQ(cause("[a-\\d]"), "2: range that ends in a set");
  EXPECT_EQ(cause("\\p{Foo}"), "3: unknown property \"Foo\"");
  EXPECT_EQ(cause("\\p"), "3: \\p without \"{\"");
  EXPECT_EQ(cause("[[:foo:]]"), "2: unknown class \"[:foo\"");
  EXPECT_EQ(cause("a\\"), "2: \"\\\" at the end");
  EXPECT_EQ(cause("\\x{110000}"), "4: not a code point");
  EXPECT_EQ(cause("(?x:a)"), "3: group \"(?x\" is not supported");
  EXPECT_EQ(cause(std::string(101, '(') + std::string(101, ')')),
            "101: nested more than 100 deep");
  EXPECT_EQ(cause("a" + std::string(10000, '+')),
            "1000: repetitions nested more than 1000 deep");
}

TEST(Regex, boundsItsWork) {
  EXPECT_NE(refusal("((a{1000}){1000}){1000}").find("states"),
            std::string::npos);
  EXPECT_NE(refusal("((((){1000}){1000}){1000}){1000}").find("states"),
            std::string::npos);
  // 2^20 subsets.
  EXPECT_NE(refusal("(a|b)*?a(a|b){20}c").find("states"), std::string::npos);
  EXPECT_NE(refusal(std::string(20000, 'a')).find("bytes"), std::string::npos);
}

/// A random pattern of the notation that std::regex has as well.
static std::string randomPattern(std::mt19937 &random, unsigned depth) {
  auto pick = [&](unsigned count) { return random() % count; };
  static const char *const atoms[] = {"a", "b", "c", "[ab]", "[^a]", "(?:ab)"};
  if (depth == 0 || pick(4) == 0)
    return atoms[pick(6)];
  switch (pick(3)) {
  case 0:
    return randomPattern(random, depth - 1) + randomPattern(random, depth - 1);
  case 1:
    return "(?:" + randomPattern(random, depth - 1) + "|" +
           randomPattern(random, depth - 1) + ")";
  default: {
    static const char *const counts[] = {"*",  "+",   "?",     "*?",
                                         "+?", "{2}", "{1,2}", "??"};
    // One atom, so that no repetition's body can be empty.
    return std::string(atoms[pick(6)]) + counts[pick(8)];
  }
  }
}

TEST(Regex, agreesWithABacktrackingEngine) {
  std::mt19937 random(20260501);
  unsigned matches = 0;
  for (int i = 0; i < 400; ++i) {
    std::string pattern = randomPattern(random, 4);
    RegexDfa dfa = valueOf(compileRegex(valueOf(parseRegex(pattern))));
    std::regex oracle(pattern, std::regex::ECMAScript);
    for (int j = 0; j < 20; ++j) {
      std::string text;
      for (unsigned k = random() % 8; k > 0; --k)
        text += "abc"[random() % 3];
      std::smatch found;
      int expected = -1;
      if (std::regex_search(text, found, oracle,
                            std::regex_constants::match_continuous))
        expected = found.length();
      EXPECT_EQ(matchLength(dfa, text), expected) << pattern << " on " << text;
      matches += expected > 0;
    }
  }
  EXPECT_GT(matches, 1000u);
}
