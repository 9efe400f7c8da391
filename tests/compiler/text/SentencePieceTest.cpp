//===- SentencePieceTest.cpp - What of SentencePiece models is understood -===//

#include "compiler/Text/sentencepiece/SentencePiece.h"
#include "compiler/Text/PartReader.h"
#include "compiler/Text/TextTables.h"
#include "tests/compiler/support/ErrorText.h"

#include <gtest/gtest.h>

using namespace ashlar;

//===----------------------------------------------------------------------===//
// Models in the file's own format
//===----------------------------------------------------------------------===//

static std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7)
    bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

static std::string number(unsigned field, uint64_t value) {
  return varint(field << 3) + varint(value);
}

static std::string bytes(unsigned field, const std::string &inside) {
  return varint(field << 3 | 2) + varint(inside.size()) + inside;
}

static std::string real(unsigned field, float value) {
  std::string raw(4, 0);
  std::memcpy(raw.data(), &value, 4);
  return varint(field << 3 | 5) + raw;
}

static std::string piece(const std::string &text, float score, int type = 1) {
  return bytes(1, bytes(1, text) + real(2, score) + number(3, type));
}

/// <unk> <s> </s> and three pieces.
static std::string pieces() {
  return piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) +
         piece("a", -1) + piece("b", -2) + piece("ab", -1.5);
}

static std::string refusal(const std::string &model) {
  return errorText(parseSentencePieceModel(model, "s.model"));
}

static TokenizerFiles files(const std::string &model,
                            const std::string &config) {
  TokenizerFiles files;
  files.pieces = {"s.model", model};
  files.config = valueOf(parseJson(config, "c.json"));
  return files;
}

static std::string fileRefusal(const std::string &model,
                               const std::string &config,
                               int64_t vocabulary = 0) {
  return errorText(
      buildTextTables(files(model, config), {.vocabulary = vocabulary}));
}

static Tokenizer read(const std::string &model, const std::string &config) {
  std::vector<std::string> warnings;
  return valueOf(
      readSentencePiece(files(model, config), /*vocabulary=*/0, warnings));
}

static const char llama[] = R"({"tokenizer_class": "LlamaTokenizer"})";

TEST(SentencePiece, fields) {
  SentencePieceModel model = valueOf(parseSentencePieceModel(
      pieces() + bytes(2, number(3, 2) + number(35, 1) + number(4, 6)) +
          bytes(3, bytes(2, "rules") + number(3, 0) + number(4, 0)) +
          bytes(9, "of a later version"),
      "s.model"));
  EXPECT_EQ(model.pieces.size(), 6u);
  EXPECT_EQ(model.pieces[5].text, "ab");
  EXPECT_EQ(model.pieces[5].score, -1.5f);
  EXPECT_EQ(model.pieces[1].type, SentencePieceModel::Type::Control);
  EXPECT_EQ(model.algorithm, SentencePieceModel::Algorithm::Merges);
  EXPECT_TRUE(model.byteFallback);
  EXPECT_EQ(model.charsmap, "rules");
  EXPECT_FALSE(model.addsPrefix);
  EXPECT_FALSE(model.removesExtraBlanks);
}

TEST(SentencePiece, damagedFiles) {
  EXPECT_EQ(refusal(""), "s.model: the file has no pieces; expected a "
                         "SentencePiece model");
  EXPECT_EQ(refusal("\x80"), "s.model: byte 1: the file ends inside a number");
  EXPECT_EQ(refusal(std::string(11, '\xff')),
            "s.model: byte 10: a number of more than 64 bits");
  EXPECT_EQ(refusal(std::string("\x0a\x05\x0a", 3)),
            "s.model: byte 2: a field of 5 bytes, of which 1 are there");
  EXPECT_EQ(refusal(std::string("\x0b\x00", 2)),
            "s.model: byte 0: a field of wire type 3");
  EXPECT_EQ(refusal(std::string("\x00\x00", 2)),
            "s.model: byte 0: field 0, which no message has");
  EXPECT_EQ(refusal(piece("a", INFINITY)),
            "s.model: byte 6: a score that is no number");
  EXPECT_EQ(refusal(piece("", 0)), "s.model: byte 2: piece 0 is empty");
  EXPECT_EQ(refusal(piece("\xC3(", 0)), "s.model: byte 2: piece 0 is no UTF-8");
  EXPECT_EQ(refusal(piece("a", 0, 7)),
            "s.model: piece 0 has type 7; expected 1 to 6");
}

