//===- VerifyReport.cpp - Differences, tensor by tensor ------------------===//

#include "tools/ashlar/VerifyReport.h"

#include "compiler/Support/Errors.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;

void Difference::add(double got, double expected) {
  ++count;
  double delta = got - expected;
  if (!std::isfinite(delta)) {
    // The same infinity, or no number on either side, is no difference.
    bool same = got == expected || (std::isnan(got) && std::isnan(expected));
    notNumber |= !same;
    return;
  }
  error += delta * delta;
  norm += expected * expected;
  maxAbs = std::max(maxAbs, std::abs(delta));
}

double Difference::relL2() const {
  if (notNumber)
    return std::numeric_limits<double>::infinity();
  return error == 0 ? 0 : std::sqrt(error / norm);
}

/// "h.*.mlp" or "h.{layer}.mlp" in layer 3 --> "h.3.mlp"
static std::string withLayer(StringRef name, int64_t layer) {
  for (StringRef placeholder : {"{layer}", "*"}) {
    auto [before, after] = name.split(placeholder);
    if (layer >= 0 && name.contains(placeholder))
      return (before + llvm::Twine(layer) + after).str();
  }
  return name.str();
}

Difference &VerifyReport::tensor(StringRef entry, StringRef name,
                                 int64_t layer) {
  auto [found, isNew] =
      index.try_emplace({entry.str(), name.str(), layer}, tensors.size());
  if (isNew)
    tensors.push_back({entry.str(), withLayer(name, layer), layer, {}});
  return tensors[found->second].difference;
}

size_t VerifyReport::tensorFailures() const {
  size_t count = 0;
  for (const Tensor &tensor : tensors)
    count += !passed(tensor);
  return count;
}

size_t VerifyReport::outputFailures() const {
  size_t count = 0;
  for (const Output &output : outputs)
    count += !output.passed();
  return count;
}

void VerifyReport::print(llvm::raw_ostream &os) const {
  size_t width = 20;
  for (const Tensor &tensor : tensors)
    width = std::max(width, tensor.name.size());
  StringRef entry;
  for (const Tensor &tensor : tensors) {
    if (entry != tensor.entry) {
      entry = tensor.entry;
      os << entry << llvm::format("%*s", int(width + 17 - entry.size()), "")
         << "rel. L2    max. error\n";
    }
    os << "  " << llvm::left_justify(escapeForDisplay(tensor.name), width)
       << llvm::format("  %10.2e    %10.2e%s\n", tensor.difference.relL2(),
                       tensor.difference.maxAbs,
                       passed(tensor) ? "" : "  BEYOND TOLERANCE");
  }
  if (!outputs.empty())
    os << "outputs of the case         rel. L2  (tolerance)    max. error  "
          "(tolerance)\n";
  for (const Output &output : outputs)
    os << "  "
       << llvm::left_justify(escapeForDisplay(output.run) + " " +
                                 escapeForDisplay(output.name),
                             width)
       << llvm::format("  %10.2e (%.2e)    %10.2e (%.2e)%s\n",
                       output.difference.relL2(), output.relL2,
                       output.difference.maxAbs, output.maxAbs,
                       output.passed() ? "" : "  BEYOND TOLERANCE");
}

/// JSON knows no infinity: null then.
static llvm::json::Value numberOrNull(double number) {
  if (std::isfinite(number))
    return number;
  return nullptr;
}

void VerifyReport::printJson(llvm::raw_ostream &os) const {
  llvm::json::Array all, cases;
  for (const Tensor &tensor : tensors)
    all.push_back(llvm::json::Object{
        {"entry", tensor.entry},
        {"name", llvm::json::fixUTF8(tensor.name)},
        {"layer", tensor.layer < 0 ? llvm::json::Value(nullptr)
                                   : llvm::json::Value(tensor.layer)},
        {"rel_l2", numberOrNull(tensor.difference.relL2())},
        {"max_abs", numberOrNull(tensor.difference.maxAbs)},
        {"passed", passed(tensor)}});
  for (const Output &output : outputs)
    cases.push_back(
        llvm::json::Object{{"run", llvm::json::fixUTF8(output.run)},
                           {"name", llvm::json::fixUTF8(output.name)},
                           {"rel_l2", numberOrNull(output.difference.relL2())},
                           {"max_abs", numberOrNull(output.difference.maxAbs)},
                           {"tol_rel_l2", output.relL2},
                           {"tol_max_abs", numberOrNull(output.maxAbs)},
                           {"passed", output.passed()}});
  os << llvm::json::Value(llvm::json::Object{
            {"tolerance", tolerance},
            {"passed", !tensorFailures() && !outputFailures()},
            {"tensors", std::move(all)},
            {"outputs", std::move(cases)}})
     << "\n";
}
