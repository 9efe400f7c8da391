//===- CheckpointReaderTest.cpp - A checkpoint as a TensorReader ----------===//

#include "compiler/Weights/CheckpointReader.h"

#include <gtest/gtest.h>

using namespace ashlar;

static const char *const folder =
    ASHLAR_SOURCE_DIR "/tests/cases/hf/gpt2_small/model";

static std::string messageOf(llvm::Error error) {
  std::string text = llvm::toString(std::move(error));
  return text.substr(text.find("tensor \""));
}

TEST(CheckpointReader, findsTensorsByTheRules) {
  llvm::Expected<Checkpoint> checkpoint = Checkpoint::open(folder);
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  CheckpointRules rules;
  CheckpointReader reader(*checkpoint, rules);
  std::vector<float> direct(48), renamed(48);
  llvm::Error error = reader.read("transformer.h.1.ln_1.bias", {48}, 0, direct);
  ASSERT_FALSE(error) << llvm::toString(std::move(error));

  CheckpointRules aliased;
  aliased.suffixAliases = {{"norm.bias", "ln_1.bias"}};
  CheckpointReader other(*checkpoint, aliased);
  error = other.read("transformer.h.1.norm.bias", {48}, 0, renamed);
  ASSERT_FALSE(error) << llvm::toString(std::move(error));
  EXPECT_EQ(direct, renamed);
  EXPECT_EQ(other.usedTensors(),
            std::vector<std::string>{"transformer.h.1.ln_1.bias"});
}

TEST(CheckpointReader, refusesOtherShapes) {
  llvm::Expected<Checkpoint> checkpoint = Checkpoint::open(folder);
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  CheckpointRules rules;
  CheckpointReader reader(*checkpoint, rules);
  llvm::StringRef name = "transformer.wte.weight";
  EXPECT_EQ(messageOf(reader.read(name, {112, 48}, 0, {})),
            "tensor \"transformer.wte.weight\" has shape [113, 48]; expected "
            "[112, 48]\nthe weights must belong to the model's description");
  // Also when it was found before, and when the element count is the same.
  EXPECT_EQ(messageOf(reader.read(name, {48, 113}, 0, {})),
            "tensor \"transformer.wte.weight\" has shape [113, 48]; expected "
            "[48, 113]\nthe weights must belong to the model's description");
  llvm::Error error = reader.read(name, {113, 48}, 0, {});
  EXPECT_FALSE(error) << llvm::toString(std::move(error));
}

TEST(CheckpointReader, namesMissingTensors) {
  llvm::Expected<Checkpoint> checkpoint = Checkpoint::open(folder);
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  CheckpointRules rules;
  CheckpointReader reader(*checkpoint, rules);
  EXPECT_EQ(messageOf(reader.read("no.such", {1}, 0, {})),
            "tensor \"no.such\" is missing\nthe weights must belong to the "
            "model's description, its config.json or YAML file");
  EXPECT_EQ(reader.usedTensors(), std::vector<std::string>());
}

/// Marian stores its final bias as a row.
TEST(CheckpointReader, aVectorMayBeARow) {
  llvm::Expected<Checkpoint> checkpoint =
      Checkpoint::open(ASHLAR_SOURCE_DIR "/tests/cases/hf/marian/model");
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  CheckpointRules rules;
  CheckpointReader reader(*checkpoint, rules);
  std::vector<float> asRow(3), asVector(3);
  llvm::Error error = reader.read("final_logits_bias", {1, 113}, 7, asRow);
  ASSERT_FALSE(error) << llvm::toString(std::move(error));
  error = reader.read("final_logits_bias", {113}, 7, asVector);
  ASSERT_FALSE(error) << llvm::toString(std::move(error));
  EXPECT_EQ(asRow, asVector);
  EXPECT_EQ(messageOf(reader.read("final_logits_bias", {113, 1}, 0, {})),
            "tensor \"final_logits_bias\" has shape [1, 113]; expected "
            "[113, 1]\nthe weights must belong to the model's description");
}
