//===- StructureOps.cpp - Verifiers of weights and loops over layers ------===//
//
// C<n> beside a check is its number in SPEC.md and in the name of its test.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ashlar.h"

using namespace mlir;
using namespace ashlar::ir;

int64_t WeightOp::getColumns() {
  return getTensorType().getRank() == 2 ? getTensorType().getDimSize(1) : 1;
}

/// Rows and columns that a source gives, or failure for a foreign attribute.
static FailureOr<std::pair<int64_t, int64_t>> sourceShape(Attribute source) {
  if (auto tensor = dyn_cast<TensorSourceAttr>(source))
    return std::pair(tensor.getCount(), tensor.getColumns());
  if (auto zeros = dyn_cast<ZeroSourceAttr>(source))
    return std::pair(zeros.getCount(), int64_t(1));
  if (auto sinusoid = dyn_cast<SinusoidSourceAttr>(source))
    return std::pair(sinusoid.getPositions(), sinusoid.getFeatures());
  if (auto table = dyn_cast<RotaryTableSourceAttr>(source))
    return std::pair(table.getPositions(), table.getRotary().tableColumns());
  if (auto table = dyn_cast<RotaryFrequenciesSourceAttr>(source))
    return std::pair(table.getLengths(), table.getRotary().tableColumns());
  if (auto table = dyn_cast<AlibiTableSourceAttr>(source))
    return std::pair(table.getHeads(), table.getColumns());
  if (auto table = dyn_cast<RelativeTableSourceAttr>(source))
    return std::pair(table.getHeads(), table.getColumns());
  return failure();
}

/// The rows that `source` takes exist in the tensor as stored.
static LogicalResult verifyTensorSource(WeightOp op, TensorSourceAttr source) {
  ArrayRef<int64_t> stored = source.getStored();
  bool isConvolution = source.getConvolution();
  if (isConvolution && (stored.size() != 3 || source.getTransposed())) // C71
    return op.emitOpError("source \"")
           << source.getName() << "\" of a convolution has shape [" << stored
           << "]" << (source.getTransposed() ? ", transposed" : "")
           << "; expected rank 3, not transposed";
  bool isTransposed = source.getTransposed();
  if (!isConvolution &&
      (stored.empty() || (isTransposed && stored.size() != 2))) // C34
    return op.emitOpError("source \"")
           << source.getName() << "\" has shape [" << stored << "]; expected "
           << (isTransposed ? "rank 2, as it is transposed" : "rank 1 or more");
  int64_t rows = source.getStoredRows();
  int64_t begin = source.getBegin(), count = source.getCount();
  int64_t piece = source.getPiece(), every = source.getEvery();
  if (begin < 0 || count < 1 || count > rows || begin > rows - count) // C35
    return op.emitOpError("takes rows ")
           << begin << " to " << begin + count << " of \"" << source.getName()
           << "\", which has " << rows;
  if (piece < 1 || count % piece != 0 || every < piece || every > rows ||
      source.rowAt(count - 1) >= rows) // C55
    return op.emitOpError("takes ")
           << count << " rows by " << piece << " every " << every << " of \""
           << source.getName() << "\", which has " << rows;
  return success();
}

static LogicalResult verifyTable(WeightOp op, RelativeTableSourceAttr table) {
  int64_t exact = table.getBuckets() / (table.getBidirectional() ? 4 : 2);
  if (exact < 1 || table.getMaxDistance() <= exact) // C56
    return op.emitOpError("has ")
           << table.getBuckets() << " buckets for distances up to "
           << table.getMaxDistance()
           << "; expected buckets for near distances and a larger maximum";
  return success();
}

static LogicalResult verifyTable(WeightOp op, SinusoidSourceAttr table) {
  int64_t zero = table.getZero(), positions = table.getPositions();
  if (zero < -1 || zero >= positions) // C92
    return op.emitOpError("source has zeros at position ")
           << zero << "; expected one of its " << positions
           << ", or -1 for none";
  return success();
}

/// [first, count] or [first, count, step].
static bool isLayerRange(ArrayRef<int64_t> layers) {
  if (layers.size() != 2 && layers.size() != 3)
    return false;
  return layers[0] >= 0 && layers[1] >= 1 &&
         (layers.size() == 2 || layers[2] >= 2);
}

