//===- TextTest.cpp - Awkward texts and damaged tables --------------------===//

#include "tests/runtime_text/OpenedText.h"

#include <cmath>
#include <cstring>

using namespace ashlar;

using Ids = std::vector<int32_t>;

static std::string tokenizer(llvm::StringRef vocab, llvm::StringRef rest) {
  return (R"({"model": {"type": "WordLevel", "unk_token": "?", "vocab": )" +
          vocab + "}" + (rest.empty() ? "" : ", ") + rest + "}")
      .str();
}

static constexpr const char *perCharacter =
    R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."},
       "behavior": "Isolated"})";

TEST(Text, invalidUtf8CountsAsReplacementCharacters) {
  OpenedText text(
      tokenizer(R"({"?": 0, "a": 1, "\ufffd": 2, "\u00e9": 3})", perCharacter));
  EXPECT_EQ(text.encode("\xFF"), (Ids{2}));
  EXPECT_EQ(text.encode("a\xC3"), (Ids{1, 2}));
  EXPECT_EQ(text.encode("\xC3\xA9"), (Ids{3}));
  EXPECT_EQ(text.encode("\xC0\x80"), (Ids{2, 2})); // overlong
  EXPECT_EQ(text.encode("\xE2\x82"), (Ids{2}));    // cut short
  EXPECT_EQ(text.encode("\xE2\x82"
                        "a"),
            (Ids{2, 1}));
  EXPECT_EQ(text.encode("\xED\xA0\x80"), (Ids{2, 2, 2})); // surrogate
  EXPECT_EQ(text.encode("\xF0\x9F\x98"), (Ids{2}));
  EXPECT_EQ(text.encode("\xF4\x90\x80\x80"), (Ids{2, 2, 2, 2}));
  EXPECT_EQ(text.encode("\x80\xBF"), (Ids{2, 2}));
}

TEST(Text, everyCharacterIsOne) {
  OpenedText text(tokenizer(R"({"?": 0, "a": 1})", perCharacter));
  EXPECT_EQ(text.encode(""), (Ids{}));
  EXPECT_EQ(text.encode("\xF0\x9F\x98\x80"), (Ids{0})); // emoji
  EXPECT_EQ(text.encode("a\u0301"), (Ids{1, 0}));       // combining mark
  EXPECT_EQ(text.encode("\u4E2D\u6587"), (Ids{0, 0}));  // CJK
  EXPECT_EQ(text.encode("a\u200Ba\u200Da"), (Ids{1, 0, 1, 0, 1}));
  EXPECT_EQ(text.encode(llvm::StringRef("a\0a", 3)), (Ids{1, 0, 1}));
  // "." does not match a newline, which becomes a piece between matches.
  EXPECT_EQ(text.encode("a\r\n\na"), (Ids{1, 0, 0, 1}));
}

TEST(Text, removedMatchesAndInvertedOnes) {
  auto split = [](const char *behavior, const char *invert) {
    return std::string(R"("pre_tokenizer": {"type": "Split", "pattern":
        {"Regex": "-+"}, "behavior": ")") +
           behavior + R"(", "invert": )" + invert + "}";
  };
  const char *vocab = R"({"?": 0, "a": 1, "-": 2, "--": 3})";
  EXPECT_EQ(
      OpenedText(tokenizer(vocab, split("Isolated", "false"))).encode("a--a-"),
      (Ids{1, 3, 1, 2}));
  EXPECT_EQ(
      OpenedText(tokenizer(vocab, split("Removed", "false"))).encode("--a--a-"),
      (Ids{1, 1}));
  EXPECT_EQ(
      OpenedText(tokenizer(vocab, split("Removed", "true"))).encode("a--a-"),
      (Ids{3, 2}));
}

