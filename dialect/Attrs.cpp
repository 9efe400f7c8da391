//===- Attrs.cpp - Attributes and enumerations of the dialect ------------===//

#include "dialect/Ashlar.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace ashlar::ir;

#include "dialect/Enums.cpp.inc"

/// rows = 0 for 64 by 16 every 48
///
/// Without `by` they are one piece.
static ParseResult parseRowRange(AsmParser &parser, int64_t &begin,
                                 int64_t &count, int64_t &piece,
                                 int64_t &every) {
  if (parser.parseKeyword("rows") || parser.parseEqual() ||
      parser.parseInteger(begin) || parser.parseKeyword("for") ||
      parser.parseInteger(count))
    return failure();
  piece = every = count;
  if (failed(parser.parseOptionalKeyword("by")))
    return success();
  return failure(parser.parseInteger(piece) || parser.parseKeyword("every") ||
                 parser.parseInteger(every));
}

static void printRowRange(AsmPrinter &printer, int64_t begin, int64_t count,
                          int64_t piece, int64_t every) {
  printer << "rows = " << begin << " for " << count;
  if (piece != count)
    printer << " by " << piece << " every " << every;
}

/// , transposed = true, convolution = true, plus = 1.0, scale = 0.5
///
/// All are optional. (As optional groups in the declarative format, a scale
/// alone would not be read again: all begin with a comma.)
static ParseResult parseChanges(AsmParser &parser, bool &transposed,
                                bool &convolution, FloatAttr &plus,
                                FloatAttr &scale) {
  auto more = [&] { return succeeded(parser.parseOptionalComma()); };
  if (!more())
    return success();
  std::pair<StringRef, bool *> flags[] = {{"transposed", &transposed},
                                          {"convolution", &convolution}};
  for (auto [keyword, flag] : flags) {
    if (failed(parser.parseOptionalKeyword(keyword)))
      continue;
    if (parser.parseEqual())
      return failure();
    FailureOr<bool> value = FieldParser<bool>::parse(parser);
    if (failed(value))
      return failure();
    *flag = *value;
    if (!more())
      return success();
  }
  if (succeeded(parser.parseOptionalKeyword("plus"))) {
    if (parser.parseEqual() || parser.parseAttribute(plus))
      return failure();
    if (!more())
      return success();
  }
  return failure(parser.parseKeyword("scale") || parser.parseEqual() ||
                 parser.parseAttribute(scale));
}

static void printChanges(AsmPrinter &printer, bool transposed, bool convolution,
                         FloatAttr plus, FloatAttr scale) {
  if (transposed)
    printer << ", transposed = true";
  if (convolution)
    printer << ", convolution = true";
  if (plus)
    printer << ", plus = " << plus;
  if (scale)
    printer << ", scale = " << scale;
}

static ParseResult parsePart(AsmParser &parser, int64_t &begin, int64_t &count,
                             int64_t &piece, int64_t &every, bool &transposed,
                             bool &convolution, FloatAttr &plus,
                             FloatAttr &scale) {
  return failure(parseRowRange(parser, begin, count, piece, every) ||
                 parseChanges(parser, transposed, convolution, plus, scale));
}

static void printPart(AsmPrinter &printer, int64_t begin, int64_t count,
                      int64_t piece, int64_t every, bool transposed,
                      bool convolution, FloatAttr plus, FloatAttr scale) {
  printRowRange(printer, begin, count, piece, every);
  printChanges(printer, transposed, convolution, plus, scale);
}

#define GET_ATTRDEF_CLASSES
#include "dialect/Attrs.cpp.inc"

void AshlarDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/Attrs.cpp.inc"
      >();
}

/// `stored` without leading ones, as far as two sizes are left.
static ArrayRef<int64_t> withoutLeadingOnes(ArrayRef<int64_t> stored) {
  while (stored.size() > 2 && stored.front() == 1)
    stored = stored.drop_front();
  return stored;
}

