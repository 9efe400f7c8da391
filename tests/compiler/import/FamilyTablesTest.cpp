//===- FamilyTablesTest.cpp - Every key of every family's table -----------===//
//
// Walks the tables of all families over the configurations of their cases: a
// key with one value refuses others, a key without effect has none, a key that
// is read refuses what it cannot be, a key of other families must mean nothing,
// and no key of a configuration class is unknown.
//
// configuration_keys.json has the parameters and attributes of each family's
// configuration class with their defaults, null where there is none, as they
// stand in transformers 4.50 ("every": those of PretrainedConfig; qwen3 came
// with 4.51).
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/Import.h"
#include "compiler/Support/Files.h"
#include "tests/compiler/support/ErrorText.h"
#include "tests/support/FamilyKeys.h"

#include "llvm/ADT/STLExtras.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::hf;
using namespace ashlar::testing;
using llvm::StringRef;

static const std::string root = ASHLAR_SOURCE_DIR;

/// What decoding reads, in GenerationTest.cpp's care.
// keep-sorted start
static const std::set<std::string> generationKeys = {
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "constraints",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dola_layers",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "force_bos_token_to_be_generated",
    "force_words_ids",
    "forced_bos_token_id",
    "forced_decoder_ids",
    "forced_eos_token_id",
    "guidance_scale",
    "length_penalty",
    "max_length",
    "max_new_tokens",
    "max_time",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "pad_token_id",
    "penalty_alpha",
    "repetition_penalty",
    "return_timestamps",
    "sequence_bias",
    "stop_strings",
    "suppress_tokens",
};
// keep-sorted end

static const std::vector<FamilyCase> &casesOf(const Family &family) {
  static const auto cases = familyCases(root);
  static const std::vector<FamilyCase> none;
  auto found = cases.find(family.modelType.str());
  return found == cases.end() ? none : found->second;
}

static llvm::Expected<ImportResult> importCase(const FamilyCase &each,
                                               const JsonValue &config) {
  return importConfig(textOf(config), "config.json", /*generation=*/nullptr,
                      "generation_config.json", each.tower);
}

static llvm::Expected<ImportResult>
importWith(const FamilyCase &each, StringRef key, const std::string &value) {
  return importCase(each, withKey(each.config, key, jsonOf(value)));
}

/// JSON of the same kind that means something else.
static std::string otherThan(StringRef value) {
  if (value == "true" || value == "false")
    return value == "true" ? "false" : "true";
  if (value == "{}")
    return "{\"0\": [1]}";
  if (value.starts_with("\""))
    return "\"something else\"";
  return value == "5" ? "6" : "5"; // of a number, and of null
}

static std::set<std::string> namesOf(const Family &family) {
  std::set<std::string> names = keysAskedOfAny(family, casesOf(family));
  for (auto keys : {family.keysWithoutEffect, family.sharedKeysWithoutEffect,
                    commonKeysWithoutEffect()})
    for (const char *key : keys)
      names.insert(key);
  for (auto keys : {family.fixedKeys, commonFixedKeys()})
    for (const FixedKey &key : keys)
      names.insert(key.key);
  return names;
}

class FamilyTables : public ::testing::TestWithParam<std::string> {
protected:
  const Family &family() const { return *findFamily(GetParam()); }
  const std::vector<FamilyCase> &cases() const { return casesOf(family()); }

  /// The case with `key` set to `value` is the same model, of which nothing
  /// else is said.
  void expectSame(const FamilyCase &each, const ImportResult &plain,
                  StringRef key, const std::string &value) {
    llvm::Expected<ImportResult> result = importWith(each, key, value);
    if (!result) {
      ADD_FAILURE() << each.name << ": " << llvm::toString(result.takeError());
      return;
    }
    EXPECT_EQ(result->warnings, plain.warnings) << key.str() << " " << value;
    EXPECT_TRUE(result->spec == plain.spec) << key.str() << " " << value;
  }
};

TEST_P(FamilyTables, HasACase) { EXPECT_FALSE(cases().empty()); }

TEST_P(FamilyTables, FixedKeysRefuseOtherValues) {
  for (auto keys : {family().fixedKeys, commonFixedKeys()})
    for (const FixedKey &fixed : keys)
      for (const FamilyCase &each : cases()) {
        std::string other = otherThan(fixed.value);
        std::string text = errorText(importWith(each, fixed.key, other));
        std::string is = std::string("\"") + fixed.key + "\" is ";
        EXPECT_NE(text.find(is), text.npos) << other << ": " << text;
        bool names = StringRef(text).contains(std::string("supported: ") +
                                              fixed.value) ||
                     StringRef(text).contains("quantized checkpoints");
        EXPECT_TRUE(names) << text;
      }
}

