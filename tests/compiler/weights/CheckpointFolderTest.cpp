//===- CheckpointFolderTest.cpp - Folders as they come --------------------===//

#include "compiler/Weights/Checkpoint.h"
#include "tests/compiler/support/ErrorText.h"
#include "tests/compiler/support/TemporaryFolder.h"
#include "tests/compiler/weights/SafetensorsFile.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

using namespace ashlar;
namespace fs = std::filesystem;

static const char *const indexName = "model.safetensors.index.json";

static std::string tensorFile(const std::vector<std::string> &names) {
  SafetensorsBuilder builder;
  for (const std::string &name : names)
    builder.add(name, "F32", "[1]", bytesOf<float>({float(name[0])}));
  return builder.file();
}

static std::vector<std::string> tensorNames(const Checkpoint &checkpoint) {
  std::vector<std::string> names;
  for (const TensorInfo &tensor : checkpoint.tensors())
    names.push_back(tensor.name);
  return names;
}

static std::string refusal(const TemporaryFolder &folder) {
  return errorText(Checkpoint::open(folder.path));
}

/// A folder with shards 1 {c, a} and 2 {b}, and this index.
static void writeShards(const TemporaryFolder &folder,
                        const std::string &index) {
  folder.write("1.safetensors", tensorFile({"c", "a"}));
  folder.write("2.safetensors", tensorFile({"b"}));
  folder.write(indexName, index);
}
static const char *const goodIndex =
    "{\"metadata\":{\"total_size\":12},\"weight_map\":{"
    "\"b\":\"2.safetensors\",\"c\":\"1.safetensors\","
    "\"a\":\"1.safetensors\"}}";

