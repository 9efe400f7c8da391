//===- FusionTest.cpp - Fusion of whole models ----------------------------===//
//
// Every family goes through the fusion passes as the importer describes it:
// every fusion must fire where it is expected to, and the reference must find
// the same numbers on both sides, under the same names.
//
//===----------------------------------------------------------------------===//

#include "compiler/Build/Build.h"
#include "compiler/Import/Import.h"
#include "compiler/Reference/Reference.h"
#include "compiler/Weights/RandomWeights.h"
#include "passes/Fusion/Pipeline.h"
#include "passes/Fusion/Statistics.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <cmath>
#include <map>

using namespace ashlar;
using namespace mlir;
using reference::Tensor;

namespace {

/// Rows by the name of what was computed, and the layer.
using Observed = std::map<std::pair<std::string, int64_t>, std::vector<Tensor>>;

/// One model on both sides of the fusion passes.
class Fused {
public:
  explicit Fused(const std::string &path, const FusionOptions &options = {}) {
    llvm::Expected<ImportResult> imported = importModel(path);
    if (!imported) {
      ADD_FAILURE() << llvm::toString(imported.takeError());
      return;
    }
    spec = std::move(imported->spec);
    statistics.collect(context);
    graph = buildModule(context, spec, "config.json");
    fused = graph->clone();
    PassManager manager(&context);
    addFusionPasses(manager, options);
    EXPECT_TRUE(succeeded(manager.run(*fused)));
  }

