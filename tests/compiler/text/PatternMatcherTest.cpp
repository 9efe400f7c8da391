//===- PatternMatcherTest.cpp - Patterns that no DFA follows --------------===//
//
// What PCRE2 finds for us must be what Oniguruma finds by the same notation;
// what would be something else is refused, and no text takes for ever.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/text/RegexMatch.h"

using namespace ashlar;

/// The text with "<>" for every match of a pattern that tables cannot follow.
static std::string replaced(llvm::StringRef pattern, llvm::StringRef text) {
  PatternTables tables(pattern);
  EXPECT_FALSE(tables.isRegular()) << pattern.str();
  return tables.replace(text);
}

static std::string refusal(llvm::StringRef pattern) {
  std::string message = errorText(makePattern(valueOf(parseRegex(pattern))));
  return message.substr(0, message.find('\n'));
}

TEST(PatternMatcher, looksFar) {
  EXPECT_EQ(replaced("\\d{1,3}(?=(?:\\d{3})*\\b)", "1234567 12"), "<><><> <>");
  EXPECT_EQ(replaced("a(?!bc)", "abc abd"), "abc <>bd");
  EXPECT_EQ(replaced("(?<=ab)c", "abc bc"), "ab<> bc");
  EXPECT_EQ(replaced("(?<!ab|\xE4\xB8\xAD)c", "abc \xE4\xB8\xAD"
                                              "cc"),
            "abc \xE4\xB8\xAD"
            "c<>");
}

TEST(PatternMatcher, givesNothingBack) {
  EXPECT_EQ(replaced("(?>a|ab)c", "abc ac"), "abc <>");
  EXPECT_EQ(replaced("(?:ab|a)++b", "aab b abb"), "aab b <>");
  EXPECT_EQ(replaced("\\X\\u0301", "e\xCC\x81 a"), "e\xCC\x81 a");
}

/// Characters of one class are not yet the same.
TEST(PatternMatcher, remembersGroups) {
  EXPECT_EQ(replaced("(\\w)\\1", "abba \xC3\xA9\xC3\xA9\xC3\xA8"),
            "a<>a <>\xC3\xA8");
  EXPECT_EQ(replaced("(a)(b)\\2\\1", "abba abab"), "<> abab");
  EXPECT_EQ(replaced("(.)(?<x>.)\\k<x>", "abb"), "<>");
  EXPECT_EQ(replaced("(?:(a)|b)\\1", "aab bb"), "<>b bb");
}

TEST(PatternMatcher, knowsWhereTheSearchBegan) {
  EXPECT_EQ(replaced("\\Ga", "aaba"), "<><>ba");
}

/// Sets are ours, whatever PCRE2 makes of the letters.
TEST(PatternMatcher, readsOnigurumasNotation) {
  EXPECT_EQ(replaced("\\h(?=\\h\\h)", "xfff 12"), "x<>ff 12");
  EXPECT_EQ(replaced("[a-z&&[^b]](?=cd)", "acd bcd"), "<>cd bcd");
  EXPECT_EQ(replaced("(?m:.)(?=aa)", "\naa"), "<>aa");
  EXPECT_EQ(replaced(".(?=aa)", "\naa"), "\naa");
  EXPECT_EQ(replaced("^a(?=bb)|b$(?=\na)|a\\Z(?<=ba)", "abb\nabb\nba\n"),
            "<>b<>\n<>bb\nb<>\n");
  EXPECT_EQ(replaced("(?i:\\x{212A})(?=ab)", "kab Kab"), "<>ab <>ab");
  EXPECT_EQ(replaced("\\w(?=\\Bab)", "\xC2\xB2"
                                     "ab"),
            "<>ab");
}

TEST(PatternMatcher, refusesWhatPcre2WouldTakeForSomethingElse) {
  const std::string at = "regular expression, byte ";
  EXPECT_EQ(refusal("(?<=a+b)c"),
            at + "1: look-behind of no fixed length is not supported");
  EXPECT_EQ(refusal("(?<=(?:a|bc)d)c"),
            at + "1: look-behind of no fixed length is not supported");
  EXPECT_EQ(refusal("(?:a??|b){2}c(?=dd)"),
            at +
                "10: repetition of what may be empty at once is not supported");
  EXPECT_NE(refusal("(?=bc)((((a{900}){900}){900}){900})")
                .find("repetitions of more than 65536 parts"),
            std::string::npos);
}

TEST(PatternMatcher, textsEndAfterSomeSteps) {
  const char *cause = "the text takes too many steps to match the tokenizer's "
                      "patterns; give it in smaller parts";
  std::string as(40, 'a');
  EXPECT_EQ(replaced("(?:a|a)*b(?=cc)|(?:a+)+\\b(?=bb)", as), cause);
  // No step of the engine's own, but as many characters.
  EXPECT_EQ(replaced("a*+b(?=cc)", std::string(100000, 'a')), cause);
  EXPECT_EQ(replaced("(a+)\\1\\1\\1b", std::string(20000, 'a')), cause);
  // Nor does it take all memory.
  EXPECT_EQ(replaced("(?:a(?=bb)|a)*(?<=ab)", std::string(1 << 20, 'a')),
            "a pattern of the tokenizer: PCRE2: heap limit exceeded; give the "
            "text in smaller parts");
  // What matches is found in long texts, at a cost that grows as they do.
  std::string text, expected;
  for (int i = 0; i < 50000; ++i) {
    text += "abc ab ";
    expected += "<>bc ab ";
  }
  EXPECT_EQ(replaced("a(?=bc)", text), expected);
}

/// An executable has tables alone: it says so before it reads a text.
TEST(PatternMatcher, tablesAloneTakeIds) {
  JsonDocument document = valueOf(parseJson(
      R"({"model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0}},
          "pre_tokenizer": {"type": "Split", "behavior": "Isolated",
                            "pattern": {"Regex": "(.)\\1"}}})",
      "t.json"));
  TextTables tables = valueOf(buildTextTables(document, TextOptions{}));
  EXPECT_TRUE(tables.warnings.empty());
  ASSERT_EQ(tables.irregular.size(), 1u);
  EXPECT_EQ(tables.irregular[0],
            "t.json:3:50: pattern \"(.)\\\\1\": regular expression, byte 4: "
            "back-reference is not regular");
  ashlar_text text;
  ashlar_error error;
  ASSERT_EQ(
      ashlar_text_open(tables.blob.data(), tables.blob.size(), &text, &error),
      0);
  ashlar_tokens tokens;
  EXPECT_TRUE(ashlar_text_has_tokenizer(&text));
  EXPECT_EQ(ashlar_text_tokens(&text, "a", 1, 0, &tokens, &error), 1);
  EXPECT_STREQ(error.message,
               "the tokenizer has a pattern that is not regular, which an "
               "executable cannot follow: give token ids (--ids), or use "
               "ashlar itself");
}
