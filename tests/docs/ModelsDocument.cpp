//===- ModelsDocument.cpp - docs/models.md from the family tables ---------===//
//
// Prints what each family does with the keys of its config.json: what is read
// is what `build` asks for when it is given the configurations of the family's
// cases, and an empty one.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Families.h"
#include "compiler/Support/Files.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <set>

using namespace ashlar;
using namespace ashlar::hf;
using llvm::StringRef;

namespace {
struct Case {
  std::string name; // "hf/gpt2_small"
  JsonDocument config;
};
} // namespace

static std::string readText(const std::string &file) {
  llvm::Expected<InputFile> input = InputFile::open(file);
  if (!input)
    llvm::report_fatal_error(input.takeError());
  llvm::Expected<std::string> text = input->readAll(uint64_t(1) << 20);
  if (!text)
    llvm::report_fatal_error(text.takeError());
  return std::move(*text);
}

static JsonDocument parse(const std::string &text, StringRef file) {
  llvm::Expected<JsonDocument> document = parseJson(text, file, JsonLimits());
  if (!document)
    llvm::report_fatal_error(document.takeError());
  return std::move(*document);
}

/// Cases with a config.json under tests/cases, by model type.
static std::map<std::string, std::vector<Case>> findCases(StringRef root) {
  std::set<std::string> names;
  for (const char *kind : {"hf", "equations"}) {
    std::string folder = (root + "/tests/cases/" + kind).str();
    std::error_code error;
    for (llvm::sys::fs::directory_iterator at(folder, error), end;
         at != end && !error; at.increment(error))
      if (llvm::sys::fs::exists(at->path() + "/model/config.json"))
        names.insert(kind + at->path().substr(folder.size()));
  }
  std::map<std::string, std::vector<Case>> cases;
  for (const std::string &name : names) {
    std::string file = (root + "/tests/cases/" + name).str();
    file += "/model/config.json";
    JsonDocument config = parse(readText(file), file);
    const JsonValue *type = config.root.find("model_type");
    if (type && type->isString())
      cases[type->text].push_back({name, std::move(config)});
  }
  return cases;
}

static void addAsked(const Family &family, const JsonDocument &document,
                     std::set<std::string> &asked) {
  for (StringRef tower : {"text", "vision"}) {
    ConfigReader config(document, document.root);
    ModelSpec spec;
    std::vector<std::string> warnings;
    if (family.buildTower)
      family.buildTower(config, spec, warnings, tower);
    else
      family.build(config, spec, warnings);
    for (std::string &key : config.askedKeys())
      asked.insert(std::move(key));
    llvm::consumeError(config.takeError());
  }
}

template <typename Keys>
static void printKeys(const char *title, const Keys &keys) {
  if (keys.begin() == keys.end())
    return;
  llvm::outs() << "- " << title << ": ";
  llvm::interleaveComma(keys, llvm::outs(), [](const auto &key) {
    llvm::outs() << '`' << key << '`';
  });
  llvm::outs() << '\n';
}

static void printFixed(llvm::ArrayRef<FixedKey> keys) {
  std::vector<std::string> texts;
  for (const FixedKey &key : keys)
    texts.push_back(std::string(key.key) + ": " + key.value);
  printKeys("with one value only", texts);
}

static void print(const Family &family, const std::vector<Case> &cases) {
  std::set<std::string> asked;
  addAsked(family, parse("{}", "config.json"), asked);
  std::vector<std::string> names;
  for (const Case &each : cases) {
    addAsked(family, each.config, asked);
    names.push_back(each.name);
  }
  llvm::outs() << "\n## " << family.modelType << "\n\n";
  if (family.buildTower)
    llvm::outs() << "- two models in one folder, of which `--tower` chooses: "
                    "keys in `text_config` are\n  those of `"
                 << family.modelType
                 << "_text_model`, keys in `vision_config` those of `"
                 << family.modelType << "_vision_model`\n";
  printKeys("read", asked);
  printFixed(family.fixedKeys);
  // Keys that have an effect with some of the architectures only are in both.
  std::set<std::string> without;
  for (auto keys : {family.keysWithoutEffect, family.sharedKeysWithoutEffect})
    for (const char *key : keys)
      if (!asked.count(key))
        without.insert(key);
  printKeys("without effect", without);
  printKeys("checked by", names);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: models-document SOURCE_FOLDER\n";
    return 2;
  }
  std::map<std::string, std::vector<Case>> cases = findCases(argv[1]);
  llvm::outs()
      << "# Families\n\n"
         "What `ashlar` does with the keys of `config.json`, by `model_type`. "
         "A key is read; or it\nmust have the value given here (or be absent, "
         "or null): another one changes the mathematics and\nis an error that "
         "names it; or it has no effect on results. A key that is in none of "
         "the lists is\nreported and left aside. Cases are models with stored "
         "float64 outputs under\n[tests/cases](../tests/cases).\n\n"
         "This file is printed by `tests/docs/ModelsDocument.cpp` from the "
         "tables in `compiler/Import/hf`.\n\n## All families\n\n";
  printFixed(commonFixedKeys());
  printKeys("without effect", commonKeysWithoutEffect());
  for (const Family *family : families())
    print(*family, cases[family->modelType.str()]);
  return 0;
}
