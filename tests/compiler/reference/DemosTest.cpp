//===- DemosTest.cpp - The reference on the demo models -------------------===//
//
// The first lines of expected.jsonl: logits of the first step, then the greedy
// text. Both were computed in float64.
//
//===----------------------------------------------------------------------===//

#include "compiler/Build/Build.h"
#include "compiler/Support/Json.h"
#include "tests/support/ReferenceRuns.h"

#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::testing;

namespace {
struct Line {
  std::vector<int64_t> inputIds;
  std::vector<int64_t> outputIds;
};

class DemosTest : public ::testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    folder = ASHLAR_SOURCE_DIR "/examples/" + GetParam();
    auto loaded = loadModel(folder);
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
    model = std::move(*loaded);
    module = buildModule(context, model->spec, "config.json");
    ASSERT_TRUE(module);
    reference = Reference::create(*module, *model->reader);
    auto array = readNpy(folder + "/expected_logits.npy");
    ASSERT_TRUE(bool(array)) << llvm::toString(array.takeError());
    logits = std::move(*array);
    readLines(logits.shape[0]);
    ASSERT_EQ(static_cast<int64_t>(lines.size()), logits.shape[0]);
  }

  void readLines(int64_t count) {
    auto text = llvm::MemoryBuffer::getFile(folder + "/expected.jsonl");
    ASSERT_TRUE(bool(text)) << text.getError().message();
    for (llvm::line_iterator it(**text);
         !it.is_at_end() && static_cast<int64_t>(lines.size()) < count; ++it) {
      auto document = parseJson(*it, "expected.jsonl");
      ASSERT_TRUE(bool(document)) << llvm::toString(document.takeError());
      auto list = [&](const char *key) {
        std::vector<int64_t> result;
        for (const JsonValue &value : document->root.find(key)->elements)
          result.push_back(
              llvm::cantFail(document->asInteger(value, key, 0, INT32_MAX)));
        return result;
      };
      lines.push_back({list("input_ids"), list("output_ids")});
    }
  }

  /// A line as the run of a case.
  CaseRun prompt(const Line &line) {
    auto array = [](std::vector<int64_t> ids) {
      NpyArray result;
      result.type = NpyType::Int64;
      result.shape = {1, static_cast<int64_t>(ids.size())};
      result.bytes.resize(ids.size() * sizeof(int64_t));
      memcpy(result.bytes.data(), ids.data(), result.bytes.size());
      return result;
    };
    CaseRun run;
    run.inputs[model->spec.stacks[0].input] = array(line.inputIds);
    if (model->spec.stacks.size() == 2)
      run.inputs[model->spec.stacks[1].input] =
          array({*model->spec.generation.decoderStartToken});
    return run;
  }

  std::string folder;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  std::unique_ptr<LoadedModel> model;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<Reference> reference;
  NpyArray logits; // [lines, outputs]
  std::vector<Line> lines;
};
} // namespace

TEST_P(DemosTest, logitsAgree) {
  std::vector<double> expected = logits.toDouble();
  size_t outputs = logits.shape[1];
  for (auto [i, line] : llvm::enumerate(lines)) {
    reference->reset();
    auto results = runReference(*reference, model->spec, prompt(line));
    ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
    ASSERT_TRUE(results->count("logits"));
    const std::vector<double> &got = results->at("logits").values.data;
    ASSERT_GE(got.size(), outputs);
    Difference delta =
        difference(llvm::ArrayRef(got).take_back(outputs),
                   llvm::ArrayRef(expected).slice(i * outputs, outputs));
    EXPECT_LT(delta.relL2, 1e-13) << "line " << i;
  }
}

TEST_P(DemosTest, greedyTextAgrees) {
  if (!model->spec.decoder())
    GTEST_SKIP() << "a classifier";
  for (auto [i, line] : llvm::enumerate(lines)) {
    reference->reset();
    auto tokens =
        runGreedy(*reference, model->spec, prompt(line), line.outputIds.size());
    ASSERT_TRUE(bool(tokens)) << llvm::toString(tokens.takeError());
    EXPECT_EQ(*tokens, line.outputIds) << "line " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, DemosTest,
                         ::testing::Values("calculator-gpt", "date-translator",
                                           "sentiment-bert", "story-llama"),
                         [](const auto &info) {
                           std::string name = info.param;
                           llvm::replace(name, '-', '_');
                           return name;
                         });