  FusionStatistics statistics;
  MLIRContext context;
  ModelSpec spec;
  OwningOpRef<ModuleOp> graph, fused;
};

/// What one call of a stack gets: row r of sequence r mod 2.
ReferenceInputs stackInputs(const Stack &stack, int64_t firstIndex,
                            int64_t rowsPerSequence) {
  ReferenceInputs inputs;
  const Embedding &embedding = stack.embedding;
  int64_t rows = 2 * rowsPerSequence;
  inputs.vectors = Tensor({rows, stack.hidden});
  for (size_t i = 0; i < inputs.vectors.data.size(); ++i)
    inputs.vectors.data[i] = std::sin(0.37 * static_cast<double>(i));
  for (int64_t row = 0; row < rows; ++row) {
    int64_t slot = row / rowsPerSequence;
    int64_t index = firstIndex + row % rowsPerSequence;
    inputs.sequences.push_back({slot, index});
    inputs.positions.push_back(static_cast<int32_t>(index));
    if (embedding.vocabulary)
      inputs.ids.push_back(
          static_cast<int32_t>((7 * row + 3) % embedding.vocabulary));
    if (embedding.tokenTypes)
      inputs.types.push_back(static_cast<int32_t>(row % embedding.tokenTypes));
  }
  return inputs;
}

/// All entries one after the other: stacks in two calls (the second one reads
/// keys that the first has stored), then heads on the last stack's rows.
std::vector<Tensor> runModel(ModuleOp module, const ModelSpec &spec,
                             Observed &observed) {
  RandomWeights weights(/*seed=*/7);
  std::unique_ptr<Reference> reference = Reference::create(module, weights);
  reference->setObserver(
      [&](llvm::StringRef name, int64_t layer, const Tensor &rows) {
        observed[{name.str(), layer}].push_back(rows);
      });
  std::vector<Tensor> results;
  auto run = [&](llvm::StringRef entry, const ReferenceInputs &inputs) {
    llvm::Expected<Tensor> result = reference->run(entry, inputs);
    if (result)
      results.push_back(std::move(*result));
    else
      ADD_FAILURE() << llvm::toString(result.takeError());
  };
  for (const Stack &stack : spec.stacks) {
    bool isEncoder = stack.kind == StackKind::Encoder;
    llvm::StringRef entry = isEncoder ? "encoder" : "decoder";
    run(entry, stackInputs(stack, /*firstIndex=*/0, /*rowsPerSequence=*/5));
    if (!isEncoder)
      run(entry, stackInputs(stack, /*firstIndex=*/5, /*rowsPerSequence=*/1));
  }
  for (size_t i = 0; i < spec.heads.size() && !results.empty(); ++i) {
    ReferenceInputs inputs;
    inputs.hidden = results.back();
    run("head" + std::to_string(i), inputs);
    results.insert(results.begin(), std::move(results.back()));
    results.pop_back();
  }
  return results;
}

/// Largest difference over the largest number.
double relativeDifference(const Tensor &expected, const Tensor &found) {
  if (expected.shape != found.shape)
    return INFINITY;
  double largest = 0, difference = 0;
  for (size_t i = 0; i < expected.data.size(); ++i) {
    largest = std::max(largest, std::abs(expected.data[i]));
    difference =
        std::max(difference, std::abs(expected.data[i] - found.data[i]));
  }
  return largest == 0 ? difference : difference / largest;
}

void expectSameNumbers(Fused &model, bool compareNames) {
  constexpr double limit = 1e-12; // float64, sums in another order at most
  Observed before, after;
  std::vector<Tensor> expected = runModel(*model.graph, model.spec, before);
  std::vector<Tensor> found = runModel(*model.fused, model.spec, after);
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(expected.size(), found.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_LT(relativeDifference(expected[i], found[i]), limit)
        << "result " << i;

  if (!compareNames)
    return;
  int compared = 0;
  for (const auto &[key, rows] : after) {
    auto same = before.find(key);
    if (same == before.end() || same->second.size() != rows.size())
      continue;
    for (size_t i = 0; i < rows.size(); ++i)
      EXPECT_LT(relativeDifference(same->second[i], rows[i]), limit)
          << key.first << " of layer " << key.second;
    ++compared;
  }
  EXPECT_GT(compared, 5) << "fused ops must keep the model's names";
}

struct Family {
  const char *folder; // in tests/cases/hf
  int foldAttentionScale;
  int mergeQkv;
  int fuseAttention;
  int fuseRotary;
  int fuseResidualNorm;
  int mergeGateUp;
  int fuseEpilogue;
};

void PrintTo(const Family &family, std::ostream *os) { *os << family.folder; }

class FusionOfFamily : public testing::TestWithParam<Family> {};

std::string modelPath(const Family &family) {
  return std::string(ASHLAR_SOURCE_DIR) + "/tests/cases/hf/" + family.folder +
         "/model";
}

TEST_P(FusionOfFamily, FiresEverywhere) {
  const Family &family = GetParam();
  Fused model(modelPath(family));
  EXPECT_EQ(model.statistics.passes["fold-attention-scale"].fired,
            family.foldAttentionScale);
  EXPECT_EQ(model.statistics.passes["merge-qkv"].fired, family.mergeQkv);
  EXPECT_EQ(model.statistics.passes["fuse-attention"].fired,
            family.fuseAttention);
  EXPECT_EQ(model.statistics.passes["fuse-rotary"].fired, family.fuseRotary);
  EXPECT_EQ(model.statistics.passes["fuse-residual-norm"].fired,
            family.fuseResidualNorm);
  EXPECT_EQ(model.statistics.passes["merge-gate-up"].fired, family.mergeGateUp);
  EXPECT_EQ(model.statistics.passes["fuse-epilogue"].fired,
            family.fuseEpilogue);
}

TEST_P(FusionOfFamily, KeepsNumbersAndNames) {
  Fused model(modelPath(GetParam()));
  expectSameNumbers(model, /*compareNames=*/false);
  // A query that carries the scale has the model's name and other numbers.
  FusionOptions unscaled;
  unscaled.foldAttentionScale = false;
  Fused named(modelPath(GetParam()), unscaled);
  expectSameNumbers(named, /*compareNames=*/true);
}

// What one pass leaves must be right without the others behind it, too.
TEST_P(FusionOfFamily, KeepsNumbersWithEachPassAlone) {
  bool FusionOptions::*switches[] = {
      &FusionOptions::foldAttentionScale, &FusionOptions::mergeQkv,
      &FusionOptions::fuseAttention,      &FusionOptions::fuseRotary,
      &FusionOptions::fuseResidualNorm,   &FusionOptions::mergeGateUp,
      &FusionOptions::fuseEpilogue};
  for (bool FusionOptions::*only : switches) {
    FusionOptions options{false, false, false, false, false, false, false};
    options.*only = true;
    Fused model(modelPath(GetParam()), options);
    expectSameNumbers(model, /*compareNames=*/!options.foldAttentionScale);
  }
}

// A layer's description is compiled once, so these are counts of descriptions
// that take turns.
// Bloom's projections are pieces of one tensor; gemma2's layers alternate, with
// norms between linears and sums; gptj's sums feed no norm; olmo2's queries and
// keys are normalized; t5's scores have a bias.
INSTANTIATE_TEST_SUITE_P(
    Hf, FusionOfFamily,
    testing::Values(Family{"gpt2_small", 1, 1, 1, 0, 1, 0, 2},
                    Family{"llama_gqa", 0, 1, 1, 2, 1, 1, 1},
                    Family{"bert_masked_lm", 0, 1, 1, 0, 3, 0, 2},
                    Family{"marian", 0, 3, 3, 0, 5, 0, 2},
                    Family{"bart", 0, 3, 3, 0, 7, 0, 2},
                    Family{"torch_transformer_post_norm", 0, 3, 3, 0, 5, 0, 2},
                    Family{"bloom", 0, 1, 1, 0, 1, 0, 2},
                    Family{"gemma2", 0, 2, 2, 4, 2, 2, 0},
                    Family{"gptj", 0, 1, 1, 2, 0, 0, 3},
                    Family{"olmo2", 0, 1, 1, 2, 0, 1, 0},
                    Family{"t5_v1_1", 3, 3, 3, 0, 3, 2, 2}),
    [](const testing::TestParamInfo<Family> &info) {
      return std::string(info.param.folder);
    });

} // namespace
