//===- WeightUses.cpp - Ops against the weights that they name -----------===//

#include "dialect/Ashlar.h"

using namespace mlir;
using namespace ashlar::ir;

WeightOp ashlar::ir::lookupWeight(Operation *op, FlatSymbolRefAttr symbol) {
  return SymbolTable::lookupNearestSymbolFrom<WeightOp>(op, symbol);
}

/// Whether `op` stands in a loop over the layers of `weight`.
static bool runsOver(Operation *op, WeightOp weight) {
  auto layers = op->getParentOfType<LayersOp>();
  return layers &&
         weight.getFirstLayer() ==
             static_cast<int64_t>(layers.getFirst()) + layers.partOf(op) &&
         weight.getLayerCount() == layers.getTurns() &&
         weight.getLayerStep() == layers.getStep();
}

/// Whether `op` stands among as many experts as `weight` is of.
static LogicalResult checkExperts(Operation *op, WeightOp weight) {
  if (!weight.getExperts())
    return success();
  auto experts = op->getParentOfType<ExpertsOp>();
  if (experts && experts.getCount() == weight.getCopies())
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("uses @") // C64
                                  << weight.getSymName() << " of "
                                  << weight.getCopies()
                                  << " experts outside of an ashlar.experts of "
                                     "as many";
  diagnostic.attachNote(weight.getLoc()) << "weight is here";
  return failure();
}

/// The weight `symbol` as `op` may use it: it exists, and a weight per layer or
/// of experts is used in a loop over those layers, or among those experts.
static FailureOr<WeightOp> useWeight(Operation *op, FlatSymbolRefAttr symbol,
                                     SymbolTableCollection &tables) {
  auto weight = tables.lookupNearestSymbolFrom<WeightOp>(op, symbol);
  if (!weight) { // C10
    op->emitOpError("uses ") << symbol << ", which is no ashlar.weight";
    return failure();
  }
  if (failed(checkExperts(op, weight)))
    return failure();
  if (!weight.isPerLayer() || runsOver(op, weight))
    return weight;
  InFlightDiagnostic diagnostic = op->emitOpError("uses ") // C11
                                  << symbol << " of layers ["
                                  << *weight.getLayers()
                                  << "] outside of a loop over them";
  diagnostic.attachNote(weight.getLoc()) << "weight is here";
  return failure();
}

static LogicalResult expectShape(Operation *op, StringRef role, WeightOp weight,
                                 ArrayRef<int64_t> expected) {
  if (weight.getTensorType().getShape() == expected)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError() // C12
                                  << role << " @" << weight.getSymName()
                                  << " has shape ["
                                  << weight.getTensorType().getShape()
                                  << "]; expected [" << expected << "]";
  diagnostic.attachNote(weight.getLoc()) << "weight is here";
  return failure();
}

/// A weight that may be absent, of shape [features].
static LogicalResult checkVector(Operation *op, StringRef role,
                                 std::optional<StringRef> name,
                                 int64_t features,
                                 SymbolTableCollection &tables) {
  if (!name)
    return success();
  FailureOr<WeightOp> weight =
      useWeight(op, FlatSymbolRefAttr::get(op->getContext(), *name), tables);
  if (failed(weight))
    return failure();
  return expectShape(op, role, *weight, {features});
}

static int64_t featuresOf(Value rows) {
  return cast<RankedTensorType>(rows.getType()).getDimSize(1);
}

LogicalResult EmbeddingOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<WeightOp> table = useWeight(*this, getTableAttr(), tables);
  if (failed(table))
    return failure();
  return expectShape(*this, "table", *table,
                     {table->getRows(), featuresOf(getResult())});
}

LogicalResult RotaryAnglesOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (!getFrequencies())
    return success();
  FailureOr<WeightOp> table = useWeight(*this, getFrequenciesAttr(), tables);
  if (failed(table))
    return failure();
  return expectShape(*this, "table", *table,
                     {table->getRows(), featuresOf(getResult())});
}

/// The element type of the input that a weight of `precision` is multiplied by.
static Type operandType(Precision precision, MLIRContext *context) {
  switch (precision) {
  case Precision::F32:
    return Float32Type::get(context);
  case Precision::Bf16:
    return BFloat16Type::get(context);
  case Precision::Int8:
  case Precision::Int4:
    return IntegerType::get(context, 8);
  }
  llvm_unreachable("every precision is handled above");
}