TEST(Text, emptyMatchesCutOnceEach) {
  OpenedText text(tokenizer(R"({"?": 0, "a": 1, "aa": 2, "b": 3, "bb": 4})",
                            R"("pre_tokenizer": {"type": "Split", "pattern":
                               {"Regex": "a*"}, "behavior": "Isolated"})"));
  EXPECT_EQ(text.encode("bbaab"), (Ids{3, 3, 2, 3}));
  EXPECT_EQ(text.encode("aa"), (Ids{2}));
}

TEST(Text, lowersCase) {
  OpenedText text(tokenizer(R"({"?": 0, "i": 1, "\u0307": 2, "\u03c3": 3,
                               "\u2c65": 4})",
                            std::string(R"("normalizer": {"type":
                               "Lowercase"}, )") +
                                perCharacter));
  EXPECT_EQ(text.encode("I\u0130"), (Ids{1, 1, 2}));
  EXPECT_EQ(text.encode("\u03A3\u03C3"), (Ids{3, 3}));
  // Ever character grows, from two bytes to three.
  std::string many;
  for (int i = 0; i < 10000; ++i)
    many += "\u023A";
  EXPECT_EQ(text.encode(many), Ids(10000, 4));
  EXPECT_EQ(text.encode("\xFF\xFF"), (Ids{0, 0}));
}

TEST(Text, specialTokensAreTextUnlessAskedFor) {
  OpenedText text(tokenizer(R"({"?": 0, "a": 1, "</s>": 2, "<": 3, "word": 4})",
                            std::string(R"("added_tokens": [
          {"id": 2, "content": "</s>", "special": true},
          {"id": 5, "content": "plain", "special": false}], )") +
                                perCharacter));
  EXPECT_EQ(text.encode("a</s>"), (Ids{1, 3, 0, 0, 0}));
  EXPECT_EQ(text.encode("a</s>", ASHLAR_TEXT_SPECIAL), (Ids{1, 2}));
  EXPECT_EQ(text.encode("aplaina"), (Ids{1, 5, 1}));
  EXPECT_EQ(text.decode({1, 2, 5, 1, 99, -1}), "a plain a");
  // Nor can a whole word become one.
  OpenedText words(tokenizer(
      R"({"?": 0, "a": 1, "END": 2})",
      R"("added_tokens": [{"id": 2, "content": "END", "special": true}],
         "pre_tokenizer": {"type": "WhitespaceSplit"})"));
  EXPECT_EQ(words.encode("a END"), (Ids{1, 0}));
  EXPECT_EQ(words.encode("a END", ASHLAR_TEXT_SPECIAL), (Ids{1, 2}));
}

TEST(Text, addedTokensLookAround) {
  OpenedText text(
      tokenizer(R"({"?": 0, "a": 1, " ": 2})", std::string(R"("added_tokens": [
          {"id": 3, "content": "[L]", "lstrip": true},
          {"id": 4, "content": "[R]", "rstrip": true},
          {"id": 5, "content": "one", "single_word": true},
          {"id": 6, "content": "x"}, {"id": 7, "content": "xyz"},
          {"id": 8, "content": "UP", "normalized": true}],
          "normalizer": {"type": "Lowercase"}, )") +
                                                   perCharacter));
  EXPECT_EQ(text.encode("a  [L] a"), (Ids{1, 3, 2, 1}));
  EXPECT_EQ(text.encode("a [R]  a"), (Ids{1, 2, 4, 1}));
  EXPECT_EQ(text.encode("one a"), (Ids{5, 2, 1}));
  EXPECT_EQ(text.encode("aone"), (Ids{1, 0, 0, 0}));
  EXPECT_EQ(text.encode("one\u00E9"), (Ids{0, 0, 0, 0}));
  EXPECT_EQ(text.encode("(one)"), (Ids{0, 5, 0}));
  EXPECT_EQ(text.encode("xyxyzx"), (Ids{6, 0, 7, 6}));
  EXPECT_EQ(text.encode("aupUP"), (Ids{1, 8, 8}));
}