TEST_P(FamilyTables, FixedKeysTakeTheirValue) {
  for (const FamilyCase &each : cases()) {
    ImportResult plain = valueOf(importCase(each, each.config));
    for (auto keys : {family().fixedKeys, commonFixedKeys()})
      for (const FixedKey &fixed : keys)
        for (const char *value : {fixed.value, "null"})
          expectSame(each, plain, fixed.key, value);
  }
}

/// Keys of the tables that this case says nothing by.
static std::vector<std::string> keysWithoutEffect(const Family &family,
                                                  const FamilyCase &each) {
  std::set<std::string> asked = keysAskedOf(family, each.config, each.tower);
  std::vector<std::string> result;
  for (auto keys : {family.keysWithoutEffect, family.sharedKeysWithoutEffect,
                    commonKeysWithoutEffect()})
    for (const std::string key : keys)
      // What labels' scores are is read where a model has labels.
      if (key != "model_type" && key != "problem_type" && !asked.count(key) &&
          !generationKeys.count(key))
        result.push_back(key);
  return result;
}

TEST_P(FamilyTables, KeysWithoutEffectHaveNone) {
  for (const FamilyCase &each : cases()) {
    ImportResult plain = valueOf(importCase(each, each.config));
    std::vector<std::string> keys = keysWithoutEffect(family(), each);
    ASSERT_FALSE(keys.empty());
    for (const char *value : {"null", "true", "false", "0", "7", "0.25",
                              "\"gelu\"", "[3]", "{\"0\": \"x\"}"}) {
      JsonValue config = each.config;
      for (const std::string &key : keys)
        config = withKey(std::move(config), key, jsonOf(value));
      llvm::Expected<ImportResult> all = importCase(each, config);
      if (all && all->spec == plain.spec && all->warnings == plain.warnings)
        continue;
      ADD_FAILURE() << each.name << ", all with " << value << ": "
                    << errorText(std::move(all)) << "; of these:";
      for (const std::string &key : keys)
        expectSame(each, plain, key, value);
    }
  }
}

/// No key takes a list of an object.
TEST_P(FamilyTables, KeysThatAreReadRefuseWhatTheyCannotBe) {
  for (const FamilyCase &each : cases())
    for (const std::string &key :
         keysAskedOf(family(), each.config, each.tower)) {
      std::string text = errorText(
          importCase(each, withPath(each.config, key, jsonOf("[{}]"))));
      StringRef name = StringRef(key).rsplit('.').second;
      bool named = StringRef(text).contains("\"" + key + "\"") ||
                   StringRef(text).contains(("\"" + name + "\"").str());
      EXPECT_TRUE(named) << each.name << " " << key << ": " << text;
    }
}

TEST_P(FamilyTables, KeysOfOtherFamiliesMustMeanNothing) {
  std::set<std::string> known = namesOf(family());
  for (const FamilyCase &each : cases()) {
    ImportResult plain = valueOf(importCase(each, each.config));
    for (const ForeignKey &foreign : foreignKeys()) {
      if (known.count(foreign.key))
        continue;
      expectSame(each, plain, foreign.key, foreign.value);
      std::string other = otherThan(foreign.value);
      std::string text = errorText(importWith(each, foreign.key, other));
      StringRef expected = text;
      EXPECT_TRUE(expected.contains(std::string("\"") + foreign.key + "\" is"))
          << expected.str();
      EXPECT_TRUE(expected.contains("supported: " + std::string(foreign.value) +
                                    ", as \"model_type\" is \"" + GetParam() +
                                    "\""))
          << expected.str();
    }
  }
}

/// Keys and defaults of one configuration class.
static JsonValue classKeys(StringRef name) {
  llvm::Expected<InputFile> file =
      InputFile::open(root + "/tests/compiler/import/configuration_keys.json");
  JsonValue table = jsonOf(valueOf(valueOf(std::move(file)).readAll(1 << 20)));
  const JsonValue *keys = table.find(name);
  return keys ? *keys : jsonOf("{}");
}