TEST(SentencePiece, unsupportedModels) {
  EXPECT_EQ(refusal(pieces() + bytes(2, number(3, 3))),
            "s.model: \"model_type\" is word; supported: bpe, unigram");
  EXPECT_EQ(refusal(pieces() + bytes(2, number(3, 9))),
            "s.model: \"model_type\" is 9; supported: bpe, unigram");
  EXPECT_EQ(refusal(pieces() + bytes(2, number(24, 1))),
            "s.model: \"treat_whitespace_as_suffix\" is set; pieces that end "
            "with their blank are not supported");
  EXPECT_EQ(refusal(pieces() + bytes(3, number(5, 0))),
            "s.model: \"escape_whitespaces\" is false; blanks inside pieces "
            "are not supported");
}

TEST(SentencePiece, badFolders) {
  EXPECT_EQ(fileRefusal(pieces() + piece("a", 0), llama),
            "s.model: token \"a\" occurs twice, as 3 and 6");
  EXPECT_EQ(fileRefusal(pieces(), llama, 4),
            "s.model: token \"b\" has id 4; the model's vocabulary has 4 "
            "tokens");
  EXPECT_EQ(fileRefusal(piece("a", 0), llama),
            "s.model: \"bos_token\" is \"<s>\", which the vocabulary lacks");
  EXPECT_EQ(fileRefusal(pieces() + bytes(3, bytes(2, "abc")), llama),
            "s.model: rules of 3 bytes; expected 8 at least");
  EXPECT_EQ(fileRefusal(pieces(), R"({"tokenizer_class": "MBartTokenizer",)"
                                  R"( "src_lang": "xx"})"),
            "c.json: \"src_lang\" is \"xx\", which the vocabulary lacks");
  EXPECT_EQ(fileRefusal(pieces(),
                        R"({"tokenizer_class": "LlamaTokenizer",)"
                        R"( "added_tokens_decoder": {"4": {"content":)"
                        R"( "x"}}})"),
            "c.json: tokens \"b\" and \"x\" have the same id 4");
  EXPECT_EQ(fileRefusal(pieces(),
                        R"({"tokenizer_class": "LlamaTokenizer",)"
                        R"( "added_tokens_decoder": {"4": {"content":)"
                        R"( "a"}}})"),
            "c.json: added token \"a\" has id 4; in s.model it is 3");
  EXPECT_EQ(fileRefusal(pieces(),
                        R"({"tokenizer_class": "LlamaTokenizer",)"
                        R"( "added_tokens_decoder": {"99999": {"content":)"
                        R"( "x"}}})"),
            "c.json: added token \"x\" has id 99999, which is too large for a "
            "vocabulary of 6 tokens");
  EXPECT_EQ(fileRefusal(pieces(), R"({"tokenizer_class": "LlamaTokenizer",)"
                                  R"( "added_tokens_decoder": {"x": {}}})"),
            "c.json:1:69: \"added_tokens_decoder\": \"x\" is no token id");
}

TEST(SentencePiece, unknownFamiliesTakeIds) {
  TextTables tables = valueOf(buildTextTables(
      files(pieces(), R"({"tokenizer_class": "NewTokenizer"})"), {}));
  ASSERT_EQ(tables.warnings.size(), 1u);
  EXPECT_EQ(tables.warnings[0].substr(0, 100),
            "s.model: no tokenizer.json, and what the ids of the pieces are is "
            "not known for \"tokenizer_class\" \"N");
}

