//===- ImportConfig.cpp - config.json to a description --------------------===//

#include "compiler/Import/Generation.h"
#include "compiler/Import/Import.h"
#include "compiler/Import/hf/Families.h"
#include "compiler/Spec/Validate.h"

using namespace ashlar;
using namespace ashlar::hf;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Expected<JsonDocument> parseObject(StringRef text, StringRef file) {
  JsonLimits limits;
  limits.bytes = uint64_t(1) << 20;
  Expected<JsonDocument> document = parseJson(text, file, limits);
  if (document && !document->root.isObject())
    return userError(document->where(document->root),
                     "found " + describe(document->root) +
                         "; expected an object");
  return document;
}

/// Whether `value` means what `fixed` says in JSON.
static bool matches(const JsonValue &value, StringRef fixed) {
  switch (value.kind) {
  case JsonValue::Kind::Null:
    return true;
  case JsonValue::Kind::Boolean:
    return fixed == (value.boolean ? "true" : "false");
  case JsonValue::Kind::Number: {
    double found = 0, expected = 0;
    return !StringRef(value.text).getAsDouble(found) &&
           !fixed.getAsDouble(expected) && found == expected;
  }
  case JsonValue::Kind::String:
    return fixed == "\"" + value.text + "\"";
  case JsonValue::Kind::Array:
    return fixed == "[]" && value.elements.empty();
  case JsonValue::Kind::Object:
    return fixed == "{}" && value.members.empty();
  }
  llvm_unreachable("unknown kind of JSON value");
}

static void checkFixedKeys(ConfigReader &config,
                           llvm::ArrayRef<FixedKey> keys) {
  for (const FixedKey &fixed : keys) {
    const JsonValue *value = config.find(fixed.key);
    if (!value || matches(*value, fixed.value))
      continue;
    if (StringRef(fixed.key) == "quantization_config")
      config.fail(fixed.key, "quantized checkpoints are not supported",
                  "use the checkpoint that it was made from");
    else
      config.fail(fixed.key, llvm::Twine("supported: ") + fixed.value);
  }
}

void hf::checkKeys(ConfigReader &config, llvm::ArrayRef<FixedKey> fixed,
                   llvm::ArrayRef<const char *> withoutEffect) {
  checkFixedKeys(config, commonFixedKeys());
  checkFixedKeys(config, fixed);
  for (const char *key : commonKeysWithoutEffect())
    config.markRead(key);
  for (const char *key : withoutEffect)
    config.markRead(key);
}

static Expected<const Family *> selectFamily(const JsonDocument &document) {
  const char *remedy = "any other transformer can be described in YAML "
                       "instead; `ashlar spec MODEL` prints examples";
  const JsonValue *type = document.root.find("model_type");
  if (!type)
    return userError(document.where(document.root),
                     "\"model_type\" is missing; supported: " + familyNames(),
                     remedy);
  const Family *family = type->isString() ? findFamily(type->text) : nullptr;
  if (!family)
    return userError(document.where(*type),
                     "\"model_type\" is " + describe(*type) +
                         "; supported: " + familyNames(),
                     remedy);
  return family;
}

static void warnOfUnreadKeys(const ConfigReader &config,
                             std::vector<std::string> &warnings) {
  std::string keys;
  for (const std::string &key : config.unreadKeys())
    keys += (keys.empty() ? "\"" : ", \"") + escapeForDisplay(key) + "\"";
  if (!keys.empty())
    warnings.push_back("config.json has keys that are unknown here and were "
                       "ignored: " +
                       keys);
}

/// Errors of the whole description name the file; the readers of single keys
/// have reported everything that has a line of its own.
static Error checkSpec(const JsonDocument &document, const ModelSpec &spec) {
  return validate(spec, [&](StringRef) { return document.file; });
}

Expected<ImportResult> ashlar::importConfig(StringRef configText,
                                            StringRef configFile,
                                            const std::string *generationText,
                                            StringRef generationFile,
                                            StringRef tower) {
  Expected<JsonDocument> document = parseObject(configText, configFile);
  if (!document)
    return document.takeError();
  Expected<const Family *> family = selectFamily(*document);
  if (!family)
    return family.takeError();

  ImportResult result;
  result.spec.family = (*family)->modelType.str();
  ConfigReader config(*document, document->root);
  checkKeys(config, (*family)->fixedKeys, (*family)->keysWithoutEffect);
  for (const char *key : (*family)->sharedKeysWithoutEffect)
    config.markRead(key);
  if ((*family)->buildTower)
    (*family)->buildTower(config, result.spec, result.warnings, tower);
  else if (tower.empty())
    (*family)->build(config, result.spec, result.warnings);
  else
    return userError(configFile,
                     "--tower is \"" + escapeForDisplay(tower) +
                         "\", but the folder holds one model, a \"" +
                         (*family)->modelType + "\"",
                     "leave --tower out");
  if (Error error = config.takeError())
    return error;
  warnOfUnreadKeys(config, result.warnings);

  std::optional<JsonDocument> generation;
  if (generationText) {
    Expected<JsonDocument> parsed =
        parseObject(*generationText, generationFile);
    if (!parsed)
      return parsed.takeError();
    generation = std::move(*parsed);
  }
  Expected<Generation> settings =
      readGeneration(*document, generation ? &*generation : nullptr,
                     result.spec, result.warnings);
  if (!settings)
    return settings.takeError();
  result.spec.generation = std::move(*settings);
  if (Error error = checkSpec(*document, result.spec))
    return error;
  return result;
}
