//===- PathsTest.cpp - What a model's name may be -------------------------===//

#include "compiler/Import/Import.h"
#include "compiler/Spec/Yaml.h"
#include "tests/compiler/import/Configs.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace ashlar;
using namespace ashlar::test;

namespace {
class Paths : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("ashlar-paths", path));
    folder = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string write(const std::string &name, const std::string &text) {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  }
  std::string importErrorOf(const std::string &path) {
    std::string text = errorText(importModel(path));
    size_t at = text.find(folder);
    return at == 0 ? text.substr(folder.size()) : text;
  }
  std::string folder;
};
} // namespace

TEST_F(Paths, FolderWithoutConfig) {
  EXPECT_EQ(importErrorOf(folder),
            ": the folder has no config.json\n"
            "give a Hugging Face model folder (config.json and *.safetensors) "
            "or a .yaml description");
}

TEST_F(Paths, Missing) {
  EXPECT_EQ(importErrorOf(folder + "/nothing"),
            "/nothing: no such file or folder\n"
            "give a Hugging Face model folder or a .yaml description");
}

TEST_F(Paths, HubId) {
  EXPECT_EQ(importErrorOf("some-org/some.model_7b"),
            "some-org/some.model_7b: no such file or folder; this looks like "
            "the id of a model on the Hugging Face Hub\n"
            "download it first (`huggingface-cli download "
            "some-org/some.model_7b --local-dir FOLDER`) and give the folder");
  EXPECT_EQ(importErrorOf("a/b;rm -rf"),
            "a/b;rm -rf: no such file or folder\n"
            "give a Hugging Face model folder or a .yaml description");
}

TEST_F(Paths, ForeignFiles) {
  EXPECT_EQ(importErrorOf(write("m.gguf", "GGUF")),
            "/m.gguf: GGUF files cannot be read\n"
            "give the Hugging Face folder that it was converted from");
  EXPECT_EQ(importErrorOf(write("pytorch_model.bin", "")),
            "/pytorch_model.bin: pickled PyTorch weights cannot be read\n"
            "save the model with safetensors "
            "(`model.save_pretrained(FOLDER)`) and give the folder");
  EXPECT_EQ(importErrorOf(write("config.json", "{}")),
            "/config.json: this file is only a part of a model\n"
            "give the folder that holds it");
  EXPECT_EQ(importErrorOf(write("m.onnx", "")),
            "/m.onnx: unknown kind of model file\n"
            "give a Hugging Face model folder or a .yaml description");
}

/// A FIFO would hang and must not be opened for reading.
TEST_F(Paths, ConfigIsAFifo) {
  ASSERT_EQ(mkfifo((folder + "/config.json").c_str(), 0600), 0);
  EXPECT_NE(importErrorOf(folder), "");
}

TEST_F(Paths, PositionsNameTheFile) {
  write("config.json", config("gpt2", {{"n_head", "0"}}));
  EXPECT_EQ(importErrorOf(folder), "/config.json:8:13: \"n_head\" is 0; "
                                   "expected an integer from 1 to 65536");
}

TEST_F(Paths, SourceOfAFolder) {
  write("config.json", config("gpt2"));
  ImportResult bare = valueOf(importModel(folder));
  EXPECT_EQ(bare.source.weights, folder);
  EXPECT_EQ(bare.source.tokenizer, "");
  write("tokenizer.json", "{}");
  write("generation_config.json", "{\"eos_token_id\": 3}");
  ImportResult whole = valueOf(importModel(folder));
  EXPECT_EQ(whole.source.tokenizer, folder + "/tokenizer.json");
  EXPECT_EQ(whole.spec.generation.endTokens, std::vector<int64_t>{3});
}

/// The YAML beside, above and below the model finds the same files.
TEST_F(Paths, YamlElsewhereFindsTheSameFiles) {
  llvm::sys::fs::create_directories(folder + "/model/specs");
  write("model/config.json", config("gpt2"));
  write("model/tokenizer.json", "{}");
  ImportResult model = valueOf(importModel(folder + "/model"));
  for (const char *name : {"model/m.yaml", "m.yml", "model/specs/m.yaml"}) {
    std::string file = folder + "/" + name;
    write(name, printYaml(model.spec, model.source, file));
    ImportResult again = valueOf(importModel(file));
    EXPECT_TRUE(again.spec == model.spec) << name;
    llvm::SmallString<128> weights(again.source.weights);
    llvm::sys::path::remove_dots(weights, /*remove_dot_dot=*/true);
    EXPECT_EQ(weights.str().str(), folder + "/model") << name;
    EXPECT_TRUE(llvm::sys::fs::exists(again.source.tokenizer)) << name;
  }
}

TEST_F(Paths, YamlErrorsNameTheFile) {
  EXPECT_EQ(importErrorOf(write("m.yaml", "family: [x]")),
            "/m.yaml:1:9: \"family\" is an array; expected a string");
}

TEST_F(Paths, ConfigTooLarge) {
  write("config.json", std::string(2 << 20, ' ') + "{}");
  EXPECT_EQ(importErrorOf(folder),
            "/config.json: the JSON text has 2097154 bytes; at most 1048576 "
            "are read");
}

/// Messages list them: in order, each once, and every one can be found.
TEST_F(Paths, SupportedFamilies) {
  std::vector<std::string> families = supportedFamilies();
  EXPECT_TRUE(llvm::is_sorted(families));
  EXPECT_EQ(std::adjacent_find(families.begin(), families.end()),
            families.end());
  EXPECT_TRUE(llvm::is_contained(families, "torch_transformer"));
  for (const std::string &family : families) {
    write("config.json", "{\"model_type\": \"" + family + "\"}");
    EXPECT_EQ(importErrorOf(folder).find("model_type"), std::string::npos)
        << family;
  }
}