TEST(SentencePiece, tokens) {
  std::string config = R"({"tokenizer_class": "LlamaTokenizer",
      "add_eos_token": true, "add_bos_token": false, "pad_token": "<pad>",
      "added_tokens_decoder": {"6": {"content": "<pad>", "special": true,
      "rstrip": true}}})";
  Tokenizer tokenizer = read(pieces() + bytes(2, number(3, 2)), config);
  ASSERT_EQ(tokenizer.tokens.size(), 7u);
  EXPECT_TRUE(tokenizer.tokens[6].special);
  EXPECT_FALSE(tokenizer.tokens[1].vocabulary);
  EXPECT_EQ(tokenizer.addedTokens.size(), 4u);
  EXPECT_TRUE(tokenizer.addedTokens.back().rightStrip);
  EXPECT_EQ(tokenizer.model.unknown, 0);
  ASSERT_EQ(tokenizer.model.merges.size(), 1u);
  EXPECT_EQ(tokenizer.model.merges[0].merged, 5);
  ASSERT_EQ(tokenizer.items.size(), 2u);
  EXPECT_FALSE(tokenizer.items[0].id);
  EXPECT_EQ(tokenizer.items[1].id, 2);
}

TEST(SentencePiece, mergesByScore) {
  Tokenizer tokenizer = read(pieces() + piece("aa", -3) + piece("aab", -1) +
                                 bytes(2, number(3, 2)),
                             llama);
  std::vector<std::array<int, 3>> merges;
  for (const ashlar_text_merge &merge : tokenizer.model.merges)
    merges.push_back({merge.left, merge.right, merge.merged});
  // "aab" is -1: "aa" + "b" before "a" + "ab"; then "ab", then "aa".
  EXPECT_EQ(merges, (std::vector<std::array<int, 3>>{
                        {6, 4, 7}, {3, 5, 7}, {3, 4, 5}, {3, 3, 6}}));
}

TEST(SentencePiece, bosAndEosOfTokenizerJson) {
  TokenizerFiles files;
  files.tokenizer = valueOf(parseJson(
      R"({"model": {"type": "WordLevel", "unk_token": "<s>",
          "vocab": {"<s>": 0, "</s>": 1, "a": 2}}})",
      "t.json"));
  auto items = [&](const char *config) {
    files.config = valueOf(parseJson(config, "c.json"));
    std::vector<std::string> warnings;
    Tokenizer tokenizer =
        valueOf(readTokenizer(*files.tokenizer, /*vocabulary=*/0, warnings));
    EXPECT_FALSE(
        bool(applyBosAndEos(TokenizerConfig(&*files.config), tokenizer)));
    return tokenizer.items.size();
  };
  EXPECT_EQ(items(R"({"tokenizer_class": "LlamaTokenizer",
                      "add_eos_token": true})"),
            3u);
  EXPECT_EQ(items(R"({"tokenizer_class": "LlamaTokenizerFast",
                      "add_bos_token": false})"),
            1u);
  EXPECT_EQ(items(R"({"tokenizer_class": "GPT2Tokenizer",
                      "add_bos_token": true})"),
            1u);
  files.config = valueOf(parseJson(R"({"tokenizer_class": "LlamaTokenizer",
      "add_bos_token": true, "bos_token": {"content": "<b>"}})",
                                   "c.json"));
  EXPECT_EQ(errorText(buildTextTables(files, {})),
            "c.json: \"bos_token\" is \"<b>\", which the vocabulary lacks");
}

TEST(SentencePiece, patternsThatNothingFollowsLeaveIds) {
  TokenizerFiles files;
  files.tokenizer = valueOf(parseJson(
      R"({"model": {"type": "WordLevel", "unk_token": "a",
          "vocab": {"a": 0}}, "pre_tokenizer": {"type": "Split",
          "pattern": {"Regex": "(?<=a+b)c"}, "behavior": "Isolated"}})",
      "t.json"));
  TextTables tables = valueOf(buildTextTables(files, {}));
  ASSERT_EQ(tables.warnings.size(), 1u);
  EXPECT_NE(tables.warnings[0].find("is not supported; the artifact takes and "
                                    "gives token ids, no text"),
            std::string::npos)
      << tables.warnings[0];
}
