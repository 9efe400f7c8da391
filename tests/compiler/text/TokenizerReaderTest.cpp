//===- TokenizerReaderTest.cpp - What of tokenizer.json is understood -----===//

#include "compiler/Text/PartReader.h"
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
  EXPECT_EQ(plain.model.unknown, 0);
  EXPECT_TRUE(plain.normalizer.empty());
  EXPECT_TRUE(plain.preTokenizer.empty());
  EXPECT_EQ(plain.tokens[1].decoded, " a");
  EXPECT_EQ(plain.tokens[1].first, "a");
  ASSERT_EQ(plain.items.size(), 1u);
  EXPECT_FALSE(plain.items[0].id);
  EXPECT_EQ(read(with("normalizer", R"({"type": "Sequence", "normalizers":
      [{"type": "Lowercase"}, {"type": "NFC"}]})"))
                .normalizer.size(),
            2u);
  EXPECT_EQ(read(with("decoder", R"({"type": "Fuse"})")).tokens[1].decoded,
            "a");
  EXPECT_EQ(read(with("pre_tokenizer", R"({"type": "BertPreTokenizer"})"))
                .preTokenizer.size(),
            2u);
  EXPECT_EQ(read(with("pre_tokenizer", R"({"type": "Sequence",
      "pretokenizers": [{"type": "Whitespace"}, {"type": "Digits"},
      {"type": "Punctuation", "behavior": "Removed"},
      {"type": "Split", "pattern": {"String": "ab"}, "behavior": "Isolated"}]})"))
                .preTokenizer.size(),
            4u);
}

TEST(TokenizerReader, whatIsNotSupportedIsNamed) {
  EXPECT_EQ(refusal(R"({"model": {"type": "Chars", "vocab": {}}})"),
            "t.json:1:20: model \"Chars\" is not supported; supported: BPE, "
            "Unigram, WordLevel, WordPiece");
  EXPECT_EQ(refusal(with("normalizer", R"({"type": "Upper"})")),
            "t.json:1:110: normalizer \"Upper\" is not supported; supported: "
            "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, "
            "Precompiled, Prepend, Replace, Sequence, Strip, StripAccents");
  EXPECT_EQ(refusal(with("pre_tokenizer", R"({"type": "UnicodeScripts"})")),
            "t.json:1:113: pre-tokenizer \"UnicodeScripts\" is not supported; "
            "supported: BertPreTokenizer, ByteLevel, CharDelimiterSplit, "
            "Digits, Metaspace, Punctuation, Sequence, Split, Whitespace, "
            "WhitespaceSplit");
  EXPECT_EQ(refusal(with("post_processor", R"({"type": "Other"})")),
            "t.json:1:114: post-processor \"Other\" is not supported; "
            "supported: BertProcessing, ByteLevel, RobertaProcessing, "
            "Sequence, TemplateProcessing");
  EXPECT_EQ(refusal(with("decoder", R"({"type": "CTC"})")),
            "t.json:1:107: decoder \"CTC\" is not supported; supported: "
            "BPEDecoder, ByteFallback, ByteLevel, Fuse, Metaspace, Replace, "
            "Sequence, Strip, WordPiece");
  EXPECT_EQ(refusal(with("pre_tokenizer", R"({"type": "Split",
"behavior": "Merged", "pattern": {"Regex": "a"}})")),
            "t.json:2:13: \"behavior\" is \"Merged\"; supported: Contiguous, "
            "Isolated, MergedWithNext, MergedWithPrevious, Removed");
  EXPECT_EQ(refusal(with("pre_tokenizer", R"x({"type": "Split",
"behavior": "Removed", "pattern": {"Regex": "a(?<=b*c)"}})x")),
            "t.json:2:45: regular expression, byte 2: look-behind of no fixed "
            "length is not supported");
  EXPECT_EQ(refusal(with("pre_tokenizer", R"({"type": "Sequence",
"pretokenizers": [{"type": "ByteLevel"}, {"type": "ByteLevel"}]})")),
            "t.json:2:42: pre-tokenizer \"ByteLevel\" behind ByteLevel is not "
            "supported");
}

static std::string merges(llvm::StringRef merges, llvm::StringRef more = "") {
  return (R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2},
"merges": )" +
          merges + more + "}}")
      .str();
}

