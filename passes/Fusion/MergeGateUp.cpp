//===- MergeGateUp.cpp - Gate and up projection as one gated linear ------===//

#include "passes/Fusion/StackedWeights.h"

namespace ashlar {
#define GEN_PASS_DEF_MERGEGATEUPPASS
#include "passes/Fusion/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;
using namespace ashlar::ir;

namespace {

/// multiply(activate(gate), up)
struct GatedPair {
  LinearOp gate;
  ActivationOp activation;
  LinearOp up;
};

struct MergeGateUpPass
    : FusionPass<ashlar::impl::MergeGateUpPassBase<MergeGateUpPass>> {
  void runOnOperation() override;
  void merge(MultiplyOp multiply, const GatedPair &pair);
};

} // namespace

/// The pattern with the activation on `activated`, if it is there.
static std::optional<GatedPair> match(Value activated, Value up) {
  auto activation = activated.getDefiningOp<ActivationOp>();
  auto upLinear = up.getDefiningOp<LinearOp>();
  if (!activation || !upLinear)
    return std::nullopt;
  auto gate = activation.getInput().getDefiningOp<LinearOp>();
  if (!gate || gate == upLinear)
    return std::nullopt;
  return GatedPair{gate, activation, upLinear};
}

static Refusal check(MultiplyOp multiply, GatedPair pair,
                     const WeightUses &uses) {
  if (pair.gate.getInput() != pair.up.getInput())
    return "gate and up projection read different inputs";
  for (Operation *op : {pair.gate.getOperation(), pair.up.getOperation(),
                        pair.activation.getOperation()}) {
    if (!op->hasOneUse())
      return "an intermediate result has other uses";
    if (op->getBlock() != multiply->getBlock())
      return "an intermediate result is computed in another block";
  }
  for (LinearOp linear : {pair.gate, pair.up})
    if (Refusal refusal = ownsWeights(linear, uses))
      return refusal;
  return sameLayers(pair.gate, pair.up);
}

void MergeGateUpPass::merge(MultiplyOp multiply, const GatedPair &pair) {
  GatedPair ops = pair;
  fire(multiply, "gate and up projection are one gated linear");

  OpBuilder builder(multiply);
  StackedSymbols symbols = stackWeights(getOperation(), {ops.gate, ops.up});
  auto merged = LinearOp::create(
      builder, fuseLocations({ops.up, ops.gate, ops.activation, multiply}),
      multiply.getType(), ops.gate.getInput(), /*residual=*/Value(),
      symbols.weight, symbols.bias, ops.activation.getKindAttr(),
      builder.getUnitAttr());
  multiply.getResult().replaceAllUsesWith(merged);
  multiply.erase();
  ops.activation.erase();
  ops.gate.erase();
  ops.up.erase();
}

void MergeGateUpPass::runOnOperation() {
  WeightUses uses(getOperation());
  for (MultiplyOp multiply : collect<MultiplyOp>(getOperation())) {
    std::optional<GatedPair> pair = match(multiply.getLhs(), multiply.getRhs());
    if (!pair)
      pair = match(multiply.getRhs(), multiply.getLhs());
    if (!pair)
      continue;
    if (Refusal refusal = check(multiply, *pair, uses))
      decline(multiply, *refusal);
    else
      merge(multiply, *pair);
  }
}
