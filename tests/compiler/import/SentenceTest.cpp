//===- SentenceTest.cpp - Folders of sentence-transformers ----------------===//

#include "compiler/Import/Import.h"
#include "tests/compiler/import/Configs.h"

#include "llvm/Support/FileSystem.h"

#include <gtest/gtest.h>

#include <fstream>

using namespace ashlar;
using namespace ashlar::test;

namespace {

std::string module(const std::string &kind, const std::string &path) {
  return "{\"idx\": 0, \"name\": \"0\", \"path\": \"" + path +
         "\", \"type\": \"sentence_transformers.models." + kind + "\"}";
}

const std::string transformer = module("Transformer", "");
const std::string pooling = module("Pooling", "1_Pooling");
const std::string normalize = module("Normalize", "2_Normalize");

class Sentence : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("sentence", path));
    folder = path.str().str();
    llvm::sys::fs::create_directories(folder + "/1_Pooling");
    write("config.json", config("bert"));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  void write(const std::string &name, const std::string &text) {
    std::ofstream(folder + "/" + name, std::ios::binary) << text;
  }
  ImportResult import(const std::string &modules, const std::string &config) {
    write("modules.json", "[" + modules + "]");
    write("1_Pooling/config.json", "{" + config + "}");
    return valueOf(importModel(folder));
  }
  std::string error(const std::string &modules, const std::string &config) {
    write("modules.json", modules);
    write("1_Pooling/config.json", config);
    llvm::Expected<ImportResult> result = importModel(folder);
    return result ? "" : llvm::toString(result.takeError());
  }

  std::string folder;
};

using Wish = std::optional<SentenceEmbedding>;

} // namespace

TEST_F(Sentence, aPlainFolderSaysNothing) {
  EXPECT_EQ(valueOf(importModel(folder)).spec.sentence, std::nullopt);
}

TEST_F(Sentence, flagsOfOlderConfigurations) {
  struct {
    const char *flag;
    Pooling pooling;
  } cases[] = {{"pooling_mode_mean_tokens", Pooling::Mean},
               {"pooling_mode_cls_token", Pooling::Cls},
               {"pooling_mode_lasttoken", Pooling::Last},
               {"pooling_mode_max_tokens", Pooling::Max}};
  for (auto &[flag, expected] : cases) {
    ImportResult result =
        import(transformer + "," + pooling,
               "\"word_embedding_dimension\": 64, "
               "\"pooling_mode_weightedmean_tokens\": false, \"" +
                   std::string(flag) + "\": true");
    EXPECT_EQ(result.spec.sentence, Wish({expected, false})) << flag;
    EXPECT_TRUE(result.warnings.empty());
  }
}

TEST_F(Sentence, namesOfNewerConfigurations) {
  EXPECT_EQ(import(transformer + "," + pooling + "," + normalize,
                   "\"pooling_mode\": \"lasttoken\"")
                .spec.sentence,
            Wish({Pooling::Last, true}));
  EXPECT_EQ(import(transformer + "," + pooling, "\"pooling_mode\": \"mean\"")
                .spec.sentence,
            Wish({Pooling::Mean, false}));
}

// Left aside, with a warning: embed must not give other numbers in silence.
TEST_F(Sentence, whatIsNotKnown) {
  ImportResult two =
      import(transformer + "," + pooling, "\"pooling_mode_mean_tokens\": true, "
                                          "\"pooling_mode_max_tokens\": true");
  EXPECT_EQ(two.spec.sentence, Wish({Pooling::Other, false}));
  ASSERT_EQ(two.warnings.size(), 1u);
  EXPECT_EQ(two.warnings[0],
            "the pooling of sentence embeddings (mean, max) is left aside: "
            "sentence embeddings need --pooling");
  for (const char *config : {"\"pooling_mode_weightedmean_tokens\": true", "",
                             "\"pooling_mode\": \"mean_sqrt_len_tokens\"",
                             "\"pooling_mode\": \"new\""}) {
    ImportResult result = import(transformer + "," + pooling, config);
    EXPECT_EQ(result.spec.sentence, Wish({Pooling::Other, false})) << config;
    EXPECT_EQ(result.warnings.size(), 1u);
  }
  ImportResult dense =
      import(transformer + "," + pooling + "," + module("Dense", "2_Dense"),
             "\"pooling_mode_mean_tokens\": true");
  EXPECT_EQ(dense.spec.sentence, Wish({Pooling::Other, false}));
  ASSERT_EQ(dense.warnings.size(), 1u);
  EXPECT_EQ(dense.warnings[0],
            "modules.json has the module "
            "\"sentence_transformers.models.Dense\", which is left aside: "
            "sentence embeddings need --pooling");
}