/// A vector may be stored in two dimensions, as [1, n] or [heads, head_dim]:
/// then there are more rows than the first one says.
static bool isFlattened(TensorSourceAttr source) {
  ArrayRef<int64_t> stored = withoutLeadingOnes(source.getStored());
  return stored.size() == 2 && !source.getTransposed() && stored[1] != 1 &&
         source.getCount() == stored[0] * stored[1];
}

int64_t TensorSourceAttr::getColumns() const {
  if (getConvolution() && getStored().size() == 3)
    return getStored()[1] * getStored()[2];
  ArrayRef<int64_t> stored = withoutLeadingOnes(getStored());
  if (stored.size() < 2 || isFlattened(*this))
    return 1;
  if (getTransposed())
    return stored[0];
  int64_t columns = 1;
  for (int64_t size : stored.drop_front())
    columns *= size;
  return columns;
}

int64_t TensorSourceAttr::getStoredRows() const {
  if (getConvolution())
    return getStored().front();
  if (isFlattened(*this))
    return getCount();
  ArrayRef<int64_t> stored = withoutLeadingOnes(getStored());
  return getTransposed() ? stored.back() : stored.front();
}

double TensorSourceAttr::getPlusValue() const {
  return getPlus() ? getPlus().getValueAsDouble() : 0.0;
}

double TensorSourceAttr::getScaleValue() const {
  return getScale() ? getScale().getValueAsDouble() : 1.0;
}

static constexpr double twoPi = 6.283185307179586476925286766559;

/// Wavelengths over original/low are divided by the factor, those under
/// original/high kept, and what lies between is blended linearly.
static double llama3Frequency(RotaryAttr rotary, double base) {
  double factor = rotary.getFactor().getValueAsDouble();
  double low = rotary.getLow().getValueAsDouble();
  double high = rotary.getHigh().getValueAsDouble();
  double original = static_cast<double>(rotary.getOriginal());
  double wavelength = twoPi / base;
  if (wavelength < original / high)
    return base;
  if (wavelength > original / low)
    return base / factor;
  double smooth = (original / wavelength - low) / (high - low);
  return (1.0 - smooth) * base / factor + smooth * base;
}

/// The index of the pair that turns `turns` times over the original positions.
static double pairOfTurns(RotaryAttr rotary, double turns) {
  double original = static_cast<double>(rotary.getOriginal());
  return static_cast<double>(rotary.getDimensions()) *
         std::log(original / (turns * twoPi)) /
         (2.0 * std::log(rotary.getTheta().getValueAsDouble()));
}

/// A ramp between the pairs that are kept and those that are divided.
static double yarnFrequency(RotaryAttr rotary, int64_t i, double base) {
  double last = static_cast<double>(rotary.getDimensions() - 1);
  double first = std::max(
      0.0,
      std::floor(pairOfTurns(rotary, rotary.getHigh().getValueAsDouble())));
  double end = std::min(
      last, std::ceil(pairOfTurns(rotary, rotary.getLow().getValueAsDouble())));
  if (first == end)
    end += 0.001; // as the published code does
  double ramp = (static_cast<double>(i) - first) / (end - first);
  double divided = std::clamp(ramp, 0.0, 1.0);
  double factor = rotary.getFactor().getValueAsDouble();
  return base / factor * divided + base * (1.0 - divided);
}

/// Theta grows with what the length has beyond the original one.
static double dynamicTheta(RotaryAttr rotary, int64_t length) {
  double theta = rotary.getTheta().getValueAsDouble();
  int64_t original = rotary.getOriginal();
  if (length <= original)
    return theta;
  double factor = rotary.getFactor().getValueAsDouble();
  double ratio = static_cast<double>(length) / static_cast<double>(original);
  auto dimensions = static_cast<double>(rotary.getDimensions());
  return theta * std::pow(factor * ratio - (factor - 1.0),
                          dimensions / (dimensions - 2.0));
}

