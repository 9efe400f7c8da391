//===- Ops.cpp - Verifiers of the ashlar dialect -------------------------===//
//
// C<n> beside a check is its number in SPEC.md and in the name of its test.
//
//===----------------------------------------------------------------------===//

#include "dialect/Ashlar.h"

#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace ashlar::ir;

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

/// An enumerator by its name alone. (As `$kind` it would be printed with two
/// spaces in front.)
template <typename EnumAttr>
static ParseResult parseKind(OpAsmParser &parser, EnumAttr &attribute) {
  using Kind = decltype(attribute.getValue());
  FailureOr<Kind> kind = FieldParser<Kind>::parse(parser);
  if (failed(kind))
    return failure();
  attribute = EnumAttr::get(parser.getContext(), *kind);
  return success();
}

template <typename EnumAttr>
static void printKind(OpAsmPrinter &printer, Operation *, EnumAttr attribute) {
  printer << stringifyEnum(attribute.getValue());
}

/// Whether all dimensions but the first, the tokens, are known.
static bool hasFixedFeatures(Type type) {
  return llvm::all_of(cast<RankedTensorType>(type).getShape().drop_front(),
                      [](int64_t size) { return size >= 1; });
}

#define GET_OP_CLASSES
#include "dialect/Ops.cpp.inc"

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Size of dimension `i`; the ops' types give them rank.
static int64_t dim(Value value, unsigned i) {
  return tensorOf(value).getDimSize(i);
}

//===----------------------------------------------------------------------===//
// Graph level
//===----------------------------------------------------------------------===//

static LogicalResult verifyEpsilon(Operation *op, const APFloat &epsilon) {
  if (!epsilon.isFinite() || epsilon.isNegative() || epsilon.isZero()) // C14
    return op->emitOpError("epsilon is ")
           << epsilon.convertToDouble() << "; expected a number over 0";
  return success();
}

LogicalResult NormOp::verify() {
  if (getInput().getType() != getResult().getType()) // C15
    return emitOpError("result is ")
           << getResult().getType() << "; expected " << getInput().getType();
  int64_t groups = getGroups();
  if (groups < 1 || dim(getInput(), 1) % groups != 0) // C57
    return emitOpError("has ") << groups << " groups; expected a divisor of "
                               << dim(getInput(), 1) << " features";
  return verifyEpsilon(*this, getEpsilon());
}

LogicalResult SetRowOp::verify() {
  auto index = static_cast<int64_t>(getIndex());
  if (index < 0) // C70
    return emitOpError("index is ") << index << "; expected at least 0";
  return success();
}

LogicalResult SplitHeadsOp::verify() {
  int64_t features = dim(getInput(), 1);
  int64_t heads = dim(getResult(), 1), headDim = dim(getResult(), 2);
  if (heads * headDim != features) // C16
    return emitOpError("splits ")
           << features << " features into " << heads << " heads of " << headDim;
  return success();
}

LogicalResult MergeHeadsOp::verify() {
  int64_t features = dim(getResult(), 1);
  int64_t heads = dim(getInput(), 1), headDim = dim(getInput(), 2);
  if (heads * headDim != features) // C17
    return emitOpError("merges ") << heads << " heads of " << headDim
                                  << " into " << features << " features";
  if (getInput().getType().getElementType() !=
      getResult().getType().getElementType()) // C51
    return emitOpError("result is ")
           << getResult().getType() << ", but the input is of "
           << getInput().getType().getElementType();
  return success();
}

