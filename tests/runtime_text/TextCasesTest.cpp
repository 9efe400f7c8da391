//===- TextCasesTest.cpp - Small tokenizers of every kind -----------------===//
//
// tests/text_cases holds tokenizers, awkward texts, and what the tokenizers
// library makes of them; README.md there says how they were written.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime_text/OpenedText.h"

using namespace ashlar;

static std::string caseFile(const std::string &name) {
  return readFile(std::string(ASHLAR_SOURCE_DIR) + "/tests/text_cases/" + name +
                  ".json");
}

static std::vector<int32_t> integers(const JsonValue *array) {
  std::vector<int32_t> values;
  if (array)
    for (const JsonValue &element : array->elements)
      values.push_back(std::stoi(element.text));
  return values;
}

class TextCases : public ::testing::TestWithParam<const char *> {};

TEST_P(TextCases, agreeWithTheTokenizersLibrary) {
  OpenedText tokenizer(caseFile(GetParam()));
  EXPECT_TRUE(tokenizer.tables.warnings.empty());
  EXPECT_EQ(tokenizer.tables.irregular.empty(),
            !llvm::StringRef(GetParam()).starts_with("irregular"));
  JsonDocument texts = llvm::cantFail(parseJson(caseFile("texts"), "texts"));
  JsonDocument expected = llvm::cantFail(
      parseJson(caseFile(std::string("expected/") + GetParam()), "expected"));
  ASSERT_EQ(texts.root.elements.size(), expected.root.elements.size());
  for (size_t i = 0; i < texts.root.elements.size(); ++i) {
    const std::string &input = texts.root.elements[i].text;
    const JsonValue &entry = expected.root.elements[i];
    std::vector<int32_t> ids = integers(entry.find("ids"));
    EXPECT_EQ(tokenizer.encode(input, ASHLAR_TEXT_SPECIAL), ids)
        << i << ": " << escapeForDisplay(input)
        << (tokenizer.failed ? tokenizer.error.message : "");
    if (const JsonValue *types = entry.find("types"))
      EXPECT_EQ(tokenizer.types, integers(types)) << i;
    EXPECT_EQ(tokenizer.decode(ids), entry.find("text")->text) << i;
  }
}

static const char *const names[] = {
    // Byte-level byte pairs.
    "gpt2", "roberta", "llama3", "qwen2", "gpt4o", "falcon", "starcoder",
    "bytes_cut", "split_empty", "split_empty_inverted",
    "split_mergedwithprevious", "split_mergedwithnext", "prefix_bpe",
    "suffix_bpe", "gpt", "stripped", "cl100k", "deepseek", "deepseek_coder",
    // Patterns that look at what surrounds a match, or give nothing back.
    "places_lines", "places_words", "places_sides", "places_held",
    "places_bytes",
    // Patterns that no DFA follows.
    "irregular_ahead", "irregular_again", "irregular_bytes",
    "irregular_replaced",
    // WordPiece, normalizers.
    "bert", "bert_cased", "wordpiece_chain", "nfc", "nfd", "nfkc", "nfkd",
    // Byte pairs with byte fallback.
    "llama2", "gemma", "metaspace_first", "metaspace_always", "metaspace_never",
    "unknown_fused", "unknown_single",
    // Unigram.
    "t5", "xlmr", "unigram_bytes"};

INSTANTIATE_TEST_SUITE_P(Tokenizers, TextCases, ::testing::ValuesIn(names),
                         [](const auto &info) {
                           return std::string(info.param);
                         });
