//===- FuseResidualNorm.cpp - A sum and the norm of it -------------------===//

#include "passes/Fusion/FusionPass.h"

namespace ashlar {
#define GEN_PASS_DEF_FUSERESIDUALNORMPASS
#include "passes/Fusion/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;
using namespace ashlar::ir;

namespace {

struct FuseResidualNormPass
    : FusionPass<ashlar::impl::FuseResidualNormPassBase<FuseResidualNormPass>> {
  void runOnOperation() override;
  void fuse(AddOp add, NormOp norm);
};

} // namespace

void FuseResidualNormPass::fuse(AddOp add, NormOp norm) {
  fire(norm, "sum and norm are one residual_norm");
  // Stands where the sum stood: all users of both come later.
  OpBuilder builder(add);
  auto fused = ResidualNormOp::create(
      builder, fuseLocations({add, norm}), add.getType(), norm.getType(),
      norm.getKindAttr(), add.getLhs(), add.getRhs(), norm.getGainAttr(),
      norm.getBiasAttr(), norm.getEpsilonAttr());
  norm.getResult().replaceAllUsesWith(fused.getResult());
  norm.erase();
  add.getResult().replaceAllUsesWith(fused.getSum());
  add.erase();
}

void FuseResidualNormPass::runOnOperation() {
  for (NormOp norm : collect<NormOp>(getOperation())) {
    Operation *producer = norm.getInput().getDefiningOp();
    if (isa_and_nonnull<ResidualNormOp>(producer)) {
      auto fused = cast<ResidualNormOp>(producer);
      if (norm.getInput() == fused.getSum())
        decline(norm, "the sum is fused with another norm");
      continue;
    }
    auto add = dyn_cast_or_null<AddOp>(producer);
    if (!add)
      continue;
    if (add->getBlock() != norm->getBlock())
      decline(norm, "the sum is computed in another block");
    else if (norm.getGroups() != 1)
      decline(norm, "the norm goes over parts of the row");
    else
      fuse(add, norm);
  }
}