/// What scalings by the length of the sequence ask for.
static LogicalResult verifyLengths(Operation *op, RotaryAttr rotary) {
  int64_t dimensions = rotary.getDimensions();
  bool isLongRope = rotary.getScaling() == RopeScaling::LongRope;
  for (DenseF64ArrayAttr factors :
       {rotary.getShortFactors(), rotary.getLongFactors()}) {
    int64_t expected = isLongRope ? dimensions / 2 : 0;
    int64_t found = factors ? factors.size() : 0;
    if (found != expected ||
        (factors && !llvm::all_of(factors.asArrayRef(), [](double factor) {
           return factor > 0;
         }))) // C80
      return op->emitOpError("rotates with ")
             << found << " factors; expected " << expected << " over 0 for "
             << stringifyEnum(rotary.getScaling()) << " of " << dimensions
             << " dimensions";
  }
  bool isDynamic = rotary.getScaling() == RopeScaling::Dynamic;
  if (rotary.dependsOnLength() &&
      (rotary.getOriginal() < 1 || (isDynamic && dimensions < 4))) // C81
    return op->emitOpError("rotates ")
           << dimensions << " dimensions with an original length of "
           << rotary.getOriginal() << "; expected a length of at least 1"
           << (isDynamic ? " and at least 4 dimensions" : "");
  return success();
}

static LogicalResult verifyRotary(Operation *op, RotaryAttr rotary,
                                  int64_t headDim) {
  int64_t dimensions = rotary.getDimensions();
  if (dimensions < 2 || dimensions % 2 != 0 || dimensions > headDim) // C18
    return op->emitOpError("rotates ")
           << dimensions
           << " dimensions; expected an even number up to head_dim " << headDim;
  for (FloatAttr number : {rotary.getTheta(), rotary.getFactor()})
    if (!(number.getValueAsDouble() > 0)) // C40
      return op->emitOpError("rotates with theta ")
             << rotary.getTheta().getValueAsDouble() << " and factor "
             << rotary.getFactor().getValueAsDouble()
             << "; expected numbers over 0";
  return verifyLengths(op, rotary);
}

/// Rows of cosines and sines, as `rotary` has them.
static LogicalResult verifyAngles(Operation *op, RotaryAttr rotary,
                                  Value angles) {
  if (dim(angles, 1) != rotary.tableColumns()) // C83
    return op->emitOpError("angles have ")
           << dim(angles, 1) << " columns; expected " << rotary.tableColumns();
  return success();
}

/// Positions, or angles where they depend on the length of the sequence.
static LogicalResult verifyPositions(Operation *op, RotaryAttr rotary,
                                     Value positions) {
  bool areAngles = tensorOf(positions).getElementType().isF32();
  if (areAngles != rotary.dependsOnLength()) // C82
    return op->emitOpError("rotates by ")
           << (areAngles ? "angles" : "positions") << "; expected "
           << (areAngles ? "positions" : "angles") << " with "
           << stringifyEnum(rotary.getScaling());
  return areAngles ? verifyAngles(op, rotary, positions) : success();
}

LogicalResult RotaryAnglesOp::verify() {
  if (failed(verifyRotary(*this, getRotary(), getRotary().getDimensions())))
    return failure();
  return verifyAngles(*this, getRotary(), getResult());
}

/// `rotary`, `positions` and perhaps `table`, as fused ops carry them.
template <typename Op>
static LogicalResult verifyFusedRotary(Op op, int64_t headDim) {
  std::optional<RotaryAttr> rotary = op.getRotary();
  if (rotary.has_value() != static_cast<bool>(op.getPositions())) // C19
    return op.emitOpError("rotary and positions go together");
  if (!rotary && op.getRotaryTable()) // C41
    return op.emitOpError("has a table without rotary");
  if (!rotary)
    return success();
  if (failed(verifyRotary(op, *rotary, headDim)))
    return failure();
  return verifyPositions(op, *rotary, op.getPositions());
}

LogicalResult RotaryOp::verify() {
  if (failed(verifyRotary(*this, getRotary(), dim(getInput(), 2))))
    return failure();
  return verifyPositions(*this, getRotary(), getPositions());
}

static LogicalResult verifyCap(Operation *op, const APFloat &cap) {
  if (!cap.isFinite() || cap.isNegative() || cap.isZero()) // C58
    return op->emitOpError("cap is ")
           << cap.convertToDouble() << "; expected a number over 0";
  return success();
}

LogicalResult SoftCapOp::verify() { return verifyCap(*this, getCap()); }