TEST(CheckpointFolder, OneFile) {
  TemporaryFolder folder;
  folder.write("model.safetensors", tensorFile({"b", "c", "a"}));
  // A stale index beside it does not matter.
  folder.write(indexName, "no JSON");
  Checkpoint checkpoint = valueOf(Checkpoint::open(folder.path));
  EXPECT_EQ(tensorNames(checkpoint), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(checkpoint.name(), folder.path);
  EXPECT_EQ(checkpoint.files().size(), 1u);
  EXPECT_EQ(checkpoint.find("b")->name, "b");
  EXPECT_EQ(checkpoint.find("d"), nullptr);
  EXPECT_EQ(checkpoint.find(""), nullptr);
}

TEST(CheckpointFolder, Shards) {
  TemporaryFolder folder;
  writeShards(folder, goodIndex);
  Checkpoint checkpoint = valueOf(Checkpoint::open(folder.path));
  EXPECT_EQ(tensorNames(checkpoint), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(checkpoint.files().size(), 2u);
  for (const TensorInfo &tensor : checkpoint.tensors()) {
    float value = 0;
    EXPECT_EQ(errorText(checkpoint.readElements(tensor, 0, value)), "");
    EXPECT_EQ(value, float(tensor.name[0]));
  }
}

// The Hugging Face cache is a folder of symlinks.
TEST(CheckpointFolder, Symlinks) {
  TemporaryFolder folder;
  fs::create_directory(folder.file("blobs"));
  folder.write("blobs/0123", tensorFile({"a"}));
  fs::create_symlink("blobs/0123", folder.file("model.safetensors"));
  EXPECT_EQ(refusal(folder), "");
  fs::remove(folder.file("blobs/0123"));
  EXPECT_EQ(refusal(folder),
            folder.file("model.safetensors") +
                ": cannot be opened: No such file or directory");
}

TEST(CheckpointFolder, RefusesWhatIsNoRegularFile) {
  TemporaryFolder folder;
  alarm(20);
  ASSERT_EQ(mkfifo(folder.file("model.safetensors").c_str(), 0600), 0);
  EXPECT_NE(refusal(folder), "");
  fs::remove(folder.file("model.safetensors"));
  fs::create_symlink("/dev/zero", folder.file("model.safetensors"));
  EXPECT_NE(refusal(folder), "");
  fs::remove(folder.file("model.safetensors"));
  writeShards(folder, goodIndex);
  fs::remove(folder.file("2.safetensors"));
  ASSERT_EQ(mkfifo(folder.file("2.safetensors").c_str(), 0600), 0);
  EXPECT_NE(refusal(folder), "");
  fs::remove(folder.file(indexName));
  ASSERT_EQ(mkfifo(folder.file(indexName).c_str(), 0600), 0);
  EXPECT_NE(refusal(folder), "");
  alarm(0);
}

TEST(CheckpointFolder, EachTensorInItsShard) {
  TemporaryFolder folder;
  auto withMap = [&](const std::string &map) {
    writeShards(folder, "{\"weight_map\":" + map + "}");
    std::string text = refusal(folder);
    return text.substr(text.empty() ? 0 : folder.path.size() + 1);
  };
  std::string index = folder.file(indexName);
  EXPECT_EQ(withMap("{\"a\":\"1.safetensors\",\"b\":\"1.safetensors\","
                    "\"c\":\"1.safetensors\"}"),
            "1.safetensors: tensor \"b\" is not in this file, where " + index +
                " says it is");
  EXPECT_EQ(withMap("{\"a\":\"2.safetensors\",\"b\":\"2.safetensors\","
                    "\"c\":\"1.safetensors\"}"),
            "2.safetensors: tensor \"a\" is not in this file, where " + index +
                " says it is");
  EXPECT_EQ(withMap("{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}"),
            "1.safetensors: tensor \"c\" is not in " + index);
  EXPECT_NE(withMap("{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\","
                    "\"c\":\"1.safetensors\",\"d\":\"1.safetensors\"}"),
            "");
  EXPECT_EQ(withMap("{\"a\":\"1.safetensors\",\"b\":\"3.safetensors\"}"),
            "3.safetensors: cannot be opened: No such file or directory");
  folder.write("3.safetensors", tensorFile({"a"}));
  EXPECT_NE(withMap("{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\","
                    "\"c\":\"1.safetensors\",\"a2\":\"3.safetensors\"}"),
            "");
}

TEST(CheckpointFolder, OneTensorInTwoFiles) {
  TemporaryFolder folder;
  folder.write("1.safetensors", tensorFile({"a", "b"}));
  folder.write("2.safetensors", tensorFile({"b"}));
  EXPECT_EQ(errorText(Checkpoint::openFiles(
                {folder.file("1.safetensors"), folder.file("2.safetensors")})),
            folder.file("1.safetensors") + ": tensor \"b\" is also in " +
                folder.file("2.safetensors"));
  EXPECT_EQ(valueOf(Checkpoint::openFiles(folder.file("2.safetensors")))
                .tensors()
                .size(),
            1u);
}

TEST(ShardIndex, RefusesNames) {
  auto withShard = [](const std::string &name) {
    return errorText(
        parseShardIndex("{\"weight_map\":{\"a\":\"" + name + "\"}}", "f"));
  };
  for (const char *good : {"a.safetensors", "..safetensors", "-x.safetensors",
                           "model-00001-of-00002.safetensors", " .safetensors"})
    EXPECT_EQ(withShard(good), "") << good;
  EXPECT_EQ(withShard("../a.safetensors"),
            "f:1:20: \"../a.safetensors\" is no name of a .safetensors file "
            "in this folder");
  for (const char *bad :
       {"", ".", "..", ".safetensors", "/etc/passwd", "/a.safetensors",
        "sub/a.safetensors", "a.safetensors/", "a.safetensors/..", "a.bin",
        "a.safetensors\\u0000", "a\\u0000.safetensors", "a.safetensors\\n",
        "a.SAFETENSORS"})
    EXPECT_NE(withShard(bad), "") << bad;
}

TEST(ShardIndex, RefusesForms) {
  for (const char *bad :
       {"", "[]", "{}", "1", "{\"weight_map\":[]}", "{\"weight_map\":{}}",
        "{\"weight_map\":null}", "{\"weight_map\":{\"a\":1}}",
        "{\"weight_map\":{\"a\":[\"a.safetensors\"]}}",
        "{\"weight_map\":{\"a\":\"1.safetensors\",\"a\":\"2.safetensors\"}}"})
    EXPECT_NE(errorText(parseShardIndex(bad, "f")), "") << bad;
  EXPECT_EQ(errorText(parseShardIndex(std::string(50000, '['), "f")),
            "f:1:65: nested deeper than 64 levels");
}

TEST(ShardIndex, CountsShards) {
  auto withShards = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
      text += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"" +
              std::to_string(i) + ".safetensors\"";
    return parseShardIndex("{\"weight_map\":{" + text + "}}", "f");
  };
  EXPECT_EQ(valueOf(withShards(10'000)).shards.size(), 10'000u);
  EXPECT_NE(errorText(withShards(10'001)).find("more than 10000 shards"),
            std::string::npos);
}

//===----------------------------------------------------------------------===//
// Other formats
//===----------------------------------------------------------------------===//

TEST(CheckpointFolder, ExplainsForeignWeights) {
  for (const char *name :
       {"pytorch_model.bin", "pytorch_model-00001-of-00002.bin",
        "model-q4.gguf", "tf_model.h5", "flax_model.msgpack", "model.PTH"}) {
    TemporaryFolder folder;
    folder.write("config.json", "{}");
    folder.write("training_args.bin", "x");
    folder.write(name, "x");
    std::string text = refusal(folder);
    EXPECT_EQ(text.find(folder.file(name) +
                        ": weights are read from safetensors only"),
              0u)
        << text;
    EXPECT_NE(text.find("save_pretrained(FOLDER, safe_serialization=True)"),
              std::string::npos);
  }
}

TEST(CheckpointFolder, ExplainsWhatIsNoFolder) {
  TemporaryFolder folder;
  EXPECT_EQ(refusal(folder),
            folder.path + ": the folder has neither model.safetensors nor "
                          "model.safetensors.index.json\ndownload the model's "
                          "weights into it");
  folder.write("training_args.bin", "x");
  EXPECT_NE(refusal(folder).find("neither"), std::string::npos);
  EXPECT_EQ(errorText(Checkpoint::open("openai-community/gpt2")),
            "openai-community/gpt2: there is no such folder\nmodels are read "
            "from the disk: download the model's files first");
  std::string gguf = folder.write("a.gguf", "GGUF");
  EXPECT_NE(errorText(Checkpoint::open(gguf)).find("GGUF files are not read"),
            std::string::npos);
  EXPECT_NE(errorText(Checkpoint::open(folder.write("a.txt", "")))
                .find("this is no folder"),
            std::string::npos);
}
