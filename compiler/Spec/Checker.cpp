//===- Checker.cpp - The first fault of a description ---------------------===//

#include "compiler/Spec/Checker.h"

#include "compiler/Spec/Limits.h"

#include <charconv>
#include <cmath>

using namespace ashlar;
using llvm::StringRef;
using llvm::Twine;

llvm::Error Checker::takeError() {
  if (!failed())
    return llvm::Error::success();
  return userError(locate(path), cause);
}

bool Checker::expect(bool holds, const Twine &where, const Twine &found,
                     const Twine &expected) {
  if (failed())
    return false;
  if (holds)
    return true;
  path = where.str();
  cause = ("\"" + path + "\" is " + found + "; expected " + expected).str();
  return false;
}

bool Checker::range(const Twine &where, int64_t value, int64_t minimum,
                    int64_t maximum) {
  return expect(value >= minimum && value <= maximum, where, Twine(value),
                "an integer from " + Twine(minimum) + " to " + Twine(maximum));
}

bool Checker::equal(const Twine &where, int64_t value, const char *whose,
                    int64_t expected) {
  return expect(value == expected, where, Twine(value),
                Twine(expected) + ", " + whose);
}

bool Checker::positive(const Twine &where, double value) {
  expect(std::isfinite(value) && value > 0, where, formatDouble(value),
         "a finite number above 0");
  return expect(fitsFloat(value), where, formatDouble(value), floatRange);
}

bool Checker::text(const Twine &where, StringRef value) {
  return expect(!value.empty(), where, "empty", "a name");
}

std::string ashlar::formatDouble(double value) {
  char buffer[32];
  auto [end, status] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, end);
}

std::string ashlar::formatShape(const std::vector<int64_t> &shape) {
  std::string result;
  for (int64_t size : shape)
    result += (result.empty() ? "" : ", ") + std::to_string(size);
  return "[" + result + "]";
}
