//===- Precision.cpp - What --precision says -----------------------------===//

#include "passes/Layout/Precision.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace ashlar;

namespace {
llvm::Error fail(const llvm::Twine &cause) {
  return llvm::createStringError("--precision: " + cause);
}

llvm::Expected<ir::Precision> parsePrecision(StringRef word) {
  if (std::optional<ir::Precision> precision = ir::symbolizePrecision(word))
    return *precision;
  return fail("\"" + word +
              "\" is no precision; expected f32, bf16, int8 or "
              "int4");
}

/// One KEY=VALUE.
llvm::Error parseOption(PrecisionOptions &options, StringRef key,
                        StringRef value) {
  if (key == "group") {
    if (!llvm::to_integer(value, options.group) ||
        !ir::EncodingAttr::isGroup(options.group))
      return fail("group is \"" + value + "\"; expected 32, 64 or 128");
    return llvm::Error::success();
  }
  llvm::Expected<ir::Precision> precision = parsePrecision(value);
  if (!precision)
    return precision.takeError();
  if (key == "lm_head") {
    options.heads = *precision;
    return llvm::Error::success();
  }
  if (key == "embeddings") {
    if (*precision > ir::Precision::Bf16)
      return fail("embeddings is \"" + value + "\"; expected f32 or bf16");
    options.embeddings = *precision;
    return llvm::Error::success();
  }
  if (key == "kv") {
    if (*precision > ir::Precision::Int8)
      return fail("kv is \"" + value + "\"; expected f32, bf16 or int8");
    options.keysAndValues = *precision;
    return llvm::Error::success();
  }
  llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(key);
  if (!pattern)
    return fail("pattern \"" + key +
                "\": " + llvm::toString(pattern.takeError()));
  options.exceptions.push_back({key.str(), std::move(*pattern), *precision});
  return llvm::Error::success();
}
} // namespace

llvm::Expected<PrecisionOptions> PrecisionOptions::parse(StringRef text) {
  PrecisionOptions options;
  options.text = text.str();
  SmallVector<StringRef> words;
  text.split(words, ',');
  llvm::Expected<ir::Precision> linears = parsePrecision(words.front());
  if (!linears)
    return linears.takeError();
  options.linears = *linears;
  options.heads =
      *linears == ir::Precision::Int4 ? ir::Precision::Int8 : *linears;
  options.embeddings = options.keysAndValues =
      *linears == ir::Precision::F32 ? ir::Precision::F32 : ir::Precision::Bf16;
  for (StringRef word : ArrayRef(words).drop_front()) {
    if (word == "zero_points") {
      options.zeroPoints = true;
      continue;
    }
    auto [key, value] = word.split('=');
    if (key.empty() || value.empty())
      return fail("\"" + word +
                  "\" is not understood; expected KEY=VALUE with group, "
                  "lm_head, embeddings, kv or a pattern of tensor names, or "
                  "zero_points");
    if (llvm::Error error = parseOption(options, key, value))
      return std::move(error);
  }
  return options;
}

ir::Precision PrecisionOptions::lowest() const {
  // In the order of the enumeration: f32, bf16, int8, int4.
  ir::Precision lowest = std::max({linears, heads, keysAndValues});
  for (const Exception &exception : exceptions)
    lowest = std::max(lowest, exception.precision);
  return lowest;
}

bool PrecisionOptions::Exception::matches(ir::WeightOp weight) const {
  int64_t layer = weight.isPerLayer() ? weight.getFirstLayer() : 0;
  return llvm::any_of(weight.getSources(), [&](Attribute source) {
    auto tensor = dyn_cast<ir::TensorSourceAttr>(source);
    if (!tensor)
      return false;
    StringRef name = tensor.getName();
    return pattern.match(name) || pattern.match(ir::tensorName(name, layer));
  });
}

int64_t PrecisionOptions::exceptionFor(StringRef tensor) const {
  for (int64_t i = exceptions.size() - 1; i >= 0; --i)
    if (exceptions[i].pattern.match(tensor))
      return i;
  return -1;
}

const PrecisionOptions::Exception *
PrecisionOptions::unusedException(ModuleOp module) const {
  SmallVector<bool> used(exceptions.size());
  module.walk([&](ir::LinearOp linear) {
    ir::WeightOp weight = ir::lookupWeight(linear, linear.getWeightAttr());
    for (auto [exception, isUsed] : llvm::zip(exceptions, used))
      isUsed |= exception.matches(weight);
  });
  const bool *unused = llvm::find(used, false);
  return unused == used.end() ? nullptr : &exceptions[unused - used.begin()];
}

const PrecisionOptions::Exception *
PrecisionOptions::dividingException(ModuleOp module) const {
  for (const Exception &exception : exceptions)
    for (auto weight : module.getOps<ir::WeightOp>()) {
      int64_t first = weight.isPerLayer() ? weight.getFirstLayer() : 0;
      int64_t count = weight.isPerLayer() ? weight.getLayerCount() : 1;
      int64_t step = weight.isPerLayer() ? weight.getLayerStep() : 1;
      for (Attribute source : weight.getSources()) {
        auto tensor = dyn_cast<ir::TensorSourceAttr>(source);
        auto matches = [&](int64_t layer, int64_t expert) {
          return exception.pattern.match(
              ir::tensorName(tensor.getName(), {layer, expert}));
        };
        for (int64_t i = 0; tensor && i < count; ++i)
          for (int64_t expert = 1; expert < weight.getCopies(); ++expert)
            if (matches(first + i * step, expert) !=
                matches(first + i * step, 0))
              return &exception;
      }
    }
  return nullptr;
}

ir::EncodingAttr PrecisionOptions::encoding(MLIRContext *context,
                                            ir::Precision precision) const {
  if (precision == ir::Precision::F32)
    return {};
  bool int4 = precision == ir::Precision::Int4;
  return ir::EncodingAttr::get(context, precision, int4 ? group : 0,
                               int4 && zeroPoints);
}
