//===- FuseAttention.cpp - Scores to mix as one attention op -------------===//

#include "passes/Fusion/FusionPass.h"

namespace ashlar {
#define GEN_PASS_DEF_FUSEATTENTIONPASS
#include "passes/Fusion/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;
using namespace ashlar::ir;

namespace {

/// mix(softmax(mask(scale(scores)))), the scales being none, one or several.
struct Chain {
  ScoresOp scores;
  SmallVector<ScaleOp> scales; // last one first
  MaskOp mask;
  SoftmaxOp softmax;
  MixOp mix;

  /// In the order of the data.
  SmallVector<Operation *> parts() {
    SmallVector<Operation *> ops{scores.getOperation()};
    for (ScaleOp scale : llvm::reverse(scales))
      ops.push_back(scale.getOperation());
    ops.append(
        {mask.getOperation(), softmax.getOperation(), mix.getOperation()});
    return ops;
  }
};

struct FuseAttentionPass
    : FusionPass<ashlar::impl::FuseAttentionPassBase<FuseAttentionPass>> {
  void runOnOperation() override;
  void fuse(Chain &chain);
};

} // namespace

/// Follows the weights of `chain.mix` up to the scores.
static Refusal match(Chain &chain) {
  chain.softmax = chain.mix.getWeights().getDefiningOp<SoftmaxOp>();
  if (!chain.softmax)
    return "the weights of the mix are no softmax";
  chain.mask = chain.softmax.getInput().getDefiningOp<MaskOp>();
  if (!chain.mask)
    return "there is no mask below the softmax: the sequences are unknown";
  Value scores = chain.mask.getInput();
  while (auto scale = scores.getDefiningOp<ScaleOp>()) {
    chain.scales.push_back(scale);
    scores = scale.getInput();
  }
  chain.scores = scores.getDefiningOp<ScoresOp>();
  if (!chain.scores)
    return "what the mask reads are no scores";
  return std::nullopt;
}

static Refusal check(Chain &chain) {
  for (Operation *op : chain.parts()) {
    if (op == chain.mix.getOperation())
      continue;
    if (!op->hasOneUse())
      return ("the result of '" + op->getName().getStringRef() +
              "' has other uses")
          .str();
    if (op->getBlock() != chain.mix->getBlock())
      return ("'" + op->getName().getStringRef() + "' is in another block")
          .str();
  }
  if (chain.scores.getKey().getType() != chain.mix.getValue().getType())
    return "keys and values differ in shape";
  if (chain.scores.getQuery().getType() != chain.mix.getResult().getType())
    return "queries and result differ in shape";
  return std::nullopt;
}

void FuseAttentionPass::fuse(Chain &chain) {
  MixOp mix = chain.mix;
  MaskOp mask = chain.mask;
  ScoresOp scores = chain.scores;
  double factor = 1.0;
  for (ScaleOp scale : chain.scales)
    factor *= scale.getFactor().convertToDouble();

  fire(mix, "scores to mix are one attention");
  OpBuilder builder(mix);
  SmallVector<Operation *> parts = chain.parts();
  auto attention = AttentionOp::create(
      builder, fuseLocations(parts), mix.getResult().getType(),
      scores.getQuery(), scores.getKey(), mix.getValue(),
      mask.getQuerySequences(), mask.getKeySequences(),
      /*positions=*/Value(), mask.getKindAttr(),
      builder.getF64FloatAttr(factor), /*rotary=*/nullptr,
      /*rotary_table=*/nullptr);
  mix.getResult().replaceAllUsesWith(attention);
  for (Operation *part : llvm::reverse(parts))
    part->erase();
}

void FuseAttentionPass::runOnOperation() {
  for (MixOp mix : collect<MixOp>(getOperation())) {
    Chain chain;
    chain.mix = mix;
    Refusal refusal = match(chain);
    if (!refusal)
      refusal = check(chain);
    if (refusal)
      decline(mix, *refusal);
    else
      fuse(chain);
  }
}
