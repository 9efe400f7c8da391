//===- Attrs.cpp - Attributes and enumerations of the dialect ------------===//

#include "dialect/Ashlar.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::ir;

#include "dialect/Enums.cpp.inc"

/// rows = 0 for 64, transposed = true, scale = 0.5
///
/// The last two are optional. (As optional groups in the declarative format, a
/// scale alone would not be read again: both begin with a comma.)
static ParseResult parseRowRange(AsmParser &parser, int64_t &begin,
                                 int64_t &count, bool &transposed,
                                 FloatAttr &scale) {
  if (parser.parseKeyword("rows") || parser.parseEqual() ||
      parser.parseInteger(begin) || parser.parseKeyword("for") ||
      parser.parseInteger(count))
    return failure();
  if (failed(parser.parseOptionalComma()))
    return success();
  if (succeeded(parser.parseOptionalKeyword("transposed"))) {
    if (parser.parseEqual())
      return failure();
    FailureOr<bool> value = FieldParser<bool>::parse(parser);
    if (failed(value))
      return failure();
    transposed = *value;
    if (failed(parser.parseOptionalComma()))
      return success();
  }
  return failure(parser.parseKeyword("scale") || parser.parseEqual() ||
                 parser.parseAttribute(scale));
}

static void printRowRange(AsmPrinter &printer, int64_t begin, int64_t count,
                          bool transposed, FloatAttr scale) {
  printer << "rows = " << begin << " for " << count;
  if (transposed)
    printer << ", transposed = true";
  if (scale)
    printer << ", scale = " << scale;
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

double TensorSourceAttr::getScaleValue() const {
  return getScale() ? getScale().getValueAsDouble() : 1.0;
}

double RotaryAttr::frequency(int64_t i) const {
  double base = std::pow(getTheta().getValueAsDouble(),
                         -2.0 * static_cast<double>(i) /
                             static_cast<double>(getDimensions()));
  double factor = getFactor().getValueAsDouble();
  switch (getScaling()) {
  case RopeScaling::None:
    return base;
  case RopeScaling::Linear:
    return base / factor;
  case RopeScaling::Llama3:
    break;
  }
  // Wavelengths over original/low are divided by the factor, those under
  // original/high kept, and what lies between is blended linearly.
  constexpr double twoPi = 6.283185307179586476925286766559;
  double low = getLow().getValueAsDouble(), high = getHigh().getValueAsDouble();
  double original = static_cast<double>(getOriginal());
  double wavelength = twoPi / base;
  if (wavelength < original / high)
    return base;
  if (wavelength > original / low)
    return base / factor;
  double smooth = (original / wavelength - low) / (high - low);
  return (1.0 - smooth) * base / factor + smooth * base;
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
