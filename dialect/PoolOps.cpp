//===- PoolOps.cpp - One row for each sequence ----------------------------===//
//
// The verifiers of segment, pool and concat, and which rows there are one of
// for each sequence. C<n> beside a check is its number in SPEC.md and in the
// name of its test.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ashlar.h"

using namespace mlir;
using namespace ashlar::ir;

bool ashlar::ir::isPerSequence(Value rows) {
  while (Operation *op = rows.getDefiningOp()) {
    if (isa<PoolOp>(op))
      return true;
    if (!isa<LinearOp, NormOp, ResidualNormOp, ActivationOp, AddOp, MultiplyOp,
             ScaleOp, ScaleFeaturesOp, SoftCapOp, SliceOp, ConcatOp, ConvertOp,
             CopyOp>(op))
      return false;
    rows = op->getOperand(0);
  }
  return false;
}

LogicalResult SegmentOp::verify() {
  auto separator = static_cast<int64_t>(getSeparator());
  auto skip = static_cast<int64_t>(getSkip());
  if (separator < 0 || skip < 0) // C93
    return emitOpError("has separator ")
           << separator << " and skips " << skip
           << " tokens; expected at least 0 of both";
  return success();
}

LogicalResult PoolOp::verify() {
  auto from = static_cast<int64_t>(getFrom());
  auto count = static_cast<int64_t>(getCount().value_or(1));
  if (from < 0 || count < 1) // C86
    return emitOpError("is of rows from ")
           << from << " on, " << count
           << " of them; expected at least 0 and at least 1";
  int64_t features = getInput().getType().getDimSize(1);
  int64_t found = getResult().getType().getDimSize(1);
  if (found != features) // C87
    return emitOpError("gives ")
           << found << " features; expected the input's " << features;
  if (isPerSequence(getInput()) || rowsPerToken(getInput()) != 1) // C88
    return emitOpError("reads what has not one row for each token");
  return success();
}

LogicalResult ConcatOp::verify() {
  int64_t features = 0;
  for (Value input : getInputs())
    features += cast<RankedTensorType>(input.getType()).getDimSize(1);
  int64_t found = getResult().getType().getDimSize(1);
  if (getInputs().empty() || found != features) // C89
    return emitOpError("gives ")
           << found << " features of " << getInputs().size()
           << " inputs; expected those of all, " << features;
  for (Value input : getInputs())
    if (isPerSequence(input) != isPerSequence(getInputs().front())) // C90
      return emitOpError("has inputs with a row for each sequence beside such "
                         "with a row for each token");
  return success();
}
