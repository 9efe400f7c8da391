//===- FoldAttentionScale.cpp - Scale of the scores into the query -------===//

#include "passes/Fusion/StackedWeights.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

namespace ashlar {
#define GEN_PASS_DEF_FOLDATTENTIONSCALEPASS
#include "passes/Fusion/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;
using namespace ashlar::ir;

namespace {

struct FoldAttentionScalePass
    : FusionPass<
          ashlar::impl::FoldAttentionScalePassBase<FoldAttentionScalePass>> {
  void runOnOperation() override;
};

} // namespace

/// Multiplying a float by it is exact, short of underflow.
static bool isPowerOfTwo(double factor) {
  int exponent;
  return std::frexp(factor, &exponent) == 0.5;
}

/// The linear that alone makes `heads`, through ops that a factor commutes
/// with; null when there is none.
static LinearOp findProjection(Value heads) {
  while (Operation *op = heads.getDefiningOp()) {
    if (!op->hasOneUse())
      return nullptr;
    if (auto linear = dyn_cast<LinearOp>(op))
      return linear;
    if (!isa<RotaryOp, SplitHeadsOp>(op))
      return nullptr;
    heads = op->getOperand(0);
  }
  return nullptr;
}

/// `factor` as a remark says it.
static std::string textOf(double factor) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", factor);
  return text;
}

static Refusal check(ScaleOp scale, ScoresOp scores, LinearOp projection,
                     const WeightUses &uses) {
  double factor = scale.getFactor().convertToDouble();
  if (!isPowerOfTwo(factor))
    return "factor " + textOf(factor) +
           " is no power of two: folding it would round the weights";
  if (!scores->hasOneUse())
    return "the scores have other uses";
  if (!projection)
    return "the query is no projection that only these scores use";
  if (Refusal refusal = ownsWeights(projection, uses))
    return refusal;
  LinearWeights weights = weightsOf(projection);
  for (WeightOp weight : {weights.weight, weights.bias})
    if (weight &&
        !llvm::all_of(weight.getSources(),
                      llvm::IsaPred<TensorSourceAttr, ZeroSourceAttr>))
      return ("@" + weight.getSymName() + " has a computed source").str();
  return std::nullopt;
}

/// Multiplies what `weight` takes from the checkpoint by `factor`.
static void scaleSources(WeightOp weight, double factor) {
  MLIRContext *context = weight.getContext();
  SmallVector<Attribute> sources;
  for (Attribute source : weight.getSources()) {
    auto tensor = dyn_cast<TensorSourceAttr>(source);
    if (!tensor) {
      sources.push_back(source);
      continue;
    }
    double scale = tensor.getScaleValue() * factor;
    FloatAttr attribute =
        scale == 1.0 ? FloatAttr()
                     : FloatAttr::get(Float64Type::get(context), scale);
    sources.push_back(TensorSourceAttr::get(
        context, tensor.getName(), tensor.getStored(), tensor.getBegin(),
        tensor.getCount(), tensor.getPiece(), tensor.getEvery(),
        tensor.getTransposed(), tensor.getConvolution(), tensor.getPlus(),
        attribute));
  }
  weight.setSourcesAttr(ArrayAttr::get(context, sources));
}

void FoldAttentionScalePass::runOnOperation() {
  WeightUses uses(getOperation());
  for (ScaleOp scale : collect<ScaleOp>(getOperation())) {
    auto scores = scale.getInput().getDefiningOp<ScoresOp>();
    if (!scores)
      continue;
    LinearOp projection = findProjection(scores.getQuery());
    if (Refusal refusal = check(scale, scores, projection, uses)) {
      decline(scale, *refusal);
      continue;
    }
    double factor = scale.getFactor().convertToDouble();
    LinearWeights weights = weightsOf(projection);
    fire(scale,
         "factor " + textOf(factor) + " is in @" + weights.weight.getSymName());
    scaleSources(weights.weight, factor);
    if (weights.bias)
      scaleSources(weights.bias, factor);
    scale.getResult().replaceAllUsesWith(scores.getResult());
    scale.erase();
  }
}
