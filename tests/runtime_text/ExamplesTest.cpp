//===- ExamplesTest.cpp - The demo models' texts, all of them -------------===//
//
// expected.jsonl of each example was written with the tokenizers library: a
// wrong rule of normalizer, pattern, look-up, template or decoder shows here.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime_text/OpenedText.h"

#include "llvm/ADT/StringExtras.h"

using namespace ashlar;

static std::vector<int32_t> integers(const JsonValue &array) {
  std::vector<int32_t> values;
  for (const JsonValue &element : array.elements)
    values.push_back(std::stoi(element.text));
  return values;
}

static unsigned checkExample(const std::string &name, bool generates) {
  std::string folder = std::string(ASHLAR_SOURCE_DIR) + "/examples/" + name;
  OpenedText tokenizer(readFile(folder + "/tokenizer.json"));
  EXPECT_TRUE(tokenizer.tables.warnings.empty());
  std::string lines = readFile(folder + "/expected.jsonl");
  unsigned count = 0;
  for (llvm::StringRef line : llvm::split(lines, '\n')) {
    if (line.empty())
      continue;
    JsonDocument entry = llvm::cantFail(parseJson(line, name));
    const JsonValue &root = entry.root;
    llvm::StringRef input = root.find("input")->text;
    EXPECT_EQ(tokenizer.encode(input), integers(*root.find("input_ids")))
        << input.str();
    if (generates)
      EXPECT_EQ(tokenizer.decode(integers(*root.find("output_ids"))),
                root.find("output")->text)
          << input.str();
    ++count;
  }
  return count;
}

TEST(Examples, dateTranslator) {
  EXPECT_EQ(checkExample("date-translator", /*generates=*/true), 1000u);
}

TEST(Examples, calculatorGpt) {
  EXPECT_EQ(checkExample("calculator-gpt", /*generates=*/true), 1000u);
}

TEST(Examples, sentimentBert) {
  EXPECT_EQ(checkExample("sentiment-bert", /*generates=*/false), 1000u);
}

TEST(Examples, storyLlama) {
  EXPECT_EQ(checkExample("story-llama", /*generates=*/true), 1000u);
}
