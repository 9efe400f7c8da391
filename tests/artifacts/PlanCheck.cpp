//===- PlanCheck.cpp - Barriers and buffers of every family ---------------===//

#include "compiler/Build/Build.h"
#include "compiler/Compiler.h"
#include "tests/artifacts/ArenaRun.h"
#include "tests/support/Cases.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::testing;

namespace {
class PlanCheck : public ::testing::TestWithParam<std::string> {
protected:
  /// The case's module behind the stage `stage`.
  void build(llvm::StringRef stage, bool taps) {
    llvm::Expected<Case> read = readCase(GetParam());
    ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
    llvm::Expected<ImportResult> imported =
        importModel(read->model, read->tower);
    ASSERT_TRUE(bool(imported)) << llvm::toString(imported.takeError());
    CompileOptions options;
    options.taps = taps;
    options.maxSequences = 3;
    llvm::Expected<PipelineOptions> pipeline =
        resolveLimits(imported->spec, options);
    ASSERT_TRUE(bool(pipeline)) << llvm::toString(pipeline.takeError());
    module = buildModule(*context, imported->spec, read->model);
    if (llvm::Error error = runStages(*module, *pipeline, "", stage))
      FAIL() << llvm::toString(std::move(error));
  }

  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
} // namespace

// Catches: a phase that runs before another worker has finished the one whose
// result it reads.
TEST_P(PlanCheck, everyPhaseEndsInABarrier) {
  build("program", /*taps=*/false);
  size_t phases = 0;
  module->walk([&](ir::PhaseOp phase) {
    ++phases;
    mlir::Operation *next = phase->getNextNode();
    EXPECT_TRUE(next && mlir::isa<ir::BarrierOp>(next))
        << phase.getName().str();
  });
  EXPECT_GT(phases, 4u);
}

// Catches: two buffers in one place while both are needed, in the loop over
// layers, too; a head that writes over the rows that it or the caller reads.
TEST_P(PlanCheck, nothingIsOverwrittenTooEarly) {
  for (bool taps : {false, true}) {
    build(plannedStage, taps);
    for (const std::string &complaint : ArenaRun(*module).run())
      ADD_FAILURE() << complaint;
  }
}

// The check itself: moving any buffer of a loop on another one is noticed.
TEST_P(PlanCheck, movedBuffersAreNoticed) {
  build(plannedStage, /*taps=*/false);
  llvm::SmallVector<mlir::Operation *> placed;
  module->walk([&](ir::AttentionOp op) { placed.push_back(op); });
  module->walk([&](ir::LinearOp op) { placed.push_back(op); });
  ASSERT_GE(placed.size(), 2u);
  for (mlir::Operation *op : placed) {
    mlir::Attribute before = op->getAttr(buffersAttr);
    // On its own operand, which no linear and no attention may overwrite.
    auto operand = mlir::dyn_cast<mlir::OpResult>(op->getOperand(0));
    if (!operand || !operand.getOwner()->hasAttr(buffersAttr))
      continue;
    auto buffers =
        operand.getOwner()->getAttrOfType<mlir::ArrayAttr>(buffersAttr);
    op->setAttr(buffersAttr,
                mlir::ArrayAttr::get(context.get(),
                                     buffers[operand.getResultNumber()]));
    EXPECT_FALSE(ArenaRun(*module).run().empty());
    op->setAttr(buffersAttr, before);
  }
  EXPECT_TRUE(ArenaRun(*module).run().empty());
}

INSTANTIATE_TEST_SUITE_P(Families, PlanCheck,
                         ::testing::ValuesIn(caseNames("hf")),
                         [](const auto &info) { return info.param; });