/// Falcon cuts digits behind ByteLevel: in bytes, since what it cuts is spelled
/// with a letter for each. Some parts of characters are spelled with digits.
TEST(TokenizerReader, stepsBehindByteLevelReadBytes) {
  Tokenizer tokenizer = read(with("pre_tokenizer", R"({"type": "Sequence",
"pretokenizers": [{"type": "Digits"},
    {"type": "ByteLevel", "add_prefix_space": false}, {"type": "Digits"}]})"));
  ASSERT_EQ(tokenizer.preTokenizer.size(), 3u);
  for (unsigned step : {0, 1})
    EXPECT_FALSE(tokenizer.preTokenizer[step].flags & ASHLAR_SPLIT_BYTES);
  EXPECT_TRUE(tokenizer.preTokenizer[2].flags & ASHLAR_SPLIT_BYTES);
  auto isDigit = [&](unsigned step, uint32_t character) {
    const RegexDfa &pattern = tokenizer.preTokenizer[step].pattern.dfa;
    return pattern.classes.at(character) == pattern.classes.at('7');
  };
  for (uint32_t byte = 0; byte < 256; ++byte) {
    bool isSpelledWithDigit = byte == 0xB2 || byte == 0xB3 || byte == 0xB9 ||
                              (byte >= 0xBC && byte <= 0xBE);
    EXPECT_EQ(isDigit(2, byte),
              (byte >= '0' && byte <= '9') || isSpelledWithDigit)
        << byte;
  }
  EXPECT_TRUE(isDigit(0, 0x663));
}

/// The model is of use without text; files that are wrong remain errors.
TEST(TokenizerReader, whatIsNotSupportedLeavesAModelOfIds) {
  auto warning = [](const std::string &json) {
    TokenizerFiles files;
    files.tokenizer = parse(json);
    llvm::Expected<TextTables> tables = buildTextTables(files, TextOptions{});
    if (!tables)
      return "error: " + llvm::toString(tables.takeError());
    return tables->warnings.empty() ? std::string() : tables->warnings.back();
  };
  const std::string end = "; the artifact takes and gives token ids, no text";
  auto leaves = [&](const char *part, const char *value) {
    std::string told = warning(with(part, value));
    EXPECT_TRUE(llvm::StringRef(told).ends_with(end)) << part << value << told;
    EXPECT_FALSE(llvm::StringRef(told).starts_with("error")) << told;
  };
  EXPECT_EQ(warning(with("decoder", R"({"type": "Fuse"})")), "");
  EXPECT_EQ(warning(with("decoder", R"({"type": "CTC"})")),
            "t.json:1:107: decoder \"CTC\" is not supported; supported: "
            "BPEDecoder, ByteFallback, ByteLevel, Fuse, Metaspace, Replace, "
            "Sequence, Strip, WordPiece" +
                end);
  leaves("normalizer", R"({"type": "ByteLevel"})");
  leaves("pre_tokenizer", R"({"type": "UnicodeScripts"})");
  leaves("pre_tokenizer", R"({"type": "FixedLength", "length": 5})");
  leaves("pre_tokenizer", R"({"type": "Sequence", "pretokenizers":
      [{"type": "ByteLevel"}, {"type": "Metaspace", "replacement": "_"}]})");
  leaves("post_processor", R"({"type": "Other"})");
  leaves("decoder", R"({"type": "Replace", "pattern": {"Regex": "a+"},
                        "content": ""})");
  leaves("decoder", R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
      {"type": "Strip", "content": "a", "start": 0, "stop": 1}]})");
  leaves("decoder", R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
      {"type": "Metaspace", "replacement": "_"}]})");
  leaves("decoder", R"({"type": "Sequence", "decoders":
      [{"type": "BPEDecoder", "suffix": "a"},
       {"type": "Metaspace", "replacement": "_"}]})");
  EXPECT_NE(warning(merges("[]", R"(, "dropout": 0.1)")).find(end),
            std::string::npos);
  EXPECT_EQ(warning(with("decoder", R"({"type": "Metaspace"})")),
            "error: t.json:1:98: decoder lacks \"replacement\"");
  EXPECT_EQ(warning(with("normalizer", "3")),
            "error: t.json:1:101: normalizer must be an object");
}

TEST(TokenizerReader, merges) {
  EXPECT_EQ(refusal(merges(R"(["a b"])")), "");
  EXPECT_EQ(refusal(merges(R"([["a", "b"]])")), "");
  EXPECT_EQ(
      refusal(merges(R"(["a c"])")),
      "t.json:2:12: a merge needs the token \"c\", which \"vocab\" lacks");
  EXPECT_EQ(refusal(merges(R"(["b a"])")),
            "t.json:2:12: a merge needs the token \"ba\", which \"vocab\" "
            "lacks");
  EXPECT_EQ(refusal(merges(R"(["a b b"])")),
            "t.json:2:12: a merge is \"a b b\"; expected \"a b\" or [\"a\", "
            "\"b\"]");
  EXPECT_EQ(refusal(merges("3")), "t.json:2:11: \"merges\" must be an array");
  EXPECT_EQ(refusal(merges("[]", R"(, "dropout": 0.1)")),
            "t.json:2:26: \"dropout\" is 0.1; expected null: tokens of a text "
            "must not depend on chance");
  // Too small for a double, and no reason to end.
  EXPECT_EQ(refusal(merges("[]", R"(, "dropout": 1e-400)")), "");
  EXPECT_EQ(refusal(merges("[]", R"(, "dropout": 0)")), "");
}

