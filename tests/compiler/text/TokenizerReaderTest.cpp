//===- TokenizerReaderTest.cpp - What of tokenizer.json is understood -----===//

#include "compiler/Text/TextTables.h"
#include "tests/compiler/support/ErrorText.h"

#include <gtest/gtest.h>

using namespace ashlar;

static JsonDocument parse(llvm::StringRef json) {
  return valueOf(parseJson(json, "t.json"));
}

/// A tokenizer with one part replaced.
static std::string with(llvm::StringRef part, llvm::StringRef value) {
  std::string json = R"({"model": {"type": "WordLevel", "unk_token": "?",)"
                     R"( "vocab": {"?": 0, "a": 1, "b": 2}})";
  return json + ", \"" + part.str() + "\": " + value.str() + "}";
}

static std::string vocabulary(llvm::StringRef vocab) {
  return R"({"model": {"type": "WordLevel", "unk_token": "?", "vocab": )" +
         vocab.str() + "}}";
}

static std::string refusal(llvm::StringRef json, int64_t vocabulary = 0) {
  std::string message = errorText(buildTextTables(
      parse(json), {.generation = {}, .labels = {}, .vocabulary = vocabulary}));
  return message.substr(0, message.find('\n'));
}

static Tokenizer read(llvm::StringRef json) {
  std::vector<std::string> warnings;
  Tokenizer tokenizer =
      valueOf(readTokenizer(parse(json), /*vocabulary=*/0, warnings));
  EXPECT_TRUE(warnings.empty());
  return tokenizer;
}

TEST(TokenizerReader, parts) {
  Tokenizer plain = read(with("normalizer", "null"));
  EXPECT_EQ(plain.tokens.size(), 3u);
  EXPECT_EQ(plain.unknown, 0);
  EXPECT_FALSE(plain.lowerCase);
  EXPECT_FALSE(plain.fuse);
  EXPECT_EQ(plain.splits.size(), 0u);
  ASSERT_EQ(plain.items.size(), 1u);
  EXPECT_FALSE(plain.items[0].id);
  EXPECT_TRUE(read(with("normalizer", R"({"type": "Sequence", "normalizers":
      [{"type": "Lowercase"}]})"))
                  .lowerCase);
  EXPECT_TRUE(read(with("decoder", R"({"type": "Fuse"})")).fuse);
  EXPECT_EQ(read(with("pre_tokenizer", R"({"type": "BertPreTokenizer"})"))
                .splits.size(),
            2u);
  EXPECT_EQ(read(with("pre_tokenizer", R"({"type": "Sequence",
      "pretokenizers": [{"type": "Whitespace"}, {"type": "Digits"},
      {"type": "Punctuation", "behavior": "Removed"},
      {"type": "Split", "pattern": {"String": "ab"}, "behavior": "Isolated"}]})"))
                .splits.size(),
            4u);
}

TEST(TokenizerReader, whatIsNotSupportedIsNamed) {
  EXPECT_EQ(refusal(R"({"model": {"type": "BPE", "vocab": {}}})"),
            "t.json:1:20: model \"BPE\" is not supported; supported: "
            "WordLevel");
  EXPECT_EQ(refusal(with("normalizer", R"({"type": "NFC"})")),
            "t.json:1:110: normalizer \"NFC\" is not supported; supported: "
            "Lowercase, Sequence");
  EXPECT_EQ(refusal(with("pre_tokenizer", R"({"type": "ByteLevel"})")),
            "t.json:1:113: pre-tokenizer \"ByteLevel\" is not supported; "
            "supported: BertPreTokenizer, Digits, Punctuation, Sequence, "
            "Split, Whitespace, WhitespaceSplit");
  EXPECT_EQ(refusal(with("post_processor", R"({"type": "BertProcessing"})")),
            "t.json:1:114: post-processor \"BertProcessing\" is not "
            "supported; supported: TemplateProcessing");
  EXPECT_EQ(refusal(with("decoder", R"({"type": "Metaspace"})")),
            "t.json:1:107: decoder \"Metaspace\" is not supported; supported: "
            "Fuse");
  EXPECT_EQ(refusal(with("pre_tokenizer", R"({"type": "Split",
"behavior": "Contiguous", "pattern": {"Regex": "a"}})")),
            "t.json:2:13: \"behavior\" is \"Contiguous\"; supported: Isolated, "
            "Removed");
  EXPECT_EQ(refusal(with("pre_tokenizer", R"x({"type": "Split",
"behavior": "Removed", "pattern": {"Regex": "a(?=b)"}})x")),
            "t.json:2:45: regular expression, byte 2: look-around is not "
            "regular");
}