LogicalResult WeightOp::verify() {
  RankedTensorType type = getTensorType();
  if (!type.getElementType().isF32() || !type.hasStaticShape() ||
      type.getRank() < 1 || type.getRank() > 2) // C1
    return emitOpError("type is ")
           << type << "; expected a static float32 tensor of rank 1 or 2";
  if (getSources().empty()) // C2
    return emitOpError("has no source");
  int64_t rows = 0;
  for (Attribute source : getSources()) {
    FailureOr<std::pair<int64_t, int64_t>> shape = sourceShape(source);
    if (failed(shape)) // C3
      return emitOpError("source is ")
             << source << "; expected tensor, zeros or a computed table";
    if (auto tensor = dyn_cast<TensorSourceAttr>(source))
      if (failed(verifyTensorSource(*this, tensor)))
        return failure();
    if (auto table = dyn_cast<RelativeTableSourceAttr>(source))
      if (failed(verifyTable(*this, table)))
        return failure();
    if (auto table = dyn_cast<SinusoidSourceAttr>(source))
      if (failed(verifyTable(*this, table)))
        return failure();
    if (shape->first < 1) // C36
      return emitOpError("source has ")
             << shape->first << " rows; expected at least 1";
    if (shape->second != getColumns()) // C4
      return emitOpError("source has ")
             << shape->second << " columns; expected " << getColumns();
    rows += shape->first;
  }
  if (rows != getRows()) // C5
    return emitOpError("sources have ")
           << rows << " rows together; expected " << getRows();
  if (getEncoding() && type.getRank() != 2) // C53
    return emitOpError("is encoded, but its type is ")
           << type << "; expected rank 2";
  if (getLayers() && !isLayerRange(*getLayers())) // C6
    return emitOpError("layers is [")
           << *getLayers()
           << "]; expected [first, count] with count at least 1, or [first, "
              "count, step] with step at least 2";
  if (getExperts() && *getExperts() < 1) // C63
    return emitOpError("is of ")
           << *getExperts() << " experts; expected at least 1";
  return success();
}

int64_t LayersOp::partOf(Operation *op) {
  Region *region = op->getParentRegion();
  while (region->getParentOp() != *this)
    region = region->getParentRegion();
  return region->getRegionNumber();
}

/// A part takes the rows and gives rows of their type.
static LogicalResult verifyPart(LayersOp op, Block &part) {
  Type type = op.getInit().getType();
  if (part.getNumArguments() != 1 ||
      part.getArgument(0).getType() != type) // C8
    return op.emitOpError("region expects one argument of type ") << type;
  auto yield = dyn_cast<YieldOp>(part.getTerminator());
  if (!yield || yield.getRows().getType() != type) // C9
    return op.emitOpError("region ends in '")
           << part.getTerminator()->getName() << "'; expected ashlar.yield of "
           << type;
  return success();
}

LogicalResult LayersOp::verify() {
  if (static_cast<int64_t>(getCount()) < 1) // C7
    return emitOpError("count is ")
           << static_cast<int64_t>(getCount()) << "; expected at least 1";
  if (static_cast<int64_t>(getFirst()) < 0) // C37
    return emitOpError("first is ")
           << static_cast<int64_t>(getFirst()) << "; expected at least 0";
  if ((*this)->getParentOfType<LayersOp>()) // C38
    return emitOpError("stands in another ashlar.layers");
  if ((*this)->getParentOfType<ExpertsOp>()) // C69
    return emitOpError("stands in an ashlar.experts");
  if (getParts().empty() ||
      static_cast<int64_t>(getCount()) % getStep() != 0) // C85
    return emitOpError("has ")
           << getCount() << " layers for " << getNumRegions()
           << " regions; expected as many for each";
  for (Region &part : getParts())
    if (failed(verifyPart(*this, part.front())))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

LogicalResult RouteOp::verify() {
  int64_t experts = getInput().getType().getDimSize(1);
  auto top = static_cast<int64_t>(getTop());
  if (top < 1 || top > experts) // C65
    return emitOpError("chooses ")
           << top << " of " << experts << " experts; expected 1 to " << experts;
  return success();
}

int64_t ExpertsOp::getMostOfRow() {
  auto route = getWeights().getDefiningOp<RouteOp>();
  return route ? static_cast<int64_t>(route.getTop()) : getCount();
}

Value ExpertsOp::getYielded() {
  return cast<YieldOp>(getBody().front().getTerminator()).getRows();
}

LogicalResult ExpertsOp::verify() {
  if ((*this)->getParentOfType<ExpertsOp>()) // C68
    return emitOpError("stands in another ashlar.experts");
  Block &block = getBody().front();
  if (block.getNumArguments() != 1 ||
      block.getArgument(0).getType() != getInput().getType()) // C66
    return emitOpError("region expects one argument of type ")
           << getInput().getType();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getRows().getType() != getResult().getType()) // C67
    return emitOpError("region ends in '")
           << block.getTerminator()->getName() << "'; expected ashlar.yield of "
           << getResult().getType();
  return success();
}
