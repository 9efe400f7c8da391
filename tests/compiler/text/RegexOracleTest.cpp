//===- RegexOracleTest.cpp - Tables against PCRE2 -------------------------===//
//
// Random patterns in the notation that Oniguruma and PCRE2 share, on random
// awkward texts: what the tables find must be what PCRE2 finds in UTF-8, with
// its own reader of patterns and its own knowledge of Unicode.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/text/RegexMatch.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <random>

using namespace ashlar;

namespace {

class Oracle {
public:
  explicit Oracle(const std::string &pattern) {
    int fault = 0;
    size_t offset = 0;
    code = pcre2_compile_8(
        reinterpret_cast<PCRE2_SPTR8>(pattern.data()), pattern.size(),
        PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &fault, &offset, nullptr);
    if (code)
      data = pcre2_match_data_create_from_pattern_8(code, nullptr);
  }
  Oracle(const Oracle &) = delete;
  ~Oracle() {
    pcre2_match_data_free_8(data);
    pcre2_code_free_8(code);
  }

  bool isValid() const { return code != nullptr; }

  /// "<>" for every match, found as the tokenizers library looks for them.
  std::string replace(const std::string &text) const {
    std::string result;
    size_t done = 0, lastEnd = std::string::npos;
    for (size_t at = 0; at <= text.size();) {
      if (pcre2_match_8(code, reinterpret_cast<PCRE2_SPTR8>(text.data()),
                        text.size(), at, 0, data, nullptr) < 0)
        break;
      size_t begin = pcre2_get_ovector_pointer_8(data)[0];
      size_t end = pcre2_get_ovector_pointer_8(data)[1];
      if (begin == end && lastEnd == end) {
        do
          ++at;
        while (at < text.size() && (text[at] & 0xC0) == 0x80);
        continue;
      }
      result += text.substr(done, begin - done) + "<>";
      at = done = lastEnd = end;
    }
    return result + text.substr(done);
  }

private:
  pcre2_code_8 *code = nullptr;
  pcre2_match_data_8 *data = nullptr;
};

class Generator {
public:
  explicit Generator(unsigned seed) : random(seed) {}

  std::string alternation(unsigned depth) {
    std::string pattern = sequence(depth);
    while (pick(3) == 0)
      pattern += "|" + sequence(depth);
    return pattern;
  }

  /// Few letters, so that patterns match.
  std::string text() {
    static const char *const parts[] = {
        "a", "b",  "\n", " ",      "a",      "1", "_",
        "A", "\r", "\t", "\u00E9", "\u4E2D", ".", "\U0001F600"};
    std::string text;
    for (unsigned i = 1 + pick(8); i > 0; --i)
      text += parts[pick(pick(2) ? 4 : 14)];
    return text;
  }

private:
  unsigned pick(unsigned count) { return random() % count; }

  std::string sequence(unsigned depth) {
    std::string pattern;
    for (unsigned i = pick(3) + 1; i > 0; --i)
      pattern += part(depth);
    return pattern;
  }

  std::string character() {
    static const char *const characters[] = {
        "a",    "b",    "\\n",    " ",       "1",     "\u00E9", "\u4E2D",
        ".",    "\\w",  "\\W",    "\\s",     "\\S",   "\\d",    "\\p{L}",
        "[ab]", "[^a]", "[^\\n]", "\\p{Lu}", "[b-e]", "(?i:a)"};
    return characters[pick(20)];
  }

  std::string place() {
    static const char *const places[] = {"^",   "$",   "\\b", "\\B",
                                         "\\A", "\\z", "\\Z"};
    return places[pick(7)];
  }

  std::string look() {
    static const char *const looks[] = {"(?=", "(?!", "(?<=", "(?<!"};
    std::string inside = character();
    if (pick(3) == 0)
      inside += "|" + (pick(2) ? character() : place());
    return looks[pick(4)] + inside + ")";
  }

  std::string part(unsigned depth) {
    static const char *const counts[] = {"*",   "+",     "?",  "*?", "+?", "??",
                                         "{2}", "{1,2}", "*+", "++", "?+"};
    switch (pick(8)) {
    case 0:
      return place();
    case 1:
      return look();
    case 2:
      if (depth > 0)
        return "(?:" + alternation(depth - 1) + ")" +
               (pick(2) ? "" : counts[pick(8)]);
      [[fallthrough]];
    default:
      return character() + (pick(2) ? "" : counts[pick(11)]);
    }
  }

  std::mt19937 random;
};

} // namespace

TEST(RegexOracle, tablesFindWhatPcre2Finds) {
  Generator random(20261122);
  unsigned regular = 0, matches = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string pattern = random.alternation(2);
    Oracle oracle(pattern);
    // Loops over what may be empty need not be ours to follow.
    if (!oracle.isValid() ||
        errorText(compileRegex(valueOf(parseRegex(pattern)))) != "")
      continue;
    ++regular;
    PatternTables tables(pattern);
    for (int j = 0; j < 25; ++j) {
      std::string text = random.text(), expected = oracle.replace(text);
      ASSERT_EQ(tables.replace(text), expected)
          << pattern << " on " << escapeForDisplay(text);
      matches += expected != text;
    }
  }
  EXPECT_GT(regular, 1000u);
  EXPECT_GT(matches, 7500u);
}
