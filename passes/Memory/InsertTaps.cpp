//===- InsertTaps.cpp - Copies of rows for verify ------------------------===//

#include "dialect/Ashlar.h"
#include "passes/Memory/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ashlar {
#define GEN_PASS_DEF_INSERTTAPSPASS
#include "passes/Memory/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

/// The names in `loc`: one for each graph op that was fused, that of the result
/// first.
static void collectNames(Location loc, SmallVectorImpl<StringRef> &names) {
  if (auto name = dyn_cast<NameLoc>(loc))
    names.push_back(name.getName());
  else if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      collectNames(part, names);
}

namespace {
struct InsertTaps : ashlar::impl::InsertTapsPassBase<InsertTaps> {
  using InsertTapsPassBase::InsertTapsPassBase;

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (op->getNumResults() && !isa<ir::LayersOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      tapResults(op);
  }

  void tapResults(Operation *op) {
    SmallVector<StringRef> names;
    collectNames(op->getLoc(), names);
    if (names.empty())
      return;
    OpBuilder builder(op);
    builder.setInsertionPointAfter(op);
    for (OpResult result : op->getResults()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type || type.getRank() != 2 || result.use_empty())
        continue;
      // The sum of a residual_norm is its first result, and what the norm was
      // made of. A merged linear has the names of what its slices are.
      bool first = result.getResultNumber() + 1 < op->getNumResults();
      if (isa<ir::LinearOp>(op) && llvm::any_of(result.getUsers(), [](auto *u) {
            return isa<ir::SliceOp>(u);
          }))
        continue;
      ir::TapOp::create(builder, op->getLoc(), result,
                        builder.getStringAttr(first ? names.back()
                                                    : names.front()),
                        IntegerAttr(), IntegerAttr());
    }
  }
};
} // namespace
