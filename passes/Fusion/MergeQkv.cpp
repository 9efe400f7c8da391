//===- MergeQkv.cpp - Projections of one input into heads as one linear --===//

#include "passes/Fusion/StackedWeights.h"

#include "llvm/ADT/MapVector.h"

namespace ashlar {
#define GEN_PASS_DEF_MERGEQKVPASS
#include "passes/Fusion/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;
using namespace ashlar::ir;

/// Whether `rows` are split into heads, perhaps clipped and normalized before,
/// and nothing else.
static bool feedsHeads(Operation *rows) {
  return !rows->use_empty() &&
         llvm::all_of(rows->getUsers(), [](Operation *user) {
           return isa<SplitHeadsOp>(user) ||
                  (isa<ClipOp, NormOp>(user) && feedsHeads(user));
         });
}

namespace {

struct MergeQkvPass : FusionPass<ashlar::impl::MergeQkvPassBase<MergeQkvPass>> {
  void runOnOperation() override;

  /// Of the projections of one input, those that can become one.
  SmallVector<LinearOp> mergeable(ArrayRef<LinearOp> linears,
                                  const WeightUses &uses);
  void merge(ArrayRef<LinearOp> linears);
};

} // namespace

SmallVector<LinearOp> MergeQkvPass::mergeable(ArrayRef<LinearOp> linears,
                                              const WeightUses &uses) {
  SmallVector<LinearOp> kept;
  for (LinearOp linear : linears) {
    Refusal refusal = ownsWeights(linear, uses);
    if (!refusal)
      refusal = sameLayers(kept.empty() ? linear : kept.front(), linear);
    if (refusal)
      decline(linear, *refusal);
    else
      kept.push_back(linear);
  }
  return kept;
}

void MergeQkvPass::merge(ArrayRef<LinearOp> linears) {
  LinearOp first = linears.front();
  fire(first,
       Twine(linears.size()) + " projections of one input are one linear");

  StackedSymbols symbols = stackWeights(getOperation(), linears);
  int64_t features = 0;
  for (LinearOp linear : linears)
    features += linear.getResult().getType().getDimSize(1);
  auto type = RankedTensorType::get(
      {first.getResult().getType().getDimSize(0), features},
      first.getResult().getType().getElementType());

  OpBuilder builder(first);
  SmallVector<Operation *> parts(linears.begin(), linears.end());
  auto merged =
      LinearOp::create(builder, joinLocations(parts), type, first.getInput(),
                       /*residual=*/Value(), symbols.weight, symbols.bias,
                       /*activation=*/nullptr, /*gated=*/nullptr);
  int64_t begin = 0;
  for (LinearOp linear : linears) {
    auto slice = SliceOp::create(builder, linear.getLoc(),
                                 linear.getResult().getType(), merged, begin);
    begin += linear.getResult().getType().getDimSize(1);
    linear.getResult().replaceAllUsesWith(slice);
  }
  for (LinearOp linear : linears)
    linear.erase();
}

void MergeQkvPass::runOnOperation() {
  WeightUses uses(getOperation());
  llvm::MapVector<std::pair<Block *, Value>, SmallVector<LinearOp>> groups;
  for (LinearOp linear : collect<LinearOp>(getOperation()))
    if (feedsHeads(linear))
      groups[{linear->getBlock(), linear.getInput()}].push_back(linear);

  for (auto &[where, linears] : groups) {
    SmallVector<LinearOp> kept = mergeable(linears, uses);
    if (kept.size() > 1)
      merge(kept);
    else if (kept.size() == 1)
      decline(kept.front(), "no other projection of this input to merge with");
  }
}
