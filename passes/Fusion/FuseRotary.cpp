//===- FuseRotary.cpp - Rotary positions into attention and kv_append ----===//

#include "passes/Fusion/FusionPass.h"

namespace ashlar {
#define GEN_PASS_DEF_FUSEROTARYPASS
#include "passes/Fusion/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;
using namespace ashlar::ir;

namespace {

struct FuseRotaryPass
    : FusionPass<ashlar::impl::FuseRotaryPassBase<FuseRotaryPass>> {
  void runOnOperation() override;
};

} // namespace

/// Lets `user` rotate its operand `heads` (of the rotary op) itself.
template <typename Op>
static Refusal fuseInto(RotaryOp rotary, Op user, OpOperand &heads) {
  if (user.getRotary())
    return "its user rotates already";
  heads.set(rotary.getInput());
  user.getPositionsMutable().assign(rotary.getPositions());
  user.setRotaryAttr(rotary.getRotaryAttr());
  user.setRotaryTableAttr(rotary.getRotaryTableAttr());
  user->setLoc(fuseLocations({rotary, user}));
  return std::nullopt;
}

static Refusal fuse(RotaryOp rotary) {
  if (!rotary->hasOneUse())
    return "the rotated heads have other uses";
  OpOperand &use = *rotary->use_begin();
  Operation *user = use.getOwner();
  if (user->getBlock() != rotary->getBlock())
    return "its user is in another block";
  if (auto attention = dyn_cast<AttentionOp>(user))
    if (&use == &attention.getQueryMutable())
      return fuseInto(rotary, attention, use);
  if (auto append = dyn_cast<KvAppendOp>(user))
    if (&use == &append.getKeyMutable())
      return fuseInto(rotary, append, use);
  return ("its user is '" + user->getName().getStringRef() +
          "', neither the query of an attention nor the key of a kv_append")
      .str();
}

void FuseRotaryPass::runOnOperation() {
  for (RotaryOp rotary : collect<RotaryOp>(getOperation())) {
    if (Refusal refusal = fuse(rotary)) {
      decline(rotary, *refusal);
      continue;
    }
    fire(rotary, "its user rotates");
    rotary.erase();
  }
}
