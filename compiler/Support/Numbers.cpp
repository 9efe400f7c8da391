//===- Numbers.cpp - Decimal text to double -------------------------------===//

#include "compiler/Support/Numbers.h"

#include <charconv>
#include <cmath>

using namespace ashlar;
using llvm::StringRef;

/// Whether a number that is out of a double's range is tiny rather than huge:
/// looks at the decimal exponent of its first nonzero digit.
static bool isTiny(StringRef number) {
  size_t mark = number.find_first_of("eE");
  StringRef exponentText =
      mark == StringRef::npos ? "" : number.drop_front(mark + 1);
  auto [whole, fraction] = number.take_front(mark).ltrim('-').split('.');
  whole = whole.ltrim('0');
  int64_t leading = static_cast<int64_t>(whole.size());
  if (whole.empty())
    leading =
        -static_cast<int64_t>(fraction.size() - fraction.ltrim('0').size());
  bool negative = exponentText.consume_front("-");
  exponentText.consume_front("+");
  constexpr int64_t hugeExponent = int64_t(1) << 60; // outweighs any mantissa
  int64_t exponent = 0;
  if (!exponentText.empty() &&
      (exponentText.getAsInteger(10, exponent) || exponent > hugeExponent))
    exponent = hugeExponent;
  return leading + (negative ? -exponent : exponent) < 0;
}

std::optional<double> ashlar::parseFiniteDouble(StringRef text) {
  double value = 0;
  auto [end, status] = std::from_chars(text.begin(), text.end(), value);
  if (end != text.end() || status == std::errc::invalid_argument)
    return std::nullopt;
  if (status == std::errc::result_out_of_range)
    return isTiny(text) ? std::optional<double>(0.0) : std::nullopt;
  if (!std::isfinite(value)) // "inf" and "nan" are spelled with letters
    return std::nullopt;
  return value;
}
