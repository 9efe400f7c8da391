//===- LanguageTest.cpp - The language of an output -----------------------===//

#include "runtime/text/language.h"
#include "tests/runtime_text/OpenedText.h"

using namespace ashlar;

namespace {

/// A tokenizer of words, with these special tokens from id 1 on.
std::string tokenizer(std::initializer_list<const char *> added) {
  std::string tokens;
  int id = 0;
  for (const char *text : added) {
    tokens += id++ ? "," : "";
    tokens += "{\"id\": " + std::to_string(id) +
              R"(, "special": true, "content": ")" + text + "\"}";
  }
  return R"({"model": {"type": "WordLevel", "unk_token": "?",
             "vocab": {"?": 0}}, "added_tokens": [)" +
         tokens + "]}";
}

using Ids = std::vector<int32_t>;

/// What an output in `code` begins with; empty after a fault.
Ids start(OpenedText &opened, const char *code) {
  Ids ids(ASHLAR_TEXT_MAX_LANGUAGE_START);
  size_t count = 0;
  opened.failed = ashlar_text_language_start(&opened.text, code, ids.data(),
                                             &count, &opened.error);
  ids.resize(count);
  return ids;
}

std::string fault(OpenedText &opened, const char *code) {
  EXPECT_EQ(start(opened, code), Ids());
  EXPECT_TRUE(opened.failed);
  return opened.error.message;
}

const char *const none =
    "--language: the model has no tokens of languages that "
    "its output could begin with";

} // namespace

TEST(Language, behindTheStart) {
  const std::string json = tokenizer({"</s>", "de_DE", "en_XX", "fr_XX", "a_XX",
                                      "en_xx", "EN_XX", "<mask>", "_XX"});
  Generation generation = {.decoderStartToken = 1, .forcedFirstToken = 3};
  OpenedText opened(json, {.generation = generation, .family = "mbart"});
  EXPECT_EQ(start(opened, "fr_XX"), (Ids{1, 4}));
  EXPECT_EQ(start(opened, "de_DE"), (Ids{1, 2}));
  const std::string missing =
      ": the model has no such language; it has 3, such "
      "as ";
  EXPECT_EQ(fault(opened, "a_XX"),
            "--language=a_XX" + missing + "en_XX, fr_XX");
  EXPECT_EQ(fault(opened, "en"), "--language=en" + missing + "en_XX");
  EXPECT_EQ(fault(opened, "fr_xx"),
            "--language=fr_xx" + missing + "fr_XX, en_XX");
  EXPECT_EQ(fault(opened, ""), "--language=" + missing + "de_DE, en_XX, fr_XX");
  std::string longest(5000, 'x');
  EXPECT_EQ(fault(opened, longest.c_str()),
            "--language=" + longest.substr(0, 40) + missing +
                "de_DE, en_XX, fr_XX");
}

TEST(Language, inThePlaceOfTheModelsOwn) {
  const std::string json = tokenizer({"</s>", "en_XX", "ro_RO"});
  Generation generation = {.decoderStartToken = 2};
  OpenedText opened(json, {.generation = generation, .family = "mbart"});
  EXPECT_EQ(start(opened, "ro_RO"), Ids{3});
}

TEST(Language, m2m100AndNllb) {
  const std::string json = tokenizer(
      {"</s>", "__fr__", "fra_Latn", "__FR__", "zho_Hans", "fra_LATN"});
  Generation generation = {.decoderStartToken = 1};
  OpenedText opened(json, {.generation = generation, .family = "m2m_100"});
  EXPECT_EQ(start(opened, "fr"), (Ids{1, 2}));
  EXPECT_EQ(start(opened, "fra_Latn"), (Ids{1, 3}));
  EXPECT_EQ(start(opened, "zho_Hans"), (Ids{1, 5}));
  EXPECT_NE(fault(opened, "FR").find("it has 3, such as fr"),
            std::string::npos);
}

TEST(Language, whisper) {
  const std::string json =
      tokenizer({"<|startoftranscript|>", "<|en|>", "<|yue|>", "<|transcribe|>",
                 "<|translate|>", "<|notimestamps|>", "<|0.00|>"});
  // Settings that name a language and a task, and such as leave it open.
  Generation named = {.decoderStartToken = 1, .decoderPrompt = {2, 5, 6}};
  OpenedText closed(json, {.generation = named, .family = "whisper"});
  EXPECT_EQ(start(closed, "yue"), (Ids{1, 3, 5, 6}));
  Generation left = {.decoderStartToken = 1};
  OpenedText open(json, {.generation = left, .family = "whisper"});
  EXPECT_EQ(start(open, "en"), (Ids{1, 2, 4, 6}));
  EXPECT_NE(fault(open, "eng").find("it has 2, such as en"), std::string::npos);
}

TEST(Language, modelsWithoutLanguages) {
  Generation generation = {.decoderStartToken = 1};
  const std::string json = tokenizer({"</s>", "en_XX"});
  // Another family, no language, no start, a prompt without a language, no
  // tokenizer.
  OpenedText other(json, {.generation = generation, .family = "marian"});
  EXPECT_EQ(fault(other, "en_XX"), none);
  OpenedText bare(tokenizer({"</s>"}),
                  {.generation = generation, .family = "mbart"});
  EXPECT_EQ(fault(bare, "en_XX"), none);
  OpenedText unstarted(json, {.generation = {}, .family = "mbart"});
  EXPECT_EQ(fault(unstarted, "en_XX"), none);
  Generation prompt = {.decoderStartToken = 1, .decoderPrompt = {0}};
  OpenedText prompted(json, {.generation = prompt, .family = "mbart"});
  EXPECT_EQ(fault(prompted, "en_XX"), none);
  OpenedText ids(TextOptions{.generation = generation, .family = "mbart"});
  EXPECT_EQ(fault(ids, "en_XX"), none);
}