LogicalResult ClipOp::verify() {
  const APFloat limit = getLimit();
  if (!limit.isFinite() || limit.isNegative() || limit.isZero()) // C84
    return emitOpError("limit is ")
           << limit.convertToDouble() << "; expected a number over 0";
  return success();
}

static LogicalResult verifyWindow(Operation *op,
                                  std::optional<int64_t> window) {
  if (window && *window < 1) // C59
    return op->emitOpError("window is ") << *window << "; expected at least 1";
  return success();
}

LogicalResult MaskOp::verify() { return verifyWindow(*this, getWindow()); }

static LogicalResult verifyTimes(Operation *op, int64_t times) {
  if (times < 2) // C78
    return op->emitOpError("repeats keys ")
           << times << " times; expected at least 2";
  return success();
}

LogicalResult RepeatOp::verify() { return verifyTimes(*this, getTimes()); }

static LogicalResult verifyKeyAndValue(Operation *op, Value key, Value value) {
  if (key.getType() != value.getType()) // C20
    return op->emitOpError("key is ")
           << key.getType() << " and value " << value.getType()
           << "; expected the same type";
  return success();
}

/// The keys of a call lie in one place, whatever layer they are of.
static LogicalResult verifyKeysOfCall(KvAppendOp op) {
  auto isNext = [](Operation &other) {
    auto append = dyn_cast<KvAppendOp>(other);
    return append && append.getCache() == CacheKind::Call;
  };
  auto behind =
      llvm::make_range(std::next(op->getIterator()), op->getBlock()->end());
  auto next = llvm::find_if(behind, isNext);
  if (op.getCache() != CacheKind::Call || next == behind.end())
    return success();
  for (Value result : {op.getKeys(), op.getValues()})
    for (Operation *user : result.getUsers()) {
      Operation *own = op->getBlock()->findAncestorOpInBlock(*user);
      if (own && next->isBeforeInBlock(own)) // C91
        return op.emitOpError("call gives keys to '")
               << user->getName() << "' behind another kv_append call, which "
               << "takes their place";
    }
  return success();
}

LogicalResult KvAppendOp::verify() {
  if (failed(verifyKeyAndValue(*this, getKey(), getValue())) ||
      failed(verifyKeyAndValue(*this, getKeys(), getValues())))
    return failure();
  if (tensorOf(getKey()).getShape() != tensorOf(getKeys()).getShape()) // C21
    return emitOpError("gives ")
           << getKeys().getType() << "; expected the shape of "
           << getKey().getType();
  if (failed(verifyKeysOfCall(*this)))
    return failure();
  return verifyFusedRotary(*this, dim(getKey(), 2));
}

LogicalResult KvReadOp::verify() {
  if (getCache() != CacheKind::Cross) // C22
    return emitOpError("reads cache ")
           << stringifyEnum(getCache()) << "; expected cross";
  return verifyKeyAndValue(*this, getKeys(), getValues());
}

/// Query [tokens, heads, head_dim] against key [keys, kv_heads, head_dim].
static LogicalResult verifyHeads(Operation *op, Value query, Value key) {
  if (dim(query, 2) != dim(key, 2)) // C23
    return op->emitOpError("query has head_dim ")
           << dim(query, 2) << " and key " << dim(key, 2);
  if (dim(key, 1) < 1 || dim(query, 1) % dim(key, 1) != 0) // C24
    return op->emitOpError("has ")
           << dim(query, 1) << " heads; expected a multiple of kv_heads "
           << dim(key, 1);
  return success();
}

template <typename Op> static LogicalResult verifyScores(Op op) {
  Value query = op.getQuery(), key = op.getKey(), result = op.getResult();
  if (failed(verifyHeads(op, query, key)))
    return failure();
  if (dim(result, 0) != dim(query, 0) || dim(result, 1) != dim(query, 1) ||
      dim(result, 2) != dim(key, 0)) // C25
    return op.emitOpError("result is ")
           << result.getType() << "; expected [tokens, heads, keys]";
  return success();
}

