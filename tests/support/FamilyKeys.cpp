//===- FamilyKeys.cpp - The keys of configurations, by family -------------===//

#include "tests/support/FamilyKeys.h"

#include "compiler/Support/Files.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

using namespace ashlar;
using namespace ashlar::hf;
using namespace ashlar::testing;
using llvm::StringRef;

template <typename T> static T valueOf(llvm::Expected<T> result) {
  if (!result)
    llvm::report_fatal_error(result.takeError());
  return std::move(*result);
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

JsonValue testing::jsonOf(StringRef text) {
  return valueOf(parseJson(text, "config.json")).root;
}

std::string testing::textOf(const JsonValue &value) {
  std::string text;
  auto separate = [&](size_t i) { text += i ? ", " : ""; };
  switch (value.kind) {
  case JsonValue::Kind::Null:
    return "null";
  case JsonValue::Kind::Boolean:
    return value.boolean ? "true" : "false";
  case JsonValue::Kind::Number:
    return value.text;
  case JsonValue::Kind::String:
    return "\"" + escapeJson(value.text) + "\"";
  case JsonValue::Kind::Array:
    for (const JsonValue &element : value.elements) {
      separate(text.size());
      text += textOf(element);
    }
    return "[" + text + "]";
  case JsonValue::Kind::Object:
    for (const JsonValue::Member &member : value.members) {
      separate(text.size());
      text += "\"" + escapeJson(member.key) + "\": " + textOf(member.value);
    }
    return "{" + text + "}";
  }
  llvm_unreachable("unknown kind of JSON value");
}

JsonValue testing::withKey(JsonValue object, StringRef key,
                           const JsonValue &value) {
  if (!object.isObject())
    object = jsonOf("{}");
  for (JsonValue::Member &member : object.members)
    if (member.key == key) {
      member.value = value;
      return object;
    }
  object.members.push_back({key.str(), {}, value});
  return object;
}

JsonValue testing::withPath(JsonValue object, StringRef path,
                            const JsonValue &value) {
  auto [key, rest] = path.split('.');
  if (rest.empty())
    return withKey(std::move(object), key, value);
  const JsonValue *inner = object.find(key);
  JsonValue changed = withPath(inner ? *inner : JsonValue(), rest, value);
  return withKey(std::move(object), key, changed);
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

static JsonValue readFile(const std::string &file) {
  return jsonOf(
      valueOf(valueOf(InputFile::open(file)).readAll(uint64_t(1) << 20)));
}

/// Folders of cases that have a config.json, "hf/gpt2_small".
static std::set<std::string> caseFolders(StringRef root) {
  std::set<std::string> names;
  for (const char *kind : {"hf", "equations"}) {
    std::string folder = (root + "/tests/cases/" + kind).str();
    std::error_code error;
    for (llvm::sys::fs::directory_iterator at(folder, error), end;
         at != end && !error; at.increment(error))
      if (llvm::sys::fs::exists(at->path() + "/model/config.json"))
        names.insert(kind + at->path().substr(folder.size()));
  }
  return names;
}

/// The part of `config` that is the tower's, as a configuration of its own.
static JsonValue towerConfig(const JsonValue &config, StringRef tower,
                             StringRef modelType) {
  const JsonValue *part = config.find((tower + "_config").str());
  JsonValue result = part ? *part : jsonOf("{}");
  const Family *family = findFamily(modelType);
  result = withKey(std::move(result), "architectures",
                   jsonOf("[\"" + architecturesOf(*family).front() + "\"]"));
  return withKey(std::move(result), "model_type",
                 jsonOf("\"" + modelType.str() + "\""));
}

std::map<std::string, std::vector<FamilyCase>>
testing::familyCases(StringRef root) {
  std::map<std::string, std::vector<FamilyCase>> cases;
  for (const std::string &name : caseFolders(root)) {
    std::string folder = (root + "/tests/cases/" + name).str();
    FamilyCase each = {name, "", readFile(folder + "/model/config.json")};
    JsonValue description = readFile(folder + "/case.json");
    if (const JsonValue *tower = description.find("tower"))
      each.tower = tower->text;
    std::string type = each.config.find("model_type")->text;
    std::string ofTower = type + "_" + each.tower + "_model";
    if (!each.tower.empty() && findFamily(ofTower))
      cases[ofTower].push_back(
          {name, "", towerConfig(each.config, each.tower, ofTower)});
    cases[type].push_back(std::move(each));
  }
  return cases;
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

/// Lets the family read `config`; the error, if any.
static std::string read(const Family &family, const JsonValue &config,
                        StringRef tower, std::set<std::string> *asked) {
  JsonDocument document = {"config.json", config};
  ConfigReader reader(document, document.root);
  ModelSpec spec;
  std::vector<std::string> warnings;
  if (family.buildTower)
    family.buildTower(reader, spec, warnings, tower);
  else
    family.build(reader, spec, warnings);
  if (asked)
    for (std::string &key : reader.askedKeys())
      asked->insert(std::move(key));
  return llvm::toString(reader.takeError());
}

std::vector<std::string> testing::architecturesOf(const Family &family) {
  // The message for an unknown one names them.
  JsonValue config = jsonOf("{\"architectures\": [\"?\"]}");
  std::string error = read(family, config, "vision", /*asked=*/nullptr);
  StringRef names =
      StringRef(error).split("\"?\"; supported: ").second.split('\n').first;
  std::vector<std::string> result;
  for (StringRef name : llvm::split(names, ", "))
    if (!name.empty())
      result.push_back(name.str());
  return result;
}

std::set<std::string> testing::keysAskedOf(const Family &family,
                                           const JsonValue &config,
                                           StringRef tower) {
  std::set<std::string> asked;
  read(family, config, tower, &asked);
  return asked;
}

std::set<std::string>
testing::keysAskedOfAny(const Family &family,
                        const std::vector<FamilyCase> &cases) {
  std::vector<std::pair<JsonValue, std::string>> configs;
  for (const char *tower : {"text", "vision"})
    configs.push_back({jsonOf("{}"), tower});
  for (const FamilyCase &each : cases)
    configs.push_back({each.config, each.tower});
  size_t given = configs.size();
  for (const std::string &name : architecturesOf(family))
    for (size_t i = 0; i < given; ++i)
      configs.push_back({withKey(configs[i].first, "architectures",
                                 jsonOf("[\"" + name + "\"]")),
                         configs[i].second});
  std::set<std::string> asked;
  for (const auto &[config, tower] : configs) {
    std::set<std::string> here = keysAskedOf(family, config, tower);
    asked.insert(here.begin(), here.end());
    for (const std::string &key : here)
      for (const char *flag : {"true", "false"})
        read(family, withPath(config, key, jsonOf(flag)), tower, &asked);
  }
  return asked;
}
