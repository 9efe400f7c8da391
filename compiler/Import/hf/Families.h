//===- Families.h - The model families that can be imported ----*- C++ -*-===//
//
// One table. A family is a small file of its own that maps the keys of its
// config.json and the names of its tensors to a ModelSpec; its keys are either
// read by `build`, required to have their default, or known to be without
// effect. Anything else is reported: as an error where it is known to change
// the mathematics of other families, else as a warning.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_HF_FAMILIES_H
#define ASHLAR_COMPILER_IMPORT_HF_FAMILIES_H

#include "compiler/Import/ConfigReader.h"
#include "compiler/Import/Generation.h"
#include "compiler/Spec/ModelSpec.h"

#include "llvm/ADT/ArrayRef.h"

namespace ashlar::hf {

/// A key that changes the mathematics and is supported with one value only,
/// written as JSON. null and absence mean the same as that value.
struct FixedKey {
  const char *key;
  const char *value;
};

/// A key of some families that changes their mathematics. Where a family does
/// not read it, it must have the value that means nothing: in an array each
/// element.
struct ForeignKey {
  const char *key;
  const char *value;
  /// With this key beside it being false it means nothing, either.
  const char *unlessFalse = nullptr;
};

struct Family {
  llvm::StringRef modelType;
  llvm::ArrayRef<FixedKey> fixedKeys = {};
  /// Training, numerics of other programs, or settings of tasks that no
  /// supported architecture of the family has.
  llvm::ArrayRef<const char *> keysWithoutEffect = {};
  /// Fills everything but ModelSpec::family and generation.
  void (*build)(ConfigReader &config, ModelSpec &spec,
                std::vector<std::string> &warnings) = nullptr;
  /// More of them: those that it shares with its kin.
  llvm::ArrayRef<const char *> sharedKeysWithoutEffect = {};
  /// Instead of `build`, of a family whose folders hold several models: `tower`
  /// names the one that is asked for, or is empty.
  void (*buildTower)(ConfigReader &config, ModelSpec &spec,
                     std::vector<std::string> &warnings,
                     llvm::StringRef tower) = nullptr;
  /// For docs/models.md: where the family differs from transformers on purpose.
  llvm::StringRef note = "";
  /// Token ids that the configuration class has where a config.json does not
  /// name them; of a family with a decoder.
  DefaultTokens defaultTokens = {};
};

const Family &albert();
const Family &bart();
const Family &bert();
const Family &bigBird();
const Family &bloom();
const Family &clip();
const Family &clipText();
const Family &clipVision();
const Family &cohere();
const Family &deit();
const Family &dinov2();
const Family &distilbert();
const Family &electra();
const Family &falcon();
const Family &gemma();
const Family &gemma2();
const Family &gpt2();
const Family &gptNeox();
const Family &gptj();
const Family &llama();
const Family &longformer();
const Family &m2m100();
const Family &marian();
const Family &mbart();
const Family &mistral();
const Family &mixtral();
const Family &modernbert();
const Family &mpnet();
const Family &mpt();
const Family &mt5();
const Family &olmo();
const Family &olmo2();
const Family &opt();
const Family &pegasus();
const Family &phi();
const Family &phi3();
const Family &qwen2();
const Family &qwen3();
const Family &roberta();
const Family &siglip();
const Family &siglipText();
const Family &siglipVision();
const Family &stablelm();
const Family &starcoder2();
const Family &t5();
const Family &torchTransformer();
const Family &umt5();
const Family &vit();
const Family &whisper();
const Family &xlmRoberta();

/// All of them, by model type.
llvm::ArrayRef<const Family *> families();
/// Null when there is none.
const Family *findFamily(llvm::StringRef modelType);
/// "bart, bert, ..." for messages.
std::string familyNames();

/// Keys of every configuration, whatever the family.
llvm::ArrayRef<FixedKey> commonFixedKeys();
llvm::ArrayRef<const char *> commonKeysWithoutEffect();
llvm::ArrayRef<ForeignKey> foreignKeys();

/// Checks the keys of `fixed` and of every configuration, and marks those
/// without effect as read.
void checkKeys(ConfigReader &config, llvm::ArrayRef<FixedKey> fixed,
               llvm::ArrayRef<const char *> withoutEffect);

} // namespace ashlar::hf

#endif // ASHLAR_COMPILER_IMPORT_HF_FAMILIES_H