double RotaryAttr::frequency(int64_t i, int64_t length) const {
  double theta = getScaling() == RopeScaling::Dynamic
                     ? dynamicTheta(*this, length)
                     : getTheta().getValueAsDouble();
  double base = std::pow(theta, -2.0 * static_cast<double>(i) /
                                    static_cast<double>(getDimensions()));
  switch (getScaling()) {
  case RopeScaling::Dynamic:
  case RopeScaling::None:
    return base;
  case RopeScaling::Linear:
    return base / getFactor().getValueAsDouble();
  case RopeScaling::Llama3:
    return llama3Frequency(*this, base);
  case RopeScaling::Yarn:
    return yarnFrequency(*this, i, base);
  case RopeScaling::LongRope:
    return base /
           (length > getOriginal() ? getLongFactors() : getShortFactors())[i];
  }
  llvm_unreachable("every scaling is handled above");
}

double RotaryAttr::getMagnitudeValue() const {
  return getMagnitude() ? getMagnitude().getValueAsDouble() : 1.0;
}

int64_t RotaryAttr::distinctLengths(int64_t most) const {
  int64_t beyond = std::max<int64_t>(most - getOriginal(), 0);
  switch (getScaling()) {
  case RopeScaling::Dynamic:
    return 1 + beyond;
  case RopeScaling::LongRope:
    return 1 + std::min<int64_t>(beyond, 1);
  default:
    return 1;
  }
}

void RotaryAttr::angles(int64_t position, int64_t length,
                        MutableArrayRef<double> out) const {
  assert(static_cast<int64_t>(out.size()) == tableColumns() &&
         "room for another table's row");
  int64_t dimensions = getDimensions(), pairs = dimensions / 2;
  double magnitude = getMagnitudeValue();
  for (int64_t i = 0; i < pairs; ++i) {
    double angle = static_cast<double>(position) * frequency(i, length);
    double cosine = std::cos(angle) * magnitude;
    double sine = std::sin(angle) * magnitude;
    if (getInterleaved()) {
      out[2 * i] = out[2 * i + 1] = cosine;
      out[dimensions + 2 * i] = -sine;
      out[dimensions + 2 * i + 1] = sine;
    } else {
      out[i] = cosine;
      out[pairs + i] = sine;
    }
  }
}

double AlibiTableSourceAttr::slope(int64_t head) const {
  auto power = static_cast<int64_t>(llvm::PowerOf2Ceil(getHeads()));
  int64_t step = head + 1; // of 2^n heads
  if (power != getHeads()) {
    int64_t evens = power / 2;
    step = head < evens ? 2 * (head + 1) : 2 * (head - evens) + 1;
  }
  return std::exp2(-getMaxBias().getValueAsDouble() *
                   static_cast<double>(step) / static_cast<double>(power));
}

int64_t RelativeTableSourceAttr::bucket(int64_t distance) const {
  int64_t count = getBuckets(), first = 0;
  int64_t back = -distance;
  if (getBidirectional()) {
    count /= 2;
    if (distance > 0)
      first = count;
    back = std::abs(distance);
  }
  back = std::max<int64_t>(back, 0);
  int64_t exact = count / 2;
  if (back < exact)
    return first + back;
  // In float32, as those who trained the tables computed it.
  float ratio =
      std::log(static_cast<float>(back) / static_cast<float>(exact)) /
      static_cast<float>(std::log(static_cast<double>(getMaxDistance()) /
                                  static_cast<double>(exact)));
  auto above = static_cast<int64_t>(ratio * static_cast<float>(count - exact));
  return first + std::min(exact + above, count - 1);
}

LogicalResult EncodingAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   Precision precision, int64_t group,
                                   bool zeroPoints) {
  if (precision == Precision::F32) // C45
    return emitError() << "numbers in f32 are not encoded";
  if (precision == Precision::Int4 ? !isGroup(group) : group || zeroPoints)
    return emitError() << "group is " << group << " for "
                       << stringifyEnum(precision)
                       << "; expected 32, 64 or 128 for int4, none for others";
  return success();
}
