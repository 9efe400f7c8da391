//===- CasesTest.cpp - Descriptions against checkpoints -------------------===//
//
// Every reference model and demo model: each tensor of the description is in
// the checkpoint with the shape that the description says, each tensor of the
// checkpoint is in the description or known to be without effect, and the YAML
// of the description says exactly the same. Catches wrong names, shapes,
// numbers of layers, forgotten biases and fields that YAML forgets.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/Import.h"
#include "compiler/Spec/Validate.h"
#include "compiler/Spec/Yaml.h"
#include "compiler/Support/Files.h"
#include "compiler/Support/Json.h"
#include "compiler/Weights/Checkpoint.h"
#include "tests/compiler/import/Weights.h"
#include "tests/compiler/support/ErrorText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include <gtest/gtest.h>

using namespace ashlar;

static const std::string root = ASHLAR_SOURCE_DIR;

class Cases : public testing::TestWithParam<std::string> {
protected:
  /// Imports the model; records a failure when that does not work.
  ImportResult import() {
    llvm::Expected<ImportResult> result = importModel(folder(), tower());
    if (result)
      return std::move(*result);
    ADD_FAILURE() << llvm::toString(result.takeError());
    return {};
  }
  std::string folder() const { return root + "/" + GetParam(); }

  /// What the case beside the folder says of it.
  std::string tower() const {
    llvm::Expected<InputFile> file =
        InputFile::open(folder() + "/../case.json");
    if (!file) {
      llvm::consumeError(file.takeError());
      return "";
    }
    JsonDocument document = valueOf(
        parseJson(valueOf(file->readAll(uint64_t(1) << 20)), "case.json"));
    const JsonValue *value = document.root.find("tower");
    return value ? value->text : "";
  }
};

TEST_P(Cases, DescriptionMatchesCheckpoint) {
  ImportResult model = import();
  llvm::Expected<Checkpoint> checkpoint = Checkpoint::open(folder());
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  std::vector<std::string> used;
  for (const test::NamedWeight &named : test::weightsOf(model.spec)) {
    llvm::Expected<const TensorInfo *> tensor =
        checkpoint->resolve(named.tensor(), model.spec.checkpoint);
    if (!tensor) {
      ADD_FAILURE() << llvm::toString(tensor.takeError());
      continue;
    }
    EXPECT_EQ((*tensor)->shape, named.weight.stored) << named.tensor();
    used.push_back((*tensor)->name);
  }
  EXPECT_FALSE(used.empty());
  for (const std::string &name :
       checkpoint->unusedTensors(used, model.spec.checkpoint))
    ADD_FAILURE() << "unused: " << name;
}

TEST_P(Cases, NothingIsUnknown) {
  for (const std::string &warning : import().warnings)
    ADD_FAILURE() << warning;
}

TEST_P(Cases, YamlSaysTheSame) {
  ImportResult model = import();
  std::string file = folder() + "/model.yaml";
  std::string text = printYaml(model.spec, model.source, file);
  llvm::Expected<YamlModel> back = parseYaml(text, file);
  ASSERT_TRUE(bool(back)) << llvm::toString(back.takeError()) << "\n" << text;
  EXPECT_TRUE(back->spec == model.spec) << text;
  EXPECT_EQ(back->source.weights, folder());
  EXPECT_EQ(back->source.tokenizer, model.source.tokenizer);
  EXPECT_EQ(printYaml(back->spec, back->source, file), text);
}

static std::string caseName(const testing::TestParamInfo<std::string> &info) {
  std::string name;
  for (char c : info.param)
    name += isalnum(c) ? c : '_';
  return name;
}

/// Every folder with a config.json below tests/cases and examples.
static std::vector<std::string> modelFolders() {
  std::vector<std::string> folders;
  std::error_code error;
  for (const char *top : {"tests/cases", "examples"})
    for (llvm::sys::fs::recursive_directory_iterator
             at(root + "/" + top, error),
         end;
         at != end && !error; at.increment(error)) {
      llvm::StringRef path = at->path();
      if (path.consume_back("/config.json"))
        folders.push_back(path.drop_front(root.size() + 1).str());
    }
  llvm::sort(folders);
  return folders;
}

/// Bytes of the files in a folder.
static uint64_t sizeOf(const std::string &folder) {
  std::error_code error;
  uint64_t bytes = 0;
  for (llvm::sys::fs::recursive_directory_iterator at(folder, error), end;
       at != end && !error; at.increment(error)) {
    llvm::ErrorOr<llvm::sys::fs::basic_file_status> status = at->status();
    if (status && status->type() == llvm::sys::fs::file_type::regular_file)
      bytes += status->getSize();
  }
  return bytes;
}

/// A case of an equation is a model as small as its equation allows.
TEST(Folders, CasesOfEquationsAreSmall) {
  const std::string top = root + "/tests/cases/equations";
  std::error_code error;
  unsigned count = 0;
  for (llvm::sys::fs::directory_iterator at(top, error), end;
       at != end && !error; at.increment(error)) {
    if (!llvm::sys::fs::is_directory(at->path()))
      continue;
    uint64_t bytes = sizeOf(at->path());
    EXPECT_LE(bytes, 300000u) << at->path();
    count += bytes > 10000;
  }
  EXPECT_GE(count, 45u);
}

TEST(Folders, AreThere) { EXPECT_GE(modelFolders().size(), 60u); }

INSTANTIATE_TEST_SUITE_P(Models, Cases, testing::ValuesIn(modelFolders()),
                         caseName);
