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

/// mix(softmax(mask(repeat(soft_cap(position_bias(scale(scores))))))), the
/// scales being none, one or several; repeat, cap and bias may be absent.
struct Chain {
  Operation *scores;           // or additive_scores
  SmallVector<ScaleOp> scales; // last one first
  PositionBiasOp bias;
  SoftCapOp cap;
  RepeatOp repeat;
  MaskOp mask;
  SoftmaxOp softmax;
  MixOp mix;

  Value query() { return scores->getOperand(0); }
  Value key() { return scores->getOperand(1); }
  /// In the order of the data.
  SmallVector<Operation *> parts() {
    SmallVector<Operation *> ops{scores};
    for (ScaleOp scale : llvm::reverse(scales))
      ops.push_back(scale.getOperation());
    if (bias)
      ops.push_back(bias.getOperation());
    if (cap)
      ops.push_back(cap.getOperation());
    if (repeat)
      ops.push_back(repeat.getOperation());
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
  chain.repeat = scores.getDefiningOp<RepeatOp>();
  if (chain.repeat)
    scores = chain.repeat.getInput();
  chain.cap = scores.getDefiningOp<SoftCapOp>();
  if (chain.cap)
    scores = chain.cap.getInput();
  chain.bias = scores.getDefiningOp<PositionBiasOp>();
  if (chain.bias)
    scores = chain.bias.getInput();
  while (auto scale = scores.getDefiningOp<ScaleOp>()) {
    chain.scales.push_back(scale);
    scores = scale.getInput();
  }
  chain.scores = scores.getDefiningOp();
  if (!isa_and_nonnull<ScoresOp, AdditiveScoresOp>(chain.scores))
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
  if (chain.key().getType() != chain.mix.getValue().getType())
    return "keys and values differ in shape";
  auto sameSequences = [&](auto op) {
    return op.getQuerySequences() == chain.mask.getQuerySequences() &&
           op.getKeySequences() == chain.mask.getKeySequences();
  };
  if (chain.bias && !sameSequences(chain.bias))
    return "bias and mask are of different sequences";
  if (chain.repeat && !sameSequences(chain.repeat))
    return "repeat and mask are of different sequences";
  if (chain.query().getType() != chain.mix.getResult().getType())
    return "queries and result differ in shape";
  return std::nullopt;
}

void FuseAttentionPass::fuse(Chain &chain) {
  MixOp mix = chain.mix;
  MaskOp mask = chain.mask;
  auto additive = dyn_cast<AdditiveScoresOp>(chain.scores);
  double factor = 1.0;
  for (ScaleOp scale : chain.scales)
    factor *= scale.getFactor().convertToDouble();

  fire(mix, "scores to mix are one attention");
  OpBuilder builder(mix);
  SmallVector<Operation *> parts = chain.parts();
  auto attention = AttentionOp::create(
      builder, fuseLocations(parts), mix.getResult().getType(), chain.query(),
      chain.key(), mix.getValue(), mask.getQuerySequences(),
      mask.getKeySequences(),
      /*positions=*/Value(), mask.getKindAttr(), mask.getWindowAttr(),
      mask.getPatternAttr(), builder.getF64FloatAttr(factor),
      additive ? additive.getVectorAttr() : FlatSymbolRefAttr(),
      chain.bias ? chain.bias.getTableAttr() : FlatSymbolRefAttr(),
      chain.bias ? chain.bias.getBehindAttr() : IntegerAttr(),
      chain.cap ? chain.cap.getCapAttr() : FloatAttr(),
      chain.repeat ? chain.repeat.getPattern() : Attribute(),
      chain.repeat ? chain.repeat.getTimesAttr() : IntegerAttr(),
      /*rotary=*/nullptr,
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
