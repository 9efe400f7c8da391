//===- UnfoldOp.cpp - Rows beside their neighbours ------------------------===//
//
// The verifier of unfold, and how many rows there are for a token before and
// behind it. C<n> beside a check is its number in SPEC.md and in the name of
// its test.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ashlar.h"

using namespace mlir;
using namespace ashlar::ir;

/// The unfold whose result `rows` were made of, row by row, or null.
static UnfoldOp unfoldBehind(Value rows) {
  while (Operation *op = rows.getDefiningOp()) {
    if (auto unfold = dyn_cast<UnfoldOp>(op))
      return unfold;
    if (!isa<LinearOp, NormOp, ActivationOp, AddOp, MultiplyOp, ScaleOp,
             SoftCapOp, SliceOp, ConvertOp, CopyOp>(op))
      return {};
    rows = op->getOperand(0);
  }
  return {};
}

/// An unfold that reads `rows` themselves, or null.
static UnfoldOp unfoldAhead(Value rows) {
  for (Operation *user : rows.getUsers())
    if (auto unfold = dyn_cast<UnfoldOp>(user))
      return unfold;
  return {};
}

int64_t ashlar::ir::rowsPerToken(Value rows) {
  if (UnfoldOp unfold = unfoldBehind(rows))
    return unfold.getPerToken();
  if (UnfoldOp unfold = unfoldAhead(rows))
    return unfold.inputRowsPerToken();
  return 1;
}

LogicalResult UnfoldOp::verify() {
  auto kernel = static_cast<int64_t>(getKernel());
  auto stride = static_cast<int64_t>(getStride());
  auto padding = static_cast<int64_t>(getPadding());
  auto perToken = static_cast<int64_t>(getPerToken());
  if (kernel < 1 || stride < 1 || padding < 0 || perToken < 1) // C72
    return emitOpError("has kernel ")
           << kernel << ", stride " << stride << ", padding " << padding
           << " and per_token " << perToken
           << "; expected at least 1, and at least 0 for the padding";
  // A sequence of n * stride rows gives (n * stride + 2 * padding - kernel) /
  // stride + 1, which is n.
  if (kernel - stride > 2 * padding || 2 * padding >= kernel) // C73
    return emitOpError("has kernel ")
           << kernel << ", stride " << stride << " and padding " << padding
           << "; expected a row for each " << stride
           << " of a sequence: 2 * padding from kernel - stride to kernel - 1";
  int64_t features = getInput().getType().getDimSize(1);
  int64_t found = getResult().getType().getDimSize(1);
  if (found != kernel * features) // C74
    return emitOpError("gives ") << found << " features; expected " << kernel
                                 << " times the input's " << features;
  UnfoldOp before = unfoldBehind(getInput());
  if (before &&
      static_cast<int64_t>(before.getPerToken()) != inputRowsPerToken()) // C75
    return emitOpError("reads ")
           << inputRowsPerToken() << " rows for each token; the unfold before "
           << "it gives " << static_cast<int64_t>(before.getPerToken());
  return success();
}
