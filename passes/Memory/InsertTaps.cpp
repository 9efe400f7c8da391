//===- InsertTaps.cpp - Copies of rows for verify ------------------------===//

#include "dialect/Ashlar.h"
#include "passes/Memory/ArenaPlan.h"
#include "passes/Memory/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ashlar {
#define GEN_PASS_DEF_INSERTTAPSPASS
#include "passes/Memory/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

static bool readsOwnKeys(ir::AttentionOp attention) {
  return isa<ir::KvAppendOp>(attention.getKey().getDefiningOp());
}

/// Whether there is another self-attention in front of it in its layer.
static bool followsOwnAttention(ir::AttentionOp attention) {
  if (!readsOwnKeys(attention))
    return false;
  for (Operation *op = attention->getPrevNode(); op; op = op->getPrevNode())
    if (auto other = dyn_cast<ir::AttentionOp>(op))
      if (readsOwnKeys(other))
        return true;
  return false;
}

namespace {
struct InsertTaps : ashlar::impl::InsertTapsPassBase<InsertTaps> {
  using InsertTapsPassBase::InsertTapsPassBase;

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      // An expert's rows are not those of the tokens.
      if (op->getNumResults() && !isa<ir::LayersOp>(op) &&
          !op->getParentOfType<ir::ExpertsOp>())
        ops.push_back(op);
    });
    for (Operation *op : ops)
      tapResults(op);
    getOperation().walk([](ir::AttentionOp attention) {
      // A map is of a stack's rows.
      if (attention->getParentOfType<func::FuncOp>()->hasAttr(headAttr))
        return;
      attention->setAttr(mappedAttr,
                         BoolAttr::get(attention.getContext(),
                                       !followsOwnAttention(attention)));
    });
  }

  void tapResults(Operation *op) {
    SmallVector<StringRef> names = ir::namesOf(op->getLoc());
    if (names.empty())
      return;
    OpBuilder builder(op);
    builder.setInsertionPointAfter(op);
    for (OpResult result : op->getResults()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type || type.getRank() != 2 || result.use_empty())
        continue;
      // The last result has the first name (passes/Fusion/Locations.h); a
      // residual_norm's sum comes before its norm and has the second. A merged
      // linear is tapped by its slices.
      size_t name = op->getNumResults() - 1 - result.getResultNumber();
      if (name >= names.size())
        continue;
      if (isa<ir::LinearOp>(op) && llvm::any_of(result.getUsers(), [](auto *u) {
            return isa<ir::SliceOp>(u);
          }))
        continue;
      ir::TapOp::create(builder, op->getLoc(), result,
                        builder.getStringAttr(names[name]), IntegerAttr(),
                        IntegerAttr());
    }
  }
};
} // namespace
