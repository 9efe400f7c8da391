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
                       "instead; examples/specs has models to begin with and "
                       "its README.md says what can be described";
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

static const ForeignKey *findForeignKey(StringRef name) {
  for (const ForeignKey &key : foreignKeys())
    if (name == key.key)
      return &key;
  return nullptr;
}

static bool meansNothing(const ConfigReader::Unread &key,
                         const ForeignKey &foreign) {
  auto isNeutral = [&](const JsonValue &value) {
    return matches(value, foreign.value);
  };
  if (key.value->isArray() ? llvm::all_of(key.value->elements, isNeutral)
                           : isNeutral(*key.value))
    return true;
  const JsonValue *flag =
      foreign.unlessFalse ? key.object->find(foreign.unlessFalse) : nullptr;
  return flag && flag->isBoolean() && !flag->boolean;
}

/// Keys of other families must mean nothing; the others are mentioned.
static Error checkUnreadKeys(const ConfigReader &config, const Family &family,
                             std::vector<std::string> &warnings) {
  std::string keys;
  for (const ConfigReader::Unread &key : config.unreadKeys()) {
    const ForeignKey *foreign = findForeignKey(key.key);
    if (foreign && meansNothing(key, *foreign))
      continue;
    if (foreign)
      return userError(
          config.source().where(*key.value),
          "\"" + escapeForDisplay(key.path) + "\" is " + describe(*key.value) +
              "; supported: " + foreign->value + ", as \"model_type\" is \"" +
              family.modelType + "\"",
          "leave the key out if the model's own code does not "
          "read it");
    keys += (keys.empty() ? "\"" : ", \"") + escapeForDisplay(key.path) + "\"";
  }
  if (!keys.empty())
    warnings.push_back("config.json has keys that are unknown here and were "
                       "ignored: " +
                       keys);
  return Error::success();
}

/// Errors of the whole description name the file; the readers of single keys
/// have reported everything that has a line of its own.
static Error checkSpec(const JsonDocument &document, const ModelSpec &spec) {
  return validate(spec, [&](StringRef) { return document.file; });
}

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

/// What sentence-transformers makes of a cross-encoder's logits, by the name of
/// a torch module.
static std::optional<LabelScores>
crossEncoderScores(ConfigReader &config, std::vector<std::string> &warnings) {
  const JsonValue *name = config.find("sbert_ce_default_activation_function");
  if (const JsonValue *newer = config.find("sentence_transformers"))
    name = newer->find("activation_fn");
  if (!name || !name->isString())
    return std::nullopt;
  StringRef kind = StringRef(name->text).rsplit('.').second;
  if (kind == "Identity")
    return LabelScores::Logits;
  if (kind == "Sigmoid")
    return LabelScores::Sigmoid;
  warnings.push_back("the activation \"" + escapeForDisplay(name->text) +
                     "\" of the cross-encoder is left aside: scores are those "
                     "of \"problem_type\"");
  return std::nullopt;
}

static std::optional<LabelScores>
readLabelScores(ConfigReader &config, std::vector<std::string> &warnings) {
  StringRef usual = "single_label_classification";
  StringRef problem = config.stringOr("problem_type", usual);
  std::optional<LabelScores> scores;
  if (problem == "regression")
    scores = LabelScores::Logits;
  else if (problem == "multi_label_classification")
    scores = LabelScores::Sigmoid;
  else if (problem != usual)
    config.fail("problem_type", "expected regression, " + usual +
                                    " or multi_label_classification");
  std::optional<LabelScores> own = crossEncoderScores(config, warnings);
  return own ? own : scores;
}

/// A head over the last row has been trained with texts that fill all
/// positions, where no mask hides the padding (siglip).
static int64_t paddedTokens(const ModelSpec &spec) {
  const Stack &stack = spec.stacks.back();
  bool ofLast = stack.kind == StackKind::Encoder && stack.embedding.tokens &&
                !spec.heads.empty() &&
                spec.heads.front().rows == RowSelection::Last;
  return ofLast ? stack.maxPositions : 0;
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
  TextSettings &texts = result.source.texts;
  if (!result.spec.labels.empty() && result.spec.heads.front().isOfSequences())
    texts.labelScores = readLabelScores(config, result.warnings);
  if (Error error = config.takeError())
    return error;
  texts.paddedTokens = paddedTokens(result.spec);
  if (Error error = checkUnreadKeys(config, **family, result.warnings))
    return error;

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
                     result.spec, (*family)->defaultTokens, result.warnings);
  if (!settings)
    return settings.takeError();
  result.spec.generation = std::move(*settings);
  if (Error error = checkSpec(*document, result.spec))
    return error;
  return result;
}