TEST(Text, unknownPiecesNeedAToken) {
  OpenedText text(R"({"model": {"type": "WordLevel", "vocab": {"a": 0}}})");
  EXPECT_EQ(text.encode("a"), (Ids{0}));
  text.encode("b\n");
  EXPECT_TRUE(text.failed);
  EXPECT_STREQ(text.error.message,
               "the vocabulary has no token for \"b?\" and none for unknown "
               "words");
}

TEST(Text, templateGivesTypes) {
  OpenedText text(
      tokenizer(R"({"?": 0, "a": 1, "s": 2})",
                std::string(R"("post_processor": {"type": "TemplateProcessing",
          "single": [{"SpecialToken": {"id": "s", "type_id": 3}},
                     {"Sequence": {"id": "A", "type_id": 1}}],
          "special_tokens": {"s": {"ids": [2]}}}, )") +
                    perCharacter));
  EXPECT_EQ(text.encode("aa"), (Ids{2, 1, 1}));
  EXPECT_EQ(text.types, (Ids{3, 1, 1}));
  EXPECT_EQ(text.encode(""), (Ids{2}));
}

TEST(Text, longTexts) {
  OpenedText text(tokenizer(R"({"?": 0, "a": 1})", perCharacter));
  EXPECT_EQ(text.encode(std::string(100000, 'a')), Ids(100000, 1));
  OpenedText words(tokenizer(R"({"?": 0})", R"("pre_tokenizer":
      {"type": "Whitespace"})"));
  EXPECT_EQ(words.encode(std::string(100000, 'a')), (Ids{0}));
  // A pattern that looks far ahead in vain ends, in words.
  OpenedText slow(tokenizer(R"({"?": 0})", R"("pre_tokenizer":
      {"type": "Split", "pattern": {"Regex": "a+b"}, "behavior": "Isolated"})"));
  EXPECT_EQ(slow.encode(std::string(1000, 'a') + "b"), (Ids{0}));
  slow.encode(std::string(100000, 'a'));
  EXPECT_TRUE(slow.failed);
  EXPECT_NE(std::strstr(slow.error.message, "too many steps"), nullptr);
}

static std::string model(llvm::StringRef model, llvm::StringRef rest = "") {
  return (R"({"model": {)" + model + "}" + (rest.empty() ? "" : ", ") + rest +
          "}")
      .str();
}

static constexpr const char *pairs =
    R"("type": "BPE", "merges": ["a a", "aa aa", "a b"],
       "vocab": {"a": 0, "aa": 1, "aaaa": 2, "b": 3, "ab": 4})";
static constexpr const char *scored =
    R"("type": "Unigram", "unk_id": 0, "vocab":
       [["?", 0], ["a", -1], ["aa", -1.5], ["aaaa", -4], ["b", -2]])";

TEST(Text, longPieces) {
  // One piece of 100 kB, in every model.
  std::string many(100000, 'a');
  OpenedText merges(model(pairs));
  EXPECT_EQ(merges.encode(many), Ids(25000, 2));
  OpenedText unigram(model(scored));
  EXPECT_EQ(unigram.encode(many), Ids(50000, 2));
  OpenedText words(model(R"("type": "WordPiece", "unk_token": "?",
               "max_input_chars_per_word": 1000000,
               "vocab": {"?": 0, "a": 1, "##a": 2, "##aa": 3})"));
  Ids expected(50001, 3);
  expected[0] = 1;
  expected[50000] = 2;
  EXPECT_EQ(words.encode(many), expected);
  // Nothing but marks, in no order.
  std::string marks;
  for (int i = 0; i < 30000; ++i)
    marks += i % 2 ? "\u0301" : "\u0316";
  OpenedText form(
      model(R"("type": "WordLevel", "unk_token": "?", "vocab": {"?": 0})",
            R"("normalizer": {"type": "NFKC"})"));
  EXPECT_EQ(form.encode(marks), (Ids{0}));
}

TEST(Text, replacementsThatGrowEnd) {
  std::string grows = R"({"type": "Replace", "pattern": {"String": "a"},
                          "content": "aaaaaaaaaa"})";
  OpenedText text(model(pairs, R"("normalizer": {"type": "Sequence",
      "normalizers": [)" + grows + "," +
                                   grows + "," + grows + "," + grows + "," +
                                   grows + "," + grows + "," + grows + "," +
                                   grows + "]}"));
  text.encode("a");
  EXPECT_TRUE(text.failed);
  EXPECT_NE(std::strstr(text.error.message, "grows beyond 1048592 bytes"),
            nullptr)
      << text.error.message;
}

