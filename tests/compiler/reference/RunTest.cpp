//===- RunTest.cpp - Inputs, observers and errors of a run ----------------===//

#include "compiler/Build/Build.h"
#include "compiler/Weights/RandomWeights.h"
#include "tests/support/ReferenceRuns.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <set>

using namespace ashlar;
using namespace ashlar::testing;

namespace {
/// Delegates, and counts what is read.
class CountingReader : public TensorReader {
public:
  explicit CountingReader(TensorReader &reader) : reader(reader) {}
  llvm::Error read(llvm::StringRef name, llvm::ArrayRef<int64_t> stored,
                   int64_t first, llvm::MutableArrayRef<float> out) override {
    elements += out.size();
    return reader.read(name, stored, first, out);
  }
  size_t elements = 0;

private:
  TensorReader &reader;
};

class RunTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto loaded =
        loadModel(ASHLAR_SOURCE_DIR "/tests/cases/hf/gpt2_small/model");
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
    model = std::move(*loaded);
    module = buildModule(context, model->spec, "config.json");
    ASSERT_TRUE(module);
    counting = std::make_unique<CountingReader>(*model->reader);
    reference = Reference::create(*module, *counting);
  }

  static ReferenceInputs inputs(std::vector<int32_t> ids) {
    ReferenceInputs result;
    result.ids = ids;
    for (size_t i = 0; i < ids.size(); ++i) {
      result.positions.push_back(i);
      result.sequences.push_back({0, static_cast<int64_t>(i)});
    }
    return result;
  }

  std::string errorOf(llvm::StringRef entry, const ReferenceInputs &inputs) {
    auto result = reference->run(entry, inputs);
    return result ? "no error" : llvm::toString(result.takeError());
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  std::unique_ptr<LoadedModel> model;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<CountingReader> counting;
  std::unique_ptr<Reference> reference;
};
} // namespace

TEST_F(RunTest, observersSeeNamesAndLayers) {
  std::vector<std::pair<std::string, int64_t>> seen;
  std::vector<double> last;
  reference->setObserver(
      [&](llvm::StringRef name, int64_t layer, const reference::Tensor &rows) {
        EXPECT_EQ(rows.dim(0), 3);
        seen.push_back({name.str(), layer});
        last = rows.data;
      });
  auto hidden = reference->run("decoder", inputs({5, 6, 7}));
  ASSERT_TRUE(bool(hidden)) << llvm::toString(hidden.takeError());
  EXPECT_EQ(last, hidden->data);

  using Entry = std::pair<std::string, int64_t>;
  EXPECT_EQ(seen.front(), Entry("transformer.wte", -1));
  EXPECT_EQ(seen.back(), Entry("transformer.ln_f", -1));
  auto count = [&](const char *name, int64_t layer) {
    return llvm::count(seen, Entry(name, layer));
  };
  EXPECT_EQ(count("transformer.h.*.mlp.c_fc", 0), 1);
  EXPECT_EQ(count("transformer.h.*.mlp.c_fc", 1), 1);
  EXPECT_EQ(count("transformer.h.*.mlp.c_fc", 2), 0);
  EXPECT_EQ(count("transformer.h.*.attention.residual", 1), 1);
  // No name twice in a layer.
  EXPECT_EQ(std::set<Entry>(seen.begin(), seen.end()).size(), seen.size());
}

TEST_F(RunTest, smallWeightsAreKept) {
  ASSERT_EQ(errorOf("decoder", inputs({1, 2})), "no error");
  size_t once = counting->elements;
  EXPECT_GT(once, 0u);
  ASSERT_EQ(errorOf("decoder", inputs({1, 2})), "no error");
  EXPECT_EQ(counting->elements, once);
}

TEST_F(RunTest, noMoreIsKeptThanAllowed) {
  auto whole = reference->run("decoder", inputs({1, 2, 3}));
  ASSERT_TRUE(bool(whole)) << llvm::toString(whole.takeError());
  size_t once = counting->elements;
  auto frugal = Reference::create(*module, *counting, /*cachedWeightBytes=*/0);
  for (int i = 1; i <= 2; ++i) {
    auto result = frugal->run("decoder", inputs({1, 2, 3}));
    ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
    EXPECT_EQ(result->data, whole->data);
    EXPECT_GT(counting->elements, once * (i + 1) / 2);
  }
}

TEST_F(RunTest, resetForgetsTheSequences) {
  ASSERT_EQ(errorOf("decoder", inputs({1, 2})), "no error");
  ReferenceInputs third = inputs({3});
  third.positions = {2};
  third.sequences = {{0, 2}};
  ASSERT_EQ(errorOf("decoder", third), "no error");
  reference->reset();
  EXPECT_EQ(errorOf("decoder", third),
            "the rows of a sequence leave a gap in it\ngive each sequence's "
            "rows in order from index 0 on");
}

TEST_F(RunTest, idsOutsideOfTheirTable) {
  for (int32_t id : {113, -1, INT32_MAX, INT32_MIN})
    EXPECT_EQ(errorOf("decoder", inputs({1, id})),
              "id " + std::to_string(id) +
                  " is outside of \"transformer.wte.weight\", which has 113 "
                  "rows");
  ReferenceInputs far = inputs({1});
  far.positions = {48};
  EXPECT_EQ(errorOf("decoder", far),
            "id 48 is outside of \"transformer.wpe.weight\", which has 48 "
            "rows");
}

TEST_F(RunTest, listsOfDifferentLengths) {
  ReferenceInputs given = inputs({1, 2, 3});
  given.positions.pop_back();
  EXPECT_EQ(errorOf("decoder", given),
            "input \"positions\" has 2 rows; expected 3");
  given = inputs({1, 2, 3});
  given.ids.push_back(1);
  EXPECT_EQ(errorOf("decoder", given), "input \"ids\" has 4 rows; expected 3");
}

TEST_F(RunTest, rowsOfOtherFeatures) {
  ReferenceInputs given;
  given.hidden = reference::Tensor({2, 47});
  EXPECT_EQ(errorOf("head0", given),
            "input \"hidden\" has 47 features; expected 48");
  EXPECT_EQ(errorOf("head0", {}),
            "input \"hidden\" is missing; expected rows of 48 features");
}

TEST_F(RunTest, unknownEntries) {
  EXPECT_EQ(errorOf("encoder", inputs({1})),
            "the module has no entry @encoder");
}

TEST_F(RunTest, opsOfOtherLevels) {
  auto program = mlir::parseSourceString<mlir::ModuleOp>(
      R"(func.func @main(%s: !ashlar.sequences {ashlar.input = "sequences"}) {
           %zero = "builtin.unrealized_conversion_cast"() : () -> index
           return
         })",
      mlir::ParserConfig(&context));
  ASSERT_TRUE(program);
  auto other = Reference::create(*program, *counting);
  auto result = other->run("main", {});
  ASSERT_FALSE(bool(result));
  EXPECT_EQ(
      llvm::toString(result.takeError()),
      "the reference does not interpret 'builtin.unrealized_conversion_cast'");
}

TEST_F(RunTest, noRowsAtAll) {
  auto result = reference->run("decoder", inputs({}));
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  EXPECT_EQ(result->dim(0), 0);
  EXPECT_EQ(result->dim(1), 48);
}
