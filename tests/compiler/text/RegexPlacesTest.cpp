//===- RegexPlacesTest.cpp - What surrounds a match -----------------------===//
//
// Anchors, word edges, look-around and atomic groups, as tables and in the
// front end's own code: where they hold, where they do not, and at both ends.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/text/RegexMatch.h"

using namespace ashlar;

/// The text with "<>" for every match of a pattern that tables follow.
static std::string replaced(llvm::StringRef pattern, llvm::StringRef text) {
  PatternTables tables(pattern);
  EXPECT_TRUE(tables.isRegular()) << pattern.str();
  return tables.replace(text);
}

TEST(RegexPlaces, linesEndBeforeNewlinesAndAtTheEnd) {
  EXPECT_EQ(replaced("b$", "ab"), "a<>");
  EXPECT_EQ(replaced("b$", "ab\nb\n"), "a<>\n<>\n");
  EXPECT_EQ(replaced("b$", "ba"), "ba");
  EXPECT_EQ(replaced("b$", "b\ra"), "b\ra");
  EXPECT_EQ(replaced("\\s+$", "a  b  "), "a  b<>");
  EXPECT_EQ(replaced("$", "a\n"), "a<>\n<>");
  EXPECT_EQ(replaced("a$b", "ab"), "ab");
  EXPECT_EQ(replaced("a$\nb", "a\nb"), "<>");
}

TEST(RegexPlaces, linesBeginBehindNewlinesThatDoNotEndTheText) {
  EXPECT_EQ(replaced("^a", "aa\na\xC3\xA9"), "<>a\n<>\xC3\xA9");
  EXPECT_EQ(replaced("^", "a\nb"), "<>a\n<>b");
  EXPECT_EQ(replaced("^", "a\n"), "<>a\n");
  EXPECT_EQ(replaced("^b", "ab"), "ab");
  EXPECT_EQ(replaced("a\n^b", "a\nb"), "<>");
  EXPECT_EQ(replaced("^$", "a\n\nb"), "a\n<>\nb");
}

TEST(RegexPlaces, theTextItselfBeginsAndEndsOnce) {
  EXPECT_EQ(replaced("\\Aa", "aa\na"), "<>a\na");
  EXPECT_EQ(replaced("a\\z", "a\naa"), "a\na<>");
  EXPECT_EQ(replaced("a\\z", "aa\n"), "aa\n");
  EXPECT_EQ(replaced("a\\Z", "a\naa"), "a\na<>");
  EXPECT_EQ(replaced("a\\Z", "a\naa\n"), "a\na<>\n");
  EXPECT_EQ(replaced("a\\Z", "aa\n\n"), "aa\n\n");
  EXPECT_EQ(replaced("a\\Z\n", "a\na\n"), "a\n<>");
  EXPECT_EQ(replaced("a(?!\\Z)", "aba\n"), "<>ba\n");
  EXPECT_EQ(replaced("\\n(?<!a)", "\na\n"), "<>a<>");
}

TEST(RegexPlaces, wordsHaveEdges) {
  EXPECT_EQ(replaced("\\b", "ab c"), "<>ab<> <>c<>");
  EXPECT_EQ(replaced("\\B", "ab c"), "a<>b c");
  EXPECT_EQ(replaced("\\B", " - "), "<> <>-<> <>");
  EXPECT_EQ(replaced("\\ba", "a ba_a.a"), "<> ba_a.<>");
  EXPECT_EQ(replaced("a\\b", "a ab.a\xCC\x81"), "<> ab.a\xCC\x81");
  // A superscript belongs to words outside of brackets.
  EXPECT_EQ(replaced("a\\b", "a\xC2\xB2"), "a\xC2\xB2");
  EXPECT_EQ(replaced("\\b.", "\xE4\xB8\xAD\xE6\x96\x87 b"),
            "<>\xE6\x96\x87<><>");
}

