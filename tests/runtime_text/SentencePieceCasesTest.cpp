//===- SentencePieceCasesTest.cpp - Folders with SentencePiece models -----===//
//
// tests/text_cases/sentencepiece holds small folders and what SentencePiece
// itself makes of texts, with the ids that the family gives its pieces;
// make_sentencepiece.py there says how they were written.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime_text/OpenedText.h"

using namespace ashlar;

namespace {
struct FolderCase {
  const char *name;
  const char *file;
};
} // namespace

class SentencePieceCases : public ::testing::TestWithParam<FolderCase> {};

TEST_P(SentencePieceCases, agreeWithSentencePiece) {
  std::string folder = std::string(ASHLAR_SOURCE_DIR) +
                       "/tests/text_cases/sentencepiece/" + GetParam().name;
  OpenedText tokenizer(
      llvm::cantFail(readTokenizerFiles(folder + "/" + GetParam().file)));
  EXPECT_TRUE(tokenizer.tables.warnings.empty());
  std::string text = readFile(folder + "/expected.json");
  JsonDocument expected = llvm::cantFail(parseJson(text, "expected.json"));
  ASSERT_FALSE(expected.root.elements.empty());
  for (const JsonValue &entry : expected.root.elements) {
    const std::string &input = entry.find("input")->text;
    std::vector<int32_t> ids;
    for (const JsonValue &id : entry.find("ids")->elements)
      ids.push_back(std::stoi(id.text));
    EXPECT_EQ(tokenizer.encode(input), ids)
        << escapeForDisplay(input)
        << (tokenizer.failed ? tokenizer.error.message : "");
    if (const JsonValue *decoded = entry.find("decoded"))
      EXPECT_EQ(tokenizer.decode(ids), decoded->text)
          << escapeForDisplay(input);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Folders, SentencePieceCases,
    ::testing::Values(FolderCase{"albert", "spiece.model"},
                      FolderCase{"gemma", "tokenizer.model"},
                      FolderCase{"llama", "tokenizer.model"},
                      FolderCase{"llama_both", "tokenizer.model"},
                      FolderCase{"m2m_100", "sentencepiece.bpe.model"},
                      FolderCase{"marian", "source.spm"},
                      FolderCase{"mbart", "sentencepiece.bpe.model"},
                      FolderCase{"mbart50", "sentencepiece.bpe.model"},
                      FolderCase{"pegasus", "spiece.model"},
                      FolderCase{"t5", "spiece.model"},
                      FolderCase{"xlmr", "sentencepiece.bpe.model"}),
    [](const auto &info) { return std::string(info.param.name); });