TEST_P(FamilyTables, NoKeyOfTheConfigurationClassIsUnknown) {
  if (GetParam() == "torch_transformer")
    return; // has no configuration class
  JsonValue own = classKeys(GetParam()), every = classKeys("every");
  ASSERT_FALSE(own.members.empty());
  ASSERT_FALSE(every.members.empty());
  std::set<std::string> known = namesOf(family());
  for (const FamilyCase &each : cases()) {
    JsonValue config = each.config;
    for (const JsonValue &keys : {own, every})
      for (const JsonValue::Member &member : keys.members) {
        const std::string &key = member.key;
        bool isNested = StringRef(key).contains('.');
        EXPECT_TRUE(isNested || known.count(key)) << key;
        if (isNested || !config.find(key))
          config = isNested ? withPath(std::move(config), key, jsonOf("null"))
                            : withKey(std::move(config), key, jsonOf("null"));
      }
    // Folders of several models have whole configurations inside.
    if (family().buildTower)
      for (std::string part : {"text_config", "vision_config"})
        for (const JsonValue::Member &member : every.members)
          if (!config.find(part) || !config.find(part)->find(member.key))
            config = withPath(std::move(config), part + "." + member.key,
                              jsonOf("null"));
    ImportResult result = valueOf(importCase(each, config));
    for (const std::string &warning : result.warnings)
      EXPECT_EQ(warning.find("unknown here"), warning.npos) << warning;
  }
}

static JsonValue without(JsonValue object, StringRef path) {
  auto [key, rest] = path.split('.');
  for (JsonValue::Member &member : object.members)
    if (member.key == key && !rest.empty())
      member.value = without(std::move(member.value), rest);
  if (rest.empty())
    llvm::erase_if(object.members, [&](const JsonValue::Member &member) {
      return member.key == key;
    });
  return object;
}

/// Keys of the class that have a default other than null.
static std::map<std::string, JsonValue> classDefaults(StringRef name) {
  std::map<std::string, JsonValue> defaults;
  for (StringRef table : {StringRef("every"), name})
    for (const JsonValue::Member &member : classKeys(table).members)
      defaults[member.key] = member.value;
  std::erase_if(defaults, [](auto &entry) { return entry.second.isNull(); });
  return defaults;
}

/// Whether the default, put into `config`, would be nonsense there: beside the
/// key's newer name, or as a token that a small vocabulary lacks.
static bool cannotBe(const JsonValue &config, StringRef key,
                     StringRef errorWithDefault) {
  if (key == "rotary_pct" || key == "rotary_emb_base")
    return config.find(key == "rotary_pct" ? "partial_rotary_factor"
                                           : "rope_theta");
  return (key.ends_with("_token_id") || key == "begin_suppress_tokens") &&
         errorWithDefault.contains("expected an integer from 0 to ");
}

/// Without a key a configuration is what it is with the class's default, unless
/// the family requires the key.
static void expectDefault(const FamilyCase &each, const JsonValue &config,
                          StringRef key, const JsonValue &value) {
  auto absent = importCase(each, without(config, key));
  auto given = importCase(each, withPath(config, key, value));
  std::string which = each.name + " without \"" + key.str() + "\"";
  if (absent && given) {
    EXPECT_EQ(absent->warnings, given->warnings) << which;
    EXPECT_TRUE(absent->spec == given->spec)
        << which << " is not what it is with " << textOf(value);
    return;
  }
  bool differ = !absent != !given, worked = bool(absent);
  std::string text = errorText(std::move(absent));
  std::string other = errorText(std::move(given));
  if (StringRef(text).contains("\"" + key.str() + "\" is missing") ||
      (worked && cannotBe(config, key, other)))
    return;
  EXPECT_FALSE(differ) << which << ": " << text << "; with " << textOf(value)
                       << ": " << other;
}

/// Configurations of cases show this where a default goes with their sizes, one
/// of defaults alone where it goes with the others.
TEST_P(FamilyTables, AbsentKeysAreTheConfigurationClassesDefaults) {
  if (GetParam() == "torch_transformer")
    return; // has no configuration class
  std::map<std::string, JsonValue> defaults = classDefaults(GetParam());
  for (const FamilyCase &each : cases()) {
    JsonValue all = jsonOf("{}");
    for (const char *key : {"architectures", "model_type"})
      all = withKey(std::move(all), key, *each.config.find(key));
    for (const auto &[key, value] : defaults)
      all = withPath(std::move(all), key, value);
    for (const auto &[key, value] : defaults)
      for (const JsonValue &config : {each.config, all})
        expectDefault(each, config, key, value);
  }
}

static std::string
familyName(const ::testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  llvm::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyTables,
                         ::testing::ValuesIn(supportedFamilies()), familyName);