LogicalResult ScoresOp::verify() { return verifyScores(*this); }

LogicalResult AdditiveScoresOp::verify() { return verifyScores(*this); }

LogicalResult MixOp::verify() {
  int64_t heads = dim(getWeights(), 1), kvHeads = dim(getValue(), 1);
  if (kvHeads < 1 || heads % kvHeads != 0) // C26
    return emitOpError("has ")
           << heads << " heads; expected a multiple of kv_heads " << kvHeads;
  if (dim(getResult(), 1) != heads ||
      dim(getResult(), 2) != dim(getValue(), 2)) // C27
    return emitOpError("result is ")
           << getResult().getType() << "; expected [tokens, " << heads << ", "
           << dim(getValue(), 2) << "]";
  return success();
}

//===----------------------------------------------------------------------===//
// Fused level
//===----------------------------------------------------------------------===//

LogicalResult SliceOp::verify() {
  int64_t begin = getBegin(), count = dim(getResult(), 1);
  if (begin < 0 || begin > dim(getInput(), 1) - count) // C28
    return emitOpError("takes columns ")
           << begin << " to " << begin + count << " of " << dim(getInput(), 1);
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyHeads(*this, getQuery(), getKey())) ||
      failed(verifyKeyAndValue(*this, getKey(), getValue())))
    return failure();
  if (tensorOf(getResult()).getShape() !=
      tensorOf(getQuery()).getShape()) // C29
    return emitOpError("result is ")
           << getResult().getType() << "; expected the shape of "
           << getQuery().getType();
  if (failed(verifyWindow(*this, getWindow())) ||
      (getSoftCap() && failed(verifyCap(*this, *getSoftCap()))))
    return failure();
  if (getAdditiveVector() &&
      !tensorOf(getKey()).getElementType().isF32()) // C62
    return emitOpError("has additive scores and keys of ")
           << tensorOf(getKey()).getElementType() << "; expected float32";
  if (getBiasTable().has_value() != getBehind().has_value()) // C60
    return emitOpError("bias and behind go together");
  if (getRepeated().has_value() != getTimes().has_value()) // C79
    return emitOpError("repeat and times go together");
  if (getTimes() && failed(verifyTimes(*this, *getTimes())))
    return failure();
  return verifyFusedRotary(*this, dim(getQuery(), 2));
}

LogicalResult ConvertOp::verify() {
  Type element = getResult().getType().getElementType();
  if (!element.isBF16() && !element.isInteger(8)) // C46
    return emitOpError("result is of ") << element << "; expected bf16 or int8";
  if (getGroup() &&
      (!element.isInteger(8) || !EncodingAttr::isGroup(*getGroup()))) // C52
    return emitOpError("group is ")
           << *getGroup() << " for a result of " << element
           << "; expected 32, 64 or 128, and int8";
  if (tensorOf(getInput()).getShape() !=
      tensorOf(getResult()).getShape()) // C47
    return emitOpError("result is ")
           << getResult().getType() << "; expected the shape of "
           << getInput().getType();
  return success();
}

LogicalResult ResidualNormOp::verify() {
  return verifyEpsilon(*this, getEpsilon());
}

//===----------------------------------------------------------------------===//
// Program level
//===----------------------------------------------------------------------===//

LogicalResult ProgramOp::verify() {
  Block &block = getBody().front();
  if (block.getNumArguments() != 3 ||
      !llvm::all_of(block.getArgumentTypes(), [](Type type) {
        auto memref = dyn_cast<MemRefType>(type);
        return memref && memref.getRank() == 1 &&
               memref.getElementType().isInteger(8);
      })) // C30
    return emitOpError(
        "expects weights, arena and cache as memrefs of i8 of rank 1");
  return success();
}

LogicalResult PhaseOp::verify() {
  Block &block = getBody().front();
  if (block.getNumArguments() != 2 ||
      !llvm::all_of(block.getArgumentTypes(),
                    [](Type type) { return type.isIndex(); })) // C31
    return emitOpError("region expects [begin, end) as two index arguments");
  return success();
}
