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

/// , transposed = true, plus = 1.0, scale = 0.5
///
/// All are optional. (As optional groups in the declarative format, a scale
/// alone would not be read again: all begin with a comma.)
static ParseResult parseChanges(AsmParser &parser, bool &transposed,
                                FloatAttr &plus, FloatAttr &scale) {
  auto more = [&] { return succeeded(parser.parseOptionalComma()); };
  if (!more())
    return success();
  if (succeeded(parser.parseOptionalKeyword("transposed"))) {
    if (parser.parseEqual())
      return failure();
    FailureOr<bool> value = FieldParser<bool>::parse(parser);
    if (failed(value))
      return failure();
    transposed = *value;
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

static void printChanges(AsmPrinter &printer, bool transposed, FloatAttr plus,
                         FloatAttr scale) {
  if (transposed)
    printer << ", transposed = true";
  if (plus)
    printer << ", plus = " << plus;
  if (scale)
    printer << ", scale = " << scale;
}

static ParseResult parsePart(AsmParser &parser, int64_t &begin, int64_t &count,
                             int64_t &piece, int64_t &every, bool &transposed,
                             FloatAttr &plus, FloatAttr &scale) {
  return failure(parseRowRange(parser, begin, count, piece, every) ||
                 parseChanges(parser, transposed, plus, scale));
}

static void printPart(AsmPrinter &printer, int64_t begin, int64_t count,
                      int64_t piece, int64_t every, bool transposed,
                      FloatAttr plus, FloatAttr scale) {
  printRowRange(printer, begin, count, piece, every);
  printChanges(printer, transposed, plus, scale);
}

#define GET_ATTRDEF_CLASSES
#include "dialect/Attrs.cpp.inc"

void AshlarDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/Attrs.cpp.inc"
      >();
}

int64_t TensorSourceAttr::getColumns() const {
  ArrayRef<int64_t> stored = getStored();
  if (stored.size() < 2)
    return 1;
  // A bias may be stored as [1, n].
  if (stored.size() == 2 && stored[0] == 1 && !getTransposed() &&
      getCount() == stored[1] && stored[1] != 1)
    return 1;
  return getTransposed() ? stored[0] : stored[1];
}

int64_t TensorSourceAttr::getStoredRows() const {
  ArrayRef<int64_t> stored = getStored();
  bool isVector = stored.front() == 1 && getColumns() == 1;
  return getTransposed() || isVector ? stored.back() : stored.front();
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

double RotaryAttr::frequency(int64_t i) const {
  double base = std::pow(getTheta().getValueAsDouble(),
                         -2.0 * static_cast<double>(i) /
                             static_cast<double>(getDimensions()));
  switch (getScaling()) {
  case RopeScaling::None:
    return base;
  case RopeScaling::Linear:
    return base / getFactor().getValueAsDouble();
  case RopeScaling::Llama3:
    return llama3Frequency(*this, base);
  case RopeScaling::Yarn:
    return yarnFrequency(*this, i, base);
  }
  llvm_unreachable("every scaling is handled above");
}

double RotaryAttr::getMagnitudeValue() const {
  return getMagnitude() ? getMagnitude().getValueAsDouble() : 1.0;
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
