//===- ModelsDocument.cpp - docs/models.md from the family tables ---------===//
//
// Prints what each family does with the keys of its config.json: what is read
// is what `build` asks for when it is given the configurations of the family's
// cases, an empty one, and variants of these.
//
//===----------------------------------------------------------------------===//

#include "compiler/Import/hf/Decoder.h"
#include "tests/support/FamilyKeys.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::hf;
using namespace ashlar::testing;
using llvm::StringRef;

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

static void printForeign() {
  std::vector<std::string> texts;
  for (const ForeignKey &key : foreignKeys())
    texts.push_back(std::string(key.key) + ": " + key.value);
  printKeys("with one value only where a family does not read them", texts);
}

//===----------------------------------------------------------------------===//
// Rotary positions
//===----------------------------------------------------------------------===//

/// Reads rope_scaling of `kind`; the error.
static std::string readKind(StringRef kind, std::set<std::string> &asked) {
  JsonDocument document = {"", jsonOf("{\"rope_scaling\": {\"rope_type\": \"" +
                                      kind.str() + "\", \"factor\": 2}}")};
  ConfigReader config(document, document.root);
  readRotary(config, /*headDim=*/8, /*defaultTheta=*/1e4, /*defaultPart=*/1.0);
  for (std::string &key : config.askedKeys())
    asked.insert(std::move(key));
  return llvm::toString(config.takeError());
}

/// Names of kinds, of the message for one that is none.
static std::vector<std::string> scalingKinds() {
  std::set<std::string> asked;
  std::string error = readKind("?", asked);
  std::vector<std::string> kinds;
  for (StringRef kind :
       llvm::split(StringRef(error).split("supported: ").second, ", "))
    kinds.push_back(kind.str());
  return kinds;
}

static void printRotary() {
  llvm::outs()
      << "\n## Rotary positions\n\n"
         "Families that read `rope_scaling`, or `rope_parameters` of newer "
         "files, read these keys in it. Theta and\nthe part of a head that "
         "turns may stand there or outside; keys outside that a kind needs are "
         "in the\nlists, too. With `yarn` the original length is that of "
         "`rope_scaling` where it says one, as in newer\nversions; "
         "transformers 4.47 takes `max_position_embeddings`.\n\n";
  std::set<std::string> always;
  readKind("default", always);
  auto print = [](const std::string &title, std::set<std::string> keys) {
    std::set<std::string> names;
    for (const std::string &key : keys)
      names.insert(key.substr(key.rfind('.') + 1));
    for (const char *object : {"rope_parameters", "rope_scaling"})
      names.erase(object);
    printKeys(title.c_str(), names);
  };
  print("always", always);
  for (const std::string &kind : scalingKinds()) {
    std::set<std::string> asked, own;
    readKind(kind, asked);
    std::set_difference(asked.begin(), asked.end(), always.begin(),
                        always.end(), std::inserter(own, own.end()));
    print("`" + kind + "`", own);
  }
}

//===----------------------------------------------------------------------===//
// Families
//===----------------------------------------------------------------------===//

/// Keys of these objects are described elsewhere.
static bool isDescribedElsewhere(StringRef key) {
  return key == "architectures" ||
         llvm::any_of(
             std::initializer_list<StringRef>{
                 "rope_parameters.", "rope_scaling.", "text_config.",
                 "text_config_dict.", "vision_config.", "vision_config_dict."},
             [&](StringRef object) { return key.starts_with(object); });
}

static void print(const Family &family, const std::vector<FamilyCase> &cases) {
  std::set<std::string> asked;
  for (const std::string &key : keysAskedOfAny(family, cases))
    if (!isDescribedElsewhere(key))
      asked.insert(key);
  std::vector<std::string> names;
  for (const FamilyCase &each : cases)
    names.push_back(each.name);
  llvm::outs() << "\n## " << family.modelType << "\n\n";
  if (family.buildTower)
    llvm::outs() << "- two models in one folder, of which `--tower` chooses: "
                    "keys in `text_config` are\n  those of `"
                 << family.modelType
                 << "_text_model`, keys in `vision_config` those of `"
                 << family.modelType << "_vision_model`\n";
  printKeys("architectures", architecturesOf(family));
  printKeys("read", asked);
  printFixed(family.fixedKeys);
  // Keys that have an effect with some of the architectures only are in both.
  std::set<std::string> without;
  for (auto keys : {family.keysWithoutEffect, family.sharedKeysWithoutEffect})
    for (const char *key : keys)
      if (!asked.count(key))
        without.insert(key);
  printKeys("without effect", without);
  if (!family.note.empty())
    llvm::outs() << "- " << family.note << '\n';
  printKeys("checked by", names);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: models-document SOURCE_FOLDER\n";
    return 2;
  }
  std::map<std::string, std::vector<FamilyCase>> cases = familyCases(argv[1]);
  llvm::outs()
      << "# Families\n\n"
         "What `ashlar` does with the keys of `config.json`, by `model_type`. "
         "A key is read; or it\nmust have the value given here (or be absent, "
         "or null; of a list, each element): another one\nchanges the "
         "mathematics and is an error that names it; or it has no effect on "
         "results. A key that is\nin none of the lists is reported and left "
         "aside. Cases are models with stored float64 outputs "
         "under\n[tests/cases](../tests/cases).\n\n"
         "This file is printed by `tests/docs/ModelsDocument.cpp` from the "
         "tables in `compiler/Import/hf`.\n\n## All families\n\n";
  printFixed(commonFixedKeys());
  printForeign();
  printKeys("without effect where a family does not read them",
            commonKeysWithoutEffect());
  printRotary();
  for (const Family *family : families())
    print(*family, cases[family->modelType.str()]);
  return 0;
}
