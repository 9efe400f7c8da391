//===- FuseEpilogue.cpp - Activation and residual sum into a linear ------===//

#include "passes/Fusion/FusionPass.h"

namespace ashlar {
#define GEN_PASS_DEF_FUSEEPILOGUEPASS
#include "passes/Fusion/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;
using namespace ashlar::ir;

namespace {

struct FuseEpiloguePass
    : FusionPass<ashlar::impl::FuseEpiloguePassBase<FuseEpiloguePass>> {
  void runOnOperation() override;
  void fuseActivation(ActivationOp activation);
  void fuseResidual(AddOp add);
};

} // namespace

/// Whether `linear` may go to where its user stands.
static Refusal canMoveTo(LinearOp linear, Operation *user) {
  if (linear.getResidual())
    return "the linear has a residual already";
  if (!linear->hasOneUse())
    return "the linear's result has other uses";
  if (linear->getBlock() != user->getBlock())
    return "the linear is in another block";
  return std::nullopt;
}

/// Puts `linear`, which now does the work of `user` too, in its place.
static void replace(Operation *user, LinearOp linear) {
  linear->setLoc(fuseLocations({linear, user}));
  linear->moveBefore(user);
  user->getResult(0).replaceAllUsesWith(linear.getResult());
  user->erase();
}

void FuseEpiloguePass::fuseActivation(ActivationOp activation) {
  auto linear = activation.getInput().getDefiningOp<LinearOp>();
  if (!linear)
    return;
  Refusal refusal = canMoveTo(linear, activation);
  if (!refusal && linear.getActivation())
    refusal = "the linear has an activation already";
  if (refusal)
    return decline(activation, *refusal);
  fire(activation, "the activation is in the epilogue of the linear");
  linear.setActivationAttr(activation.getKindAttr());
  replace(activation, linear);
}

void FuseEpiloguePass::fuseResidual(AddOp add) {
  LinearOp best;
  Refusal refusal;
  for (Value side : {add.getLhs(), add.getRhs()}) {
    auto linear = side.getDefiningOp<LinearOp>();
    if (!linear)
      continue;
    if (Refusal reason = canMoveTo(linear, add))
      refusal = reason;
    else if (!best || best->isBeforeInBlock(linear))
      best = linear; // of two, the later: the other's rows are there by then
  }
  if (!best) {
    if (refusal)
      decline(add, *refusal);
    return;
  }
  fire(add, "the sum is in the epilogue of the linear");
  bool isLeft = add.getLhs() == best.getResult();
  best.getResidualMutable().assign(isLeft ? add.getRhs() : add.getLhs());
  replace(add, best);
}

void FuseEpiloguePass::runOnOperation() {
  // Activations first: the epilogue has them before the residual.
  for (ActivationOp activation : collect<ActivationOp>(getOperation()))
    fuseActivation(activation);
  for (AddOp add : collect<AddOp>(getOperation()))
    fuseResidual(add);
}