/// Four rules would make a tebibyte of one letter.
TEST(TokenizerReader, decodersThatGrow) {
  std::string rule = R"({"type": "Replace", "pattern": {"String": "a"},
"content": ")" + std::string(1000, 'a') +
                     "\"}";
  std::string rules = rule;
  for (int i = 0; i < 3; ++i)
    rules += ", " + rule;
  EXPECT_EQ(refusal(R"({"model": {"type": "WordLevel", "unk_token": "a",
"vocab": {"a": 0}}, "decoder": {"type": "Sequence", "decoders": [)" +
                    rules + "]}}"),
            "t.json:2:32: the decoder makes a token longer than 64 KiB");
}

TEST(TokenizerReader, scoredVocabularies) {
  auto unigram = [](llvm::StringRef vocab, llvm::StringRef unknown) {
    return refusal((R"({"model": {"type": "Unigram", "unk_id": )" + unknown +
                    R"(, "vocab": )" + vocab + "}}")
                       .str());
  };
  EXPECT_EQ(unigram(R"([["a", -1], ["b", -2.5]])", "0"), "");
  EXPECT_EQ(unigram(R"([["a", -1]])", "1"),
            "t.json:1:41: \"unk_id\" is 1; expected an integer from 0 to 0");
  EXPECT_EQ(unigram(R"([["a"]])", "0"),
            "t.json:1:54: an entry of \"vocab\" is an array; expected "
            "[\"token\", score]");
  EXPECT_EQ(unigram(R"({"a": 1})", "0"),
            "t.json:1:53: \"vocab\" must be an array");
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

/// transformers' fast classes make these parts anew where tokenizer_config.json
/// says other than tokenizer.json; the class's defaults count as said.
TEST(TokenizerReader, settingsOfTheClass) {
  auto blob = [](const std::string &json, const char *config = nullptr,
                 const char *modelType = "") {
    TokenizerFiles files;
    files.tokenizer = parse(json);
    files.modelType = modelType;
    if (config)
      files.config = valueOf(parseJson(config, "tokenizer_config.json"));
    return valueOf(buildTextTables(files, TextOptions{})).blob;
  };
  auto bert = [](const std::string &lower, const std::string &accents = "null",
                 const std::string &chinese = "true") {
    return with("normalizer", R"({"type": "BertNormalizer", "lowercase": )" +
                                  lower + R"(, "strip_accents": )" + accents +
                                  R"(, "handle_chinese_chars": )" + chinese +
                                  "}");
  };
  const std::string lower = blob(bert("true")), cased = blob(bert("false"));
  ASSERT_NE(lower, cased);
  const char *keeps =
      R"({"tokenizer_class": "BertTokenizer", "do_lower_case": false})";
  EXPECT_EQ(blob(bert("true"), keeps), cased);
  EXPECT_EQ(blob(bert("false"), R"({"do_lower_case": true})", "distilbert"),
            lower);
  EXPECT_EQ(blob(bert("false"), "{}", "bert"), lower);
  EXPECT_EQ(blob(bert("false"), "{}", "modernbert"), cased);
  EXPECT_EQ(blob(bert("false"), nullptr, "bert"), cased);
  EXPECT_EQ(blob(bert("false"),
                 R"({"tokenizer_class": "PreTrainedTokenizerFast",
                     "do_lower_case": true})",
                 "bert"),
            cased);
  EXPECT_EQ(blob(bert("true", "null", "false"), "{}", "electra"), lower);
  EXPECT_EQ(blob(bert("true", "null", "false"), "{}", "mpnet"),
            blob(bert("true", "null", "false")));
  EXPECT_EQ(blob(bert("true"), R"({"strip_accents": false,
                  "tokenize_chinese_chars": false})",
                 "bert"),
            blob(bert("true", "false", "false")));
  auto byteLevel = [](const std::string &space) {
    return with("pre_tokenizer",
                R"({"type": "ByteLevel", "add_prefix_space": )" + space + "}");
  };
  const std::string space = blob(byteLevel("true")),
                    none = blob(byteLevel("false"));
  ASSERT_NE(space, none);
  EXPECT_EQ(blob(byteLevel("true"), "{}", "roberta"), none);
  EXPECT_EQ(blob(byteLevel("false"), R"({"tokenizer_class":
                  "GPT2TokenizerFast", "add_prefix_space": true})"),
            space);
  EXPECT_EQ(blob(byteLevel("true"), "{}", "llama"), space);
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

TEST(TokenizerReader, addedTokensGrowWithinALimit) {
  std::string added;
  for (int i = 3; i < 30; ++i)
    added += (added.empty() ? "" : ",") +
             (R"({"id": )" + std::to_string(i) + R"(, "normalized": true,)" +
              R"( "content": ")" + std::string(40000, 'a') + std::to_string(i) +
              "\"}");
  std::string json = with("added_tokens", "[" + added + "]");
  json.insert(json.size() - 1,
              R"(, "normalizer": {"type": "Replace", "pattern":)"
              R"( {"String": "a"}, "content": "aaaaaaaaaaaaaaaaaaaa"})");
  EXPECT_EQ(refusal(json),
            "the normalizer makes added tokens of more than 16 MiB");
}
