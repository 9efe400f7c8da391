//===- ConfigReader.cpp - Typed access to a configuration -----------------===//

#include "compiler/Import/ConfigReader.h"

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

ConfigReader::ConfigReader(const JsonDocument &document,
                           const JsonValue &object, StringRef prefix)
    : document(document), object(object), prefix(prefix.str()) {
  llvm::cantFail(std::move(error)); // now assignable
}

const JsonValue *ConfigReader::find(StringRef key) {
  asked.insert(key);
  const JsonValue *value = object.find(key);
  return value && !value->isNull() ? value : nullptr;
}

std::string ConfigReader::where(StringRef key) const {
  const JsonValue *value = object.find(key);
  return document.where(value ? *value : object);
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

void ConfigReader::record(Error newError) {
  if (!newError)
    return;
  if (hasError) {
    llvm::consumeError(std::move(newError));
    return;
  }
  hasError = true;
  error = std::move(newError);
}

Error ConfigReader::takeError() {
  hasError = false;
  return std::move(error);
}

void ConfigReader::fail(StringRef key, const Twine &expected,
                        const Twine &remedy) {
  const JsonValue *value = object.find(key);
  std::string found = value ? describe(*value) : "absent";
  record(userError(where(key),
                   "\"" + escapeForDisplay(prefix + key.str()) + "\" is " +
                       found + "; " + expected,
                   remedy));
}

void ConfigReader::missing(StringRef key) {
  record(
      userError(document.where(object), "\"" + prefix + key + "\" is missing"));
}

void ConfigReader::requireDivides(StringRef key, int64_t part,
                                  StringRef wholeKey, int64_t whole) {
  if (whole % part != 0)
    fail(key,
         "expected a divisor of \"" + wholeKey + "\" (" + Twine(whole) + ")");
}

void ConfigReader::absorb(ConfigReader &&nested) {
  llvm::append_range(nestedAsked, nested.askedKeys());
  llvm::append_range(nestedUnread, nested.unreadKeys());
  record(nested.takeError());
}

std::vector<std::string> ConfigReader::askedKeys() const {
  std::vector<std::string> keys = nestedAsked;
  for (StringRef key : asked.keys())
    keys.push_back(prefix + key.str());
  llvm::sort(keys);
  return keys;
}

std::vector<ConfigReader::Unread> ConfigReader::unreadKeys() const {
  std::vector<Unread> keys;
  for (const JsonValue::Member &member : object.members)
    if (!asked.contains(member.key) && !setAside.contains(member.key))
      keys.push_back({prefix + member.key, member.key, &member.value, &object});
  keys.insert(keys.end(), nestedUnread.begin(), nestedUnread.end());
  return keys;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

std::optional<int64_t> ConfigReader::integer(StringRef key, int64_t minimum,
                                             int64_t maximum) {
  const JsonValue *value = find(key);
  if (!value)
    return std::nullopt;
  Expected<int64_t> result =
      document.asInteger(*value, prefix + key.str(), minimum, maximum);
  if (result)
    return *result;
  record(result.takeError());
  return minimum;
}

int64_t ConfigReader::count(StringRef key, int64_t maximum) {
  std::optional<int64_t> value = integer(key, 1, maximum);
  if (!value)
    missing(key);
  return value.value_or(1);
}

int64_t ConfigReader::countOr(StringRef key, int64_t fallback,
                              int64_t maximum) {
  return integer(key, 1, maximum).value_or(fallback);
}

std::optional<double> ConfigReader::positiveNumber(StringRef key) {
  const JsonValue *value = find(key);
  if (!value)
    return std::nullopt;
  Expected<double> result = document.asDouble(*value, prefix + key.str());
  if (!result) {
    record(result.takeError());
    return 1.0;
  }
  if (fitsFloat(*result))
    return *result;
  fail(key, *result > 0 ? Twine("expected ") + floatRange
                        : Twine("expected a number above 0"));
  return 1.0;
}

double ConfigReader::positive(StringRef key) {
  std::optional<double> value = positiveNumber(key);
  if (!value)
    missing(key);
  return value.value_or(1.0);
}

double ConfigReader::positiveOr(StringRef key, double fallback) {
  return positiveNumber(key).value_or(fallback);
}

bool ConfigReader::flagOr(StringRef key, bool fallback) {
  const JsonValue *value = find(key);
  if (!value)
    return fallback;
  Expected<bool> result = document.asBoolean(*value, prefix + key.str());
  if (result)
    return *result;
  record(result.takeError());
  return fallback;
}

std::optional<StringRef> ConfigReader::text(StringRef key) {
  const JsonValue *value = find(key);
  if (!value)
    return std::nullopt;
  Expected<StringRef> result = document.asString(*value, prefix + key.str());
  if (result)
    return *result;
  record(result.takeError());
  return StringRef();
}

StringRef ConfigReader::string(StringRef key) {
  std::optional<StringRef> value = text(key);
  if (!value)
    missing(key);
  return value.value_or("");
}

StringRef ConfigReader::stringOr(StringRef key, StringRef fallback) {
  return text(key).value_or(fallback);
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

namespace {
struct ActivationAlias {
  StringRef name;
  Activation value;
};
} // namespace

/// The names of configurations. gelu_new, gelu_pytorch_tanh and gelu_fast write
/// the same tanh approximation in three ways; gelu_python is the exact one.
static constexpr ActivationAlias activationAliases[] = {
    {"gelu", Activation::Gelu},
    {"gelu_fast", Activation::GeluTanh},
    {"gelu_new", Activation::GeluTanh},
    {"gelu_python", Activation::Gelu},
    {"gelu_pytorch_tanh", Activation::GeluTanh},
    {"quick_gelu", Activation::QuickGelu},
    {"relu", Activation::Relu},
    {"silu", Activation::Silu},
    {"swish", Activation::Silu},
    {"tanh", Activation::Tanh},
};

std::optional<Activation> ConfigReader::activationNamed(StringRef name) {
  for (const ActivationAlias &alias : activationAliases)
    if (alias.name == name)
      return alias.value;
  return std::nullopt;
}

std::string ConfigReader::activationNames() {
  std::string names;
  for (const ActivationAlias &alias : activationAliases)
    names += (names.empty() ? "" : ", ") + alias.name.str();
  return names;
}

Activation ConfigReader::activationOr(StringRef key, StringRef fallback) {
  if (auto activation = activationNamed(stringOr(key, fallback)))
    return *activation;
  fail(key, "supported: " + activationNames());
  return Activation::Relu;
}
