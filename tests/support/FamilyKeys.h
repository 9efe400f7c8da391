//===- FamilyKeys.h - The keys of configurations, by family ----*- C++ -*-===//
//
// What a family's importer asks a configuration for, seen by letting it read
// the committed cases and variants of them. docs/models.md is written from it,
// and tests walk it.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TESTS_SUPPORT_FAMILYKEYS_H
#define ASHLAR_TESTS_SUPPORT_FAMILYKEYS_H

#include "compiler/Import/hf/Families.h"
#include "compiler/Support/Json.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace ashlar::testing {

struct FamilyCase {
  std::string name;  // "hf/gpt2_small"
  std::string tower; // of a folder with several models
  JsonValue config;
};

/// The cases with a config.json below tests/cases of the folder `root`, by
/// model type. A case of one of several towers is one of that tower's family,
/// too, if that has a name.
std::map<std::string, std::vector<FamilyCase>>
familyCases(llvm::StringRef root);

/// Names in `architectures` that the family knows.
std::vector<std::string> architecturesOf(const hf::Family &family);

/// Keys that the family asks `config` for; of nested objects "outer.inner".
std::set<std::string> keysAskedOf(const hf::Family &family,
                                  const JsonValue &config,
                                  llvm::StringRef tower);

/// Keys that it asks any configuration for: those of `cases`, none, others of
/// its architectures, and each of them with other flags.
std::set<std::string> keysAskedOfAny(const hf::Family &family,
                                     const std::vector<FamilyCase> &cases);

/// The parsed `text`, which must be valid.
JsonValue jsonOf(llvm::StringRef text);
std::string textOf(const JsonValue &value);
/// `object` with `value` under `key`.
JsonValue withKey(JsonValue object, llvm::StringRef key,
                  const JsonValue &value);
/// The same for "outer.inner"; objects on the way are made.
JsonValue withPath(JsonValue object, llvm::StringRef path,
                   const JsonValue &value);

} // namespace ashlar::testing

#endif // ASHLAR_TESTS_SUPPORT_FAMILYKEYS_H