TEST(RegexPlaces, lookBehindChoosesTheStart) {
  EXPECT_EQ(replaced("(?<=a)b", "ab bb"), "a<> bb");
  EXPECT_EQ(replaced("(?<=a)b", "b"), "b");
  EXPECT_EQ(replaced("(?<!a)b", "ab bb"), "ab <><>");
  EXPECT_EQ(replaced("(?<=\xE4\xB8\xAD)b", "\xE4\xB8\xAD"
                                           "bb"),
            "\xE4\xB8\xAD<>b");
  // What an earlier match has taken is behind as well.
  EXPECT_EQ(replaced("b|(?<=b)c", "bc c"), "<><> c");
  EXPECT_EQ(replaced("a(?<=a)b(?<![^b])", "ab"), "<>");
  EXPECT_EQ(replaced("(?<=\\s|^)a+", "aa ba a"), "<> ba <>");
  EXPECT_EQ(replaced("(?<!\\s|^)a", "aa"), "a<>");
}

TEST(RegexPlaces, lookAheadTakesConditionsTogether) {
  EXPECT_EQ(replaced("a(?=b|$)", "ab a\nac a"), "<>b <>\nac <>");
  EXPECT_EQ(replaced("a(?!b|$)", "ab a\nac a"), "ab a\n<>c a");
  EXPECT_EQ(replaced("a(?=\\s*)", "ab"), "<>b");
  EXPECT_EQ(replaced("a(?=\\s+)", "ab a "), "ab <> ");
  EXPECT_EQ(replaced("a(?!(?!b))", "ab ac"), "<>b ac");
  EXPECT_EQ(replaced("a(?=(?<=a)\\b)", "ab a"), "ab <>");
  EXPECT_EQ(replaced("\\d(?!\\d|\\b)", "12a 3"), "1<>a 3");
}

TEST(RegexPlaces, loopsOverOneSetGiveNothingBack) {
  EXPECT_EQ(replaced("a*+a", "aaa"), "aaa");
  EXPECT_EQ(replaced("a*a", "aaa"), "<>");
  EXPECT_EQ(replaced("a*+b", "aab"), "<>");
  EXPECT_EQ(replaced("a?+ab", "ab aab"), "ab <>");
  EXPECT_EQ(replaced("[ab]++b", "abab"), "abab");
  EXPECT_EQ(replaced("(?>a{1,2})a", "aa aaa"), "aa <>");
  EXPECT_EQ(replaced("(?>a{2,})a|b", "aaab"), "aaa<>");
  EXPECT_EQ(replaced("(?>a*?)b", "aab"), "aa<>");
  EXPECT_EQ(replaced("(?>xa+)ab|(?>yy)", "xaab yy"), "xaab <>");
  // What ends a pattern, or always ends in one place, is as it is elsewhere.
  EXPECT_EQ(replaced("(?>a|ab)", "ab"), "<>b");
  EXPECT_EQ(replaced("(?:ab)++", "ababa"), "<>a");
  EXPECT_EQ(replaced("(?>ab|cd)e", "abe cde"), "<> <>");
  // Behind bounds "+" repeats once more.
  EXPECT_EQ(replaced("a{1,2}+ab", "aaab"), "<>");
  EXPECT_EQ(replaced("\\p{N}{1,3}+", "12345"), "<>");
}

TEST(RegexPlaces, escapesForWholeSets) {
  EXPECT_EQ(replaced("\\N+", "ab\nc"), "<>\n<>");
  EXPECT_EQ(replaced("b\\O", "ab\nc"), "a<>c");
  EXPECT_EQ(replaced("\\X", "e\xCC\x81\r\nb"), "<><><>");
  EXPECT_EQ(replaced("b\\X", "be\xCC\x81"), "<>");
}

/// Without a look behind there is one start, and the tables are as they were.
TEST(RegexPlaces, costNothingWhereTheyAreNot) {
  RegexDfa plain = valueOf(compileRegex(valueOf(parseRegex("a+(?!b)|c$"))));
  EXPECT_TRUE(plain.starts.empty());
  EXPECT_FALSE(plain.lastLine);
  RegexDfa behind = valueOf(compileRegex(valueOf(parseRegex("(?<=a)b"))));
  EXPECT_EQ(behind.starts.size(), behind.classCount);
}