TEST(Text, specialNamesAreNeverMadeOfParts) {
  std::string added = R"("added_tokens": [{"id": 2, "content": "aaaa",
                                           "special": true}])";
  OpenedText merges(model(pairs, added));
  EXPECT_EQ(merges.encode("aaaab"), (Ids{1, 1, 3}));
  EXPECT_EQ(merges.encode("aaaab", ASHLAR_TEXT_SPECIAL), (Ids{2, 3}));
  OpenedText unigram(model(R"("type": "Unigram", "unk_id": 0, "vocab":
               [["?", 0], ["a", -1], ["aaaa", 0]])",
                           added));
  EXPECT_EQ(unigram.encode("aaaa"), (Ids{1, 1, 1, 1}));
}

TEST(Text, charactersInPartsAreWrittenWhole) {
  OpenedText text(model(
      R"("type": "BPE", "merges": [],
         "vocab": {"\u00e2": 0, "\u0124": 1, "\u00ac": 2, "a": 3})",
      R"("pre_tokenizer": {"type": "ByteLevel"},
         "decoder": {"type": "ByteLevel"})"));
  // The euro sign is E2 82 AC.
  std::vector<std::string> parts;
  ashlar_text_sink sink = [](void *user, const char *bytes, size_t count) {
    static_cast<std::vector<std::string> *>(user)->emplace_back(bytes, count);
  };
  ashlar_text_decoder decoder;
  ashlar_text_decoder_init(&decoder, &text.text);
  for (int32_t id : {3, 0, 1, 2, 0, 1})
    ashlar_text_decode(&decoder, id, sink, &parts);
  EXPECT_EQ(parts, (std::vector<std::string>{"a", "\u20ac"}));
  ashlar_text_decode_end(&decoder, sink, &parts);
  EXPECT_EQ(parts.back(), "\ufffd");
  EXPECT_EQ(text.decode({0, 3, 1, 2, 3}), "\ufffda\ufffd\ufffda");
}

TEST(Text, longRunsOfByteTokens) {
  std::string vocab;
  for (int i = 0; i < 256; ++i) {
    char name[16];
    std::snprintf(name, sizeof(name), "%s\"<0x%02X>\": %d", i ? "," : "", i, i);
    vocab += name;
  }
  OpenedText text(model(R"("type": "BPE", "byte_fallback": true, "merges": [],
                           "vocab": {)" +
                            vocab + "}",
                        R"("decoder": {"type": "ByteFallback"})"));
  std::string euros;
  for (int i = 0; i < 50; ++i)
    euros += "\u20ac";
  Ids ids = text.encode(euros);
  EXPECT_EQ(ids.size(), 150u);
  EXPECT_EQ(text.decode(ids), euros);
  EXPECT_EQ(text.decode({0x41, 0xE2, 0x82}), "\ufffd\ufffd\ufffd");
}

TEST(Text, modelsWithoutTokenizer) {
  OpenedText text(TextOptions{.generation = {}, .labels = {}});
  EXPECT_FALSE(ashlar_text_has_tokenizer(&text.text));
  text.encode("a");
  EXPECT_STREQ(text.error.message,
               "the model has no tokenizer: give token ids");
  EXPECT_EQ(text.decode({1, 2}), "");
}