TEST_F(Sentence, aFolderThatIsNotThere) {
  ImportResult result = import(transformer + "," + module("Pooling", "9_None"),
                               "\"pooling_mode_mean_tokens\": true");
  EXPECT_EQ(result.spec.sentence, Wish({Pooling::Other, false}));
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_EQ(result.warnings[0],
            "modules.json names \"9_None\", which has no config.json: sentence "
            "embeddings need --pooling");
}

TEST_F(Sentence, noWayOutOfTheFolder) {
  for (const char *path : {"../1_Pooling", "/etc", "..", "", "a/b"}) {
    ImportResult result = import(transformer + "," + module("Pooling", path),
                                 "\"pooling_mode_mean_tokens\": true");
    EXPECT_EQ(result.spec.sentence, Wish({Pooling::Other, false})) << path;
  }
}

TEST_F(Sentence, damagedFiles) {
  std::string modules = "[" + transformer + "," + pooling + "]";
  EXPECT_NE(error("[", "{}"), "");
  EXPECT_NE(error("[{\"type\": 3}]", "{}"), "");
  EXPECT_NE(error(modules, "{"), "");
  EXPECT_NE(error(modules, "{\"pooling_mode\": []}"), "");
}

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

TEST_F(Sentence, lengthsOfTexts) {
  const std::string mean = "\"pooling_mode_mean_tokens\": true";
  auto settings = [&] {
    ImportResult result = import(transformer + "," + pooling, mean);
    EXPECT_EQ(result.warnings, std::vector<std::string>());
    return result.source.texts;
  };
  EXPECT_EQ(settings().maxTokens, 0);
  write("sentence_roberta_config.json", "{\"max_seq_length\": 96}");
  EXPECT_EQ(settings().maxTokens, 96);
  write("sentence_bert_config.json",
        "{\"max_seq_length\": 128, \"do_lower_case\": false}");
  EXPECT_EQ(settings().maxTokens, 128);
  write("sentence_bert_config.json", "{\"max_seq_length\": null}");
  EXPECT_EQ(settings().maxTokens, 0);
  llvm::sys::fs::create_directories(folder + "/0_Transformer");
  write("0_Transformer/sentence_bert_config.json", "{\"max_seq_length\": 64}");
  ImportResult inner =
      import(module("Transformer", "0_Transformer") + "," + pooling, mean);
  EXPECT_EQ(inner.source.texts.maxTokens, 64);
  write("sentence_bert_config.json", "{\"do_lower_case\": true}");
  EXPECT_EQ(import(transformer + "," + pooling, mean).warnings,
            std::vector<std::string>{
                "\"do_lower_case\" of sentence-transformers is left aside: "
                "give texts to embed in lower case"});
  write("sentence_bert_config.json", "{\"max_seq_length\": 0}");
  EXPECT_NE(error("[" + transformer + "]", "{}"), "");
}

TEST_F(Sentence, prompts) {
  const std::string file = "config_sentence_transformers.json";
  const std::string mean = "\"pooling_mode_mean_tokens\": true";
  auto settings = [&] {
    return import(transformer + "," + pooling, mean).source.texts;
  };
  write(file, "{\"prompts\": {\"q\": \"query: \"}}");
  EXPECT_EQ(settings().prompt, "");
  write(file, "{\"prompts\": {}, \"default_prompt_name\": null}");
  EXPECT_EQ(settings().prompt, "");
  write(file, "{\"prompts\": {\"q\": \"query: \", \"p\": \"\"}, "
              "\"default_prompt_name\": \"q\"}");
  EXPECT_EQ(settings().prompt, "query: ");
  // Rows of the prompt that are not pooled.
  ImportResult apart =
      import(transformer + "," + pooling, mean + ", \"include_prompt\": false");
  EXPECT_EQ(apart.spec.sentence, Wish({Pooling::Other, false}));
  EXPECT_EQ(apart.warnings.size(), 1u);
  write(file, "{\"default_prompt_name\": \"q\"}");
  EXPECT_EQ(error("[" + transformer + "]", "{}"),
            folder + "/" + file +
                ":1:25: \"default_prompt_name\" is \"q\", which \"prompts\" "
                "lacks");
}