TEST(TokenizerReader, tokenIds) {
  EXPECT_EQ(refusal(vocabulary(R"({"a": -1})")),
            "t.json:1:66: \"token id\" is -1; expected an integer from 0 to "
            "16777215");
  for (const char *id :
       {"16777216", "99999999999999999999", "1.5", "1e3", "\"1\"", "null"})
    EXPECT_NE(refusal(vocabulary("{\"a\": " + std::string(id) + "}"))
                  .find("expected an integer from 0 to 16777215"),
              std::string::npos)
        << id;
  EXPECT_EQ(refusal(vocabulary(R"({"a": 3, "b": 3})")),
            "t.json:1:74: tokens \"a\" and \"b\" have the same id 3");
  EXPECT_EQ(refusal(vocabulary(R"({"a": 16777215})")),
            "t.json:1:66: token \"a\" has id 16777215, which is too large for "
            "a vocabulary of 1 tokens");
  EXPECT_EQ(refusal(vocabulary(R"({"a": 4})"), 4),
            "t.json:1:66: token \"a\" has id 4; the model's vocabulary has 4 "
            "tokens");
  EXPECT_EQ(refusal(vocabulary(R"({"a": 3})"), 4), "");
  EXPECT_EQ(refusal(vocabulary("{}")), "t.json:1:60: \"vocab\" is empty");
  EXPECT_EQ(refusal(vocabulary("[]")),
            "t.json:1:60: \"vocab\" must be an object");
}

TEST(TokenizerReader, addedTokens) {
  auto added = [](llvm::StringRef entries) {
    return refusal(with("added_tokens", entries));
  };
  EXPECT_EQ(added(R"([{"id": 3, "content": "<s>", "special": true}])"), "");
  EXPECT_EQ(added(R"([{"id": 1, "content": "a"}])"), "");
  EXPECT_NE(added(R"([{"id": 3, "content": ""}])").find("without text"),
            std::string::npos);
  EXPECT_NE(added(R"([{"id": 2, "content": "a"}])")
                .find("added token \"a\" has id 2; in \"vocab\" it is 1"),
            std::string::npos);
  EXPECT_NE(added(R"([{"id": 1, "content": "c"}])")
                .find("tokens \"a\" and \"c\" have the same id 1"),
            std::string::npos);
  EXPECT_NE(added(R"([{"id": 3, "content": "c"}, {"id": 4, "content": "c"}])")
                .find("added token \"c\" occurs twice"),
            std::string::npos);
  EXPECT_NE(added(R"([{"id": 9000000, "content": "c"}])").find("too large"),
            std::string::npos);
  EXPECT_NE(added(R"([{"id": 3}])").find("added token lacks \"content\""),
            std::string::npos);
  EXPECT_NE(added(R"([3])").find("added token must be an object"),
            std::string::npos);
}

TEST(TokenizerReader, templates) {
  auto single = [](llvm::StringRef single) {
    return with("post_processor",
                (R"({"type": "TemplateProcessing", "single": )" + single +
                 R"(, "special_tokens": {"x": {"ids": [1, 2]},
                      "y": {"ids": [7]}}})")
                    .str());
  };
  Tokenizer tokenizer = read(single(
      R"([{"SpecialToken": {"id": "x", "type_id": 1}},
          {"Sequence": {"id": "A", "type_id": 2}}])"));
  ASSERT_EQ(tokenizer.items.size(), 3u);
  EXPECT_EQ(tokenizer.items[0].id, 1);
  EXPECT_EQ(tokenizer.items[1].id, 2);
  EXPECT_EQ(tokenizer.items[1].type, 1);
  EXPECT_EQ(tokenizer.items[2].id, std::nullopt);
  EXPECT_EQ(tokenizer.items[2].type, 2);
  auto fault = [&](llvm::StringRef entries, const char *cause) {
    std::string message = refusal(single(entries));
    EXPECT_NE(message.find(cause), std::string::npos) << message;
  };
  fault(R"([])", "holds the text 0 times; expected: once");
  fault(R"([{"Sequence": {"id": "B"}}])", "refers to sequence \"B\"");
  fault(R"([{"SpecialToken": {"id": "z"}}])", "lacks \"z\"");
  fault(R"([{"SpecialToken": {"id": "y"}}])", "no token has id 7");
  fault(R"([{"Token": {}}])", "must hold one of");
  fault(R"(["A"])", "must hold one of");
}

TEST(TokenizerReader, warnsOfWhatItLeavesAside) {
  TextTables tables = valueOf(buildTextTables(
      parse(with("truncation", R"({"max_length": 8})")), TextOptions{}));
  EXPECT_EQ(tables.warnings,
            (std::vector<std::string>{"t.json:1:101: \"truncation\" is left "
                                      "aside: texts are neither cut nor "
                                      "padded"}));
  tables = valueOf(buildTextTables(
      parse(R"({"model": {"type": "WordLevel", "vocab": {"a": 0},
                "unk_token": "?"}})"),
      TextOptions{}));
  EXPECT_EQ(tables.warnings.size(), 1u);
}

TEST(TokenizerReader, isDeterministic) {
  std::string json = with("pre_tokenizer", R"({"type": "BertPreTokenizer"})");
  TextOptions options = {.generation = {.endTokens = {2}}, .labels = {"x"}};
  EXPECT_EQ(valueOf(buildTextTables(parse(json), options)).blob,
            valueOf(buildTextTables(parse(json), options)).blob);
}

TEST(TokenizerReader, settingsMustBeTokens) {
  EXPECT_EQ(errorText(buildTextTables(
                TextOptions{.generation = {.endTokens = {-1}}, .labels = {}})),
            "\"eos_token_id\" is -1, which is no token id");
}