/// Opens a changed copy of `blob`; where that works, uses it.
static int openDamaged(std::string blob) {
  // The string's memory is aligned well enough.
  ashlar_text text;
  ashlar_error error;
  if (ashlar_text_open(blob.data(), blob.size(), &text, &error))
    return 1;
  ashlar_tokens tokens;
  const char input[] = "Once [L] \u0130\xFF a</s> upon";
  if (ashlar_text_tokens(&text, input, sizeof(input), ASHLAR_TEXT_SPECIAL,
                         &tokens, &error) == 0)
    ashlar_tokens_free(&tokens);
  ashlar_text_decoder decoder;
  ashlar_text_decoder_init(&decoder, &text);
  for (int32_t id = -1; id < 10; ++id)
    ashlar_text_decode(
        &decoder, id, [](void *, const char *, size_t) {}, nullptr);
  ashlar_text_decode_end(
      &decoder, [](void *, const char *, size_t) {}, nullptr);
  size_t bytes;
  ashlar_text_label(&text, 0, &bytes);
  return 0;
}

/// How many changes of the tables are refused; the others must do no harm.
static unsigned countRefused(const std::string &blob, size_t stride) {
  unsigned refused = 0;
  for (size_t at = 0; at + 4 <= blob.size();
       at += at < sizeof(ashlar_text_header) ? 4 : stride)
    for (uint32_t value : {0u, 1u, 7u, 8u, 0x7FFFFFFFu, 0x80000000u, ~0u}) {
      std::string damaged = blob;
      std::memcpy(&damaged[at], &value, sizeof(value));
      refused += openDamaged(damaged);
    }
  return refused;
}

TEST(Text, damagedModelsAreRefusedOrHarmless) {
  for (const char *name : {"llama2", "bert", "t5", "unigram_bytes",
                           "places_sides", "irregular_ahead"}) {
    OpenedText text(readFile(std::string(ASHLAR_SOURCE_DIR) +
                             "/tests/text_cases/" + name + ".json"));
    size_t stride = text.tables.blob.size() / 64 & ~size_t(3);
    EXPECT_GT(countRefused(text.tables.blob, stride), 100u) << name;
  }
}

TEST(Text, damagedTablesAreRefusedOrHarmless) {
  OpenedText text(tokenizer(R"({"?": 0, "a": 1, "once": 2, "</s>": 3})",
                            R"("normalizer": {"type": "Lowercase"},
                   "added_tokens": [{"id": 3, "content": "</s>",
                                     "special": true},
                                    {"id": 4, "content": "[L]",
                                     "lstrip": true}],
                   "pre_tokenizer": {"type": "Whitespace"})"),
                  {.generation = {.endTokens = {3}}, .labels = {"x"}});
  const std::string &blob = text.tables.blob;
  unsigned refused = 0, cases = 0;
  for (size_t cut = 0; cut < blob.size(); cut += 1 + cut / 3, ++cases)
    refused += openDamaged(blob.substr(0, cut));
  EXPECT_EQ(refused, cases);
  // Every word of the header, and a sample of the rest.
  refused += countRefused(blob, 996);
  EXPECT_GT(refused, cases + 100);
}

/// Settings of beams that no options could ask for.
TEST(Text, damagedSettingsOfBeamsAreRefused) {
  OpenedText text(TextOptions{.generation = {}, .labels = {}});
  auto refused = [&](auto change) {
    std::string blob = text.tables.blob;
    change(*reinterpret_cast<ashlar_text_header *>(blob.data()));
    return openDamaged(blob);
  };
  using Header = ashlar_text_header;
  EXPECT_FALSE(refused([](Header &it) { it.length_penalty = -20; }));
  EXPECT_TRUE(refused([](Header &it) { it.length_penalty = 20.5; }));
  EXPECT_TRUE(refused([](Header &it) { it.length_penalty = std::nan(""); }));
  EXPECT_FALSE(refused([](Header &it) { it.early_stopping = 2; }));
  EXPECT_TRUE(refused([](Header &it) { it.early_stopping = 3; }));
  EXPECT_TRUE(refused([](Header &it) { it.num_return_sequences = 0; }));
  EXPECT_TRUE(refused([](Header &it) { it.num_return_sequences = ~0u; }));
}
