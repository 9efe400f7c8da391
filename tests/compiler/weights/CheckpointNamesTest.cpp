//===- CheckpointNamesTest.cpp - One tensor, several names ----------------===//

#include "compiler/Weights/Checkpoint.h"
#include "tests/compiler/support/ErrorText.h"
#include "tests/compiler/support/TemporaryFolder.h"
#include "tests/compiler/weights/SafetensorsFile.h"

#include <gtest/gtest.h>

using namespace ashlar;

static Checkpoint checkpointOf(const TemporaryFolder &folder,
                               const std::vector<std::string> &names) {
  SafetensorsBuilder builder;
  for (const std::string &name : names)
    builder.add(name, "F32", "[0]", "");
  return valueOf(
      Checkpoint::openFiles(folder.write("f.safetensors", builder.file())));
}

static CheckpointRules bertRules() {
  CheckpointRules rules;
  rules.optionalPrefixes = {"bert."};
  rules.suffixAliases = {{".LayerNorm.weight", ".LayerNorm.gamma"},
                         {".LayerNorm.bias", ".LayerNorm.beta"}};
  rules.ignorable = {"*.position_ids", "cls.seq_relationship.*"};
  return rules;
}

/// The name that `canonical` resolves to, or the error.
static std::string resolved(const std::vector<std::string> &names,
                            const std::string &canonical,
                            const CheckpointRules &rules) {
  TemporaryFolder folder;
  Checkpoint checkpoint = checkpointOf(folder, names);
  auto tensor = checkpoint.resolve(canonical, rules);
  if (tensor)
    return (*tensor)->name;
  std::string text = llvm::toString(tensor.takeError());
  return text.substr(checkpoint.name().size());
}

TEST(CheckpointNames, Resolves) {
  CheckpointRules rules = bertRules();
  EXPECT_EQ(resolved({"bert.x"}, "bert.x", rules), "bert.x");
  EXPECT_EQ(resolved({"x"}, "bert.x", rules), "x");
  EXPECT_EQ(resolved({"bert.x"}, "x", rules), "bert.x");
  EXPECT_EQ(
      resolved({"bert.e.LayerNorm.gamma"}, "bert.e.LayerNorm.weight", rules),
      "bert.e.LayerNorm.gamma");
  EXPECT_EQ(resolved({"e.LayerNorm.beta"}, "bert.e.LayerNorm.bias", rules),
            "e.LayerNorm.beta");
  EXPECT_EQ(resolved({"bert.e.LayerNorm.beta"}, "e.LayerNorm.bias", rules),
            "bert.e.LayerNorm.beta");
}

TEST(CheckpointNames, PrefersTheCanonicalName) {
  CheckpointRules rules = bertRules();
  EXPECT_EQ(resolved({"x", "bert.x", "bert.bert.x"}, "bert.x", rules),
            "bert.x");
  EXPECT_EQ(resolved({"e.LayerNorm.gamma", "e.LayerNorm.weight"},
                     "bert.e.LayerNorm.weight", rules),
            "e.LayerNorm.weight");
}

TEST(CheckpointNames, ExplainsWhatIsMissing) {
  EXPECT_EQ(resolved({"y"}, "a.LayerNorm.bias", bertRules()),
            ": tensor \"a.LayerNorm.bias\" is missing; nor is there "
            "\"bert.a.LayerNorm.bias\", \"a.LayerNorm.beta\", "
            "\"bert.a.LayerNorm.beta\"\nthe weights must belong to the "
            "model's description, its config.json or YAML file");
  EXPECT_EQ(resolved({}, "a\n", CheckpointRules()),
            ": tensor \"a\\n\" is missing\nthe weights must belong to the "
            "model's description, its config.json or YAML file");
  // No rule that is not given: an alias is a suffix, not any part.
  EXPECT_NE(resolved({"LayerNorm.gamma.x"}, "LayerNorm.weight.x", bertRules())
                .find("missing"),
            std::string::npos);
}

TEST(CheckpointNames, ListsUnused) {
  TemporaryFolder folder;
  Checkpoint checkpoint =
      checkpointOf(folder, {"z", "bert.a", "b", "bert.embeddings.position_ids",
                            "bert.cls.seq_relationship.weight",
                            "cls.seq_relationship.bias", "position_ids.x"});
  EXPECT_EQ(checkpoint.unusedTensors({"bert.a"}, bertRules()),
            (std::vector<std::string>{"b", "position_ids.x", "z"}));
  EXPECT_EQ(checkpoint.unusedTensors({"bert.a", "z", "b", "position_ids.x"},
                                     bertRules()),
            std::vector<std::string>());
  EXPECT_EQ(checkpoint.unusedTensors({}, CheckpointRules()).size(), 7u);
}

// Checkpoints of base models lack the prefix, which patterns may contain.
TEST(CheckpointNames, PatternsKnowPrefixes) {
  TemporaryFolder folder;
  CheckpointRules rules;
  rules.optionalPrefixes = {"transformer."};
  rules.ignorable = {"transformer.h.*.attn.bias"};
  Checkpoint checkpoint = checkpointOf(
      folder, {"h.0.attn.bias", "transformer.h.1.attn.bias", "h.0.mlp.bias"});
  EXPECT_EQ(checkpoint.unusedTensors({}, rules),
            std::vector<std::string>{"h.0.mlp.bias"});
}
