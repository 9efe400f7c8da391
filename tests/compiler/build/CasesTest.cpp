//===- CasesTest.cpp - What the graphs of all families have in common -----===//

#include "tests/support/Cases.h"
#include "compiler/Build/Build.h"
#include "compiler/Import/Import.h"
#include "dialect/Ashlar.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::testing;

namespace {
class BuildCasesTest : public ::testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    llvm::Expected<Case> given = readCase(GetParam());
    ASSERT_TRUE(bool(given)) << llvm::toString(given.takeError());
    auto imported = importHuggingFace(given->model, given->tower);
    ASSERT_TRUE(bool(imported)) << llvm::toString(imported.takeError());
    spec = std::move(imported->spec);
    module = buildModule(context, spec, "config.json");
    ASSERT_TRUE(module);
  }

  template <typename Op> int64_t count() {
    int64_t result = 0;
    module->walk([&](Op) { ++result; });
    return result;
  }

  /// Ops under a loop over layers count once for each block that takes turns.
  template <typename Count> int64_t countBlocks(Count count) {
    int64_t result = 0;
    for (const Stack &stack : spec.stacks)
      for (const LayerLoop &loop : layerLoops(stack, nullptr))
        for (const Block *block : loop.parts)
          result += count(*block);
    return result;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  ModelSpec spec;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
} // namespace

TEST_P(BuildCasesTest, opsAreThoseOfTheTextbook) {
  auto attentions = [](const Block &block) {
    return 1 + block.attention.marked.has_value() +
           block.crossAttention.has_value();
  };
  auto crosses = [](const Block &block) {
    return int64_t(block.crossAttention.has_value());
  };
  int64_t pools = 0, pooling = 0; // and those by attention
  for (const Head &head : spec.heads)
    for (const Pool &pool : head.pools) {
      ++pools;
      pooling += pool.attention.has_value();
    }
  EXPECT_EQ(count<ir::PoolOp>(), pools);
  EXPECT_EQ(count<ir::ScoresOp>(), countBlocks(attentions) + pooling);
  EXPECT_EQ(count<ir::SoftmaxOp>(), countBlocks(attentions) + pooling);
  EXPECT_EQ(count<ir::MaskOp>(), countBlocks(attentions) + pooling);
  EXPECT_EQ(count<ir::MixOp>(), countBlocks(attentions) + pooling);
  int64_t scaledHeads = 0;
  for (const Head &head : spec.heads)
    scaledHeads += llvm::count_if(head.layers,
                                  [](const HeadLayer &layer) {
                                    return layer.scale != 1.0;
                                  }) +
                   (head.join == PoolJoin::Mean) +
                   head.segmentOffset.has_value();
  EXPECT_EQ(count<ir::ScaleOp>(),
            countBlocks(attentions) + pooling + scaledHeads);
  // Every attention has keys; those of the cross-attentions are stored by the
  // encoder and read by the decoder.
  EXPECT_EQ(count<ir::KvAppendOp>(), countBlocks(attentions) + pooling);
  EXPECT_EQ(count<ir::KvReadOp>(), countBlocks(crosses));
  EXPECT_EQ(count<ir::RotaryOp>(), countBlocks([](const Block &block) {
              return block.attention.rotary ? 2 : 0;
            }));
  EXPECT_EQ(count<ir::MultiplyOp>(), countBlocks([](const Block &block) {
              return int64_t(block.feedForward.gate.has_value());
            }));
  size_t loops = 0;
  for (const Stack &stack : spec.stacks)
    loops += layerLoops(stack, nullptr).size();
  // The encoder's end runs over the decoder's layers, too.
  if (spec.encoder() && spec.decoder())
    loops += layerLoops(*spec.decoder(), nullptr).size();
  EXPECT_EQ(count<ir::LayersOp>(), static_cast<int64_t>(loops));
}

TEST_P(BuildCasesTest, entriesAreStacksAndHeads) {
  int64_t stacks = 0, heads = 0;
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    stacks += function->hasAttr("ashlar.stack");
    heads += function->hasAttr("ashlar.head");
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      EXPECT_TRUE(function.getArgAttr(i, "ashlar.input"));
  }
  EXPECT_EQ(stacks, static_cast<int64_t>(spec.stacks.size()));
  EXPECT_EQ(heads, static_cast<int64_t>(spec.heads.size()));
}

TEST_P(BuildCasesTest, weightsStandFirst) {
  bool seenFunction = false;
  for (mlir::Operation &op : *module->getBody()) {
    EXPECT_FALSE(seenFunction && llvm::isa<ir::WeightOp>(op))
        << llvm::cast<ir::WeightOp>(op).getSymName().str();
    seenFunction |= llvm::isa<mlir::func::FuncOp>(op);
  }
  EXPECT_TRUE(seenFunction);
}

/// No two symbols for the same numbers.
TEST_P(BuildCasesTest, weightsAreDistinct) {
  llvm::DenseSet<std::pair<mlir::Attribute, mlir::Attribute>> seen;
  for (auto weight : module->getOps<ir::WeightOp>())
    EXPECT_TRUE(
        seen.insert({weight.getSources(), weight.getLayersAttr()}).second)
        << weight.getSymName().str();
}

TEST_P(BuildCasesTest, everyOpSaysWhatItComputes) {
  module->walk([&](mlir::Operation *op) {
    if (op == module->getOperation())
      return;
    auto name = llvm::dyn_cast<mlir::NameLoc>(op->getLoc());
    ASSERT_TRUE(name) << op->getName().getStringRef().str();
    EXPECT_TRUE(llvm::isa<mlir::FileLineColLoc>(name.getChildLoc()));
    EXPECT_FALSE(name.getName().getValue().contains('{'));
  });
}

/// Two results under one name, of the same layers, could not be told apart in a
/// report.
TEST_P(BuildCasesTest, rowsOfAnEntryHaveNamesOfTheirOwn) {
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    llvm::StringSet<> seen;
    function.walk([&](mlir::Operation *op) {
      if (llvm::isa<ir::LayersOp>(op) || op->getNumResults() != 1)
        return;
      std::string name =
          llvm::cast<mlir::NameLoc>(op->getLoc()).getName().str();
      if (auto layers = op->getParentOfType<ir::LayersOp>())
        name += " of layers from " +
                std::to_string(layers.getFirst() + layers.partOf(op));
      EXPECT_TRUE(seen.insert(name).second) << name;
    });
  }
}

TEST_P(BuildCasesTest, textReadsBack) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  auto again = mlir::parseSourceString<mlir::ModuleOp>(
      text, mlir::ParserConfig(&context));
  ASSERT_TRUE(again);
  std::string textAgain;
  llvm::raw_string_ostream streamAgain(textAgain);
  again->print(streamAgain);
  EXPECT_EQ(text, textAgain);
}

INSTANTIATE_TEST_SUITE_P(Hf, BuildCasesTest, ::testing::ValuesIn(caseNames()),
                         [](const auto &info) { return info.param; });