static LogicalResult checkOperand(LinearOp op, WeightOp weight) {
  Type found = op.getInput().getType().getElementType();
  Type expected = operandType(weight.getPrecision(), op.getContext());
  if (found != expected) // C48
    return op.emitOpError("input is of ")
           << found << ", but weight @" << weight.getSymName() << " is "
           << stringifyEnum(weight.getPrecision()) << "; expected " << expected;
  if (op.getResult().getType().getElementType().isInteger()) // C50
    return op.emitOpError("result is ")
           << op.getResult().getType() << "; expected float32 or bf16";
  if (weight.getPrecision() != Precision::Int4)
    return success();
  auto convert = op.getInput().getDefiningOp<ConvertOp>();
  if (!convert || convert.getGroup().value_or(0) !=
                      static_cast<uint64_t>(weight.getEncoding()->getGroup()))
    return op.emitOpError("input does not come from a convert of group ") // C49
           << weight.getEncoding()->getGroup();
  return success();
}

LogicalResult LinearOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<WeightOp> weight = useWeight(*this, getWeightAttr(), tables);
  if (failed(weight))
    return failure();
  if (getGated() && !getActivation()) // C13
    return emitOpError("is gated without an activation");
  auto sums = getResult().getType().clone(Float32Type::get(getContext()));
  if (getResidual() && getResidual().getType() != sums) // C42
    return emitOpError("residual is ")
           << getResidual().getType() << "; expected " << sums;
  if (failed(checkOperand(*this, *weight)))
    return failure();
  int64_t outputs = featuresOf(getResult()) * (getGated() ? 2 : 1);
  if (failed(expectShape(*this, "weight", *weight,
                         {outputs, featuresOf(getInput())})))
    return failure();
  return checkVector(*this, "bias", getBias(), outputs, tables);
}

template <typename Op>
static LogicalResult verifyNormWeights(Op op, int64_t features,
                                       SymbolTableCollection &tables) {
  if (failed(checkVector(op, "gain", op.getGain(), features, tables)))
    return failure();
  return checkVector(op, "bias", op.getBias(), features, tables);
}

/// Gain and bias are of the whole row or of each group.
LogicalResult NormOp::verifySymbolUses(SymbolTableCollection &tables) {
  int64_t features = featuresOf(getResult());
  FlatSymbolRefAttr named = getGainAttr() ? getGainAttr() : getBiasAttr();
  if (named) {
    FailureOr<WeightOp> weight = useWeight(*this, named, tables);
    if (failed(weight))
      return failure();
    if (weight->getTensorType().getShape() != ArrayRef<int64_t>(features))
      features /= std::max<int64_t>(1, getGroups());
  }
  return verifyNormWeights(*this, features, tables);
}

LogicalResult ResidualNormOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyNormWeights(*this, featuresOf(getResult()), tables);
}

LogicalResult ScaleFeaturesOp::verifySymbolUses(SymbolTableCollection &tables) {
  return checkVector(*this, "factors", getFactors(), featuresOf(getInput()),
                     tables);
}

LogicalResult SetRowOp::verifySymbolUses(SymbolTableCollection &tables) {
  return checkVector(*this, "vector", getVector(), featuresOf(getInput()),
                     tables);
}

/// A row for each head, and an entry for the distance 0.
static LogicalResult checkBiasTable(Operation *op, FlatSymbolRefAttr symbol,
                                    int64_t heads, int64_t behind,
                                    SymbolTableCollection &tables) {
  FailureOr<WeightOp> table = useWeight(op, symbol, tables);
  if (failed(table))
    return failure();
  if (behind < 0 || behind >= table->getColumns()) // C61
    return op->emitOpError("behind is ")
           << behind << "; expected a column of @" << table->getSymName()
           << ", which has " << table->getColumns();
  return expectShape(op, "table", *table, {heads, table->getColumns()});
}

LogicalResult PositionBiasOp::verifySymbolUses(SymbolTableCollection &tables) {
  int64_t heads = cast<RankedTensorType>(getInput().getType()).getDimSize(1);
  return checkBiasTable(*this, getTableAttr(), heads, getBehind(), tables);
}

/// Entries of a query.
static int64_t entriesOf(Value heads) {
  auto type = cast<RankedTensorType>(heads.getType());
  return type.getDimSize(1) * type.getDimSize(2);
}

LogicalResult
AdditiveScoresOp::verifySymbolUses(SymbolTableCollection &tables) {
  return checkVector(*this, "vector", getVector(), entriesOf(getQuery()),
                     tables);
}

LogicalResult AttentionOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(checkVector(*this, "vector", getAdditiveVector(),
                         entriesOf(getQuery()), tables)))
    return failure();
  if (!getBiasTable())
    return success();
  int64_t heads = cast<RankedTensorType>(getQuery().getType()).getDimSize(1);
  return checkBiasTable(*this, getBiasTableAttr(), heads,
                        getBehind().value_or(0), tables);
}
