//===- CheckpointReadTest.cpp - Values of tensors -------------------------===//

#include "compiler/Weights/Checkpoint.h"
#include "compiler/Weights/HalfFloat.h"
#include "tests/compiler/support/ErrorText.h"
#include "tests/compiler/support/TemporaryFolder.h"
#include "tests/compiler/weights/SafetensorsFile.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

using namespace ashlar;

static Checkpoint openBytes(const TemporaryFolder &folder,
                            const std::string &bytes) {
  return valueOf(Checkpoint::openFiles(folder.write("f.safetensors", bytes)));
}

static std::vector<float> readAll(const Checkpoint &checkpoint,
                                  llvm::StringRef name) {
  const TensorInfo &tensor = *checkpoint.find(name);
  std::vector<float> values(tensor.elementCount(), -1.0f);
  EXPECT_EQ(errorText(checkpoint.readElements(tensor, 0, values)), "");
  return values;
}

/// Every 16-bit pattern, more than one piece of the reader's buffer.
static std::vector<uint16_t> allPatterns() {
  std::vector<uint16_t> bits(70000);
  for (size_t i = 0; i < bits.size(); ++i)
    bits[i] = static_cast<uint16_t>(i);
  return bits;
}

/// As bits, so that NaN and signed zeros count.
static std::vector<uint32_t> bitsOf(const std::vector<float> &values) {
  std::vector<uint32_t> bits(values.size());
  std::memcpy(bits.data(), values.data(), 4 * values.size());
  return bits;
}

// One byte before the others: nothing that follows is aligned.
TEST(CheckpointRead, WidensUnalignedData) {
  TemporaryFolder folder;
  std::vector<uint16_t> bits = allPatterns();
  std::vector<float> floats, halves, bfloats;
  for (uint16_t pattern : bits) {
    floats.push_back(std::bit_cast<float>(uint32_t(pattern) * 65537u));
    halves.push_back(halfToFloat(pattern));
    bfloats.push_back(bfloatToFloat(pattern));
  }
  SafetensorsBuilder builder;
  builder.add("odd", "U8", "[1]", "x")
      .add("f32", "F32", "[70000]", bytesOf(floats))
      .add("f16", "F16", "[7,10000]", bytesOf(bits))
      .add("bf16", "BF16", "[70000,1]", bytesOf(bits));
  for (const char *padding : {"", " ", "  ", "   "}) {
    Checkpoint checkpoint = openBytes(folder, builder.file(padding));
    EXPECT_EQ(bitsOf(readAll(checkpoint, "f32")), bitsOf(floats));
    EXPECT_EQ(bitsOf(readAll(checkpoint, "f16")), bitsOf(halves));
    EXPECT_EQ(bitsOf(readAll(checkpoint, "bf16")), bitsOf(bfloats));
  }
}

TEST(CheckpointRead, PartsOfTensors) {
  TemporaryFolder folder;
  std::vector<float> values(24);
  for (int i = 0; i < 24; ++i)
    values[i] = i + 0.5f;
  std::vector<uint16_t> narrow;
  for (float value : values)
    narrow.push_back(floatToBfloat(value));
  SafetensorsBuilder builder;
  builder.add("m", "F32", "[4,3,2]", bytesOf(values))
      .add("n", "BF16", "[4,3,2]", bytesOf(narrow))
      .add("v", "F32", "[24]", bytesOf(values))
      .add("s", "F32", "[]", bytesOf<float>({42}));
  Checkpoint checkpoint = openBytes(folder, builder.file());
  for (const char *name : {"m", "n"}) {
    std::vector<float> rows(12);
    EXPECT_EQ(
        errorText(checkpoint.readRows(*checkpoint.find(name), 1, 2, rows)), "");
    EXPECT_EQ(rows,
              std::vector<float>(values.begin() + 6, values.begin() + 18));
    std::vector<float> elements(5);
    EXPECT_EQ(
        errorText(checkpoint.readElements(*checkpoint.find(name), 7, elements)),
        "");
    EXPECT_EQ(elements,
              std::vector<float>(values.begin() + 7, values.begin() + 12));
  }
  std::vector<float> two(2);
  EXPECT_EQ(errorText(checkpoint.readRows(*checkpoint.find("v"), 22, 2, two)),
            "");
  EXPECT_EQ(two, (std::vector<float>{22.5f, 23.5f}));
  float scalar = 0;
  EXPECT_EQ(errorText(checkpoint.readRows(*checkpoint.find("s"), 0, 1, scalar)),
            "");
  EXPECT_EQ(scalar, 42);
  char bytes[4];
  EXPECT_EQ(errorText(checkpoint.readBytes(*checkpoint.find("v"), 4, bytes)),
            "");
  EXPECT_EQ(std::string(bytes, 4), bytesOf<float>({1.5f}));
}

TEST(CheckpointRead, EmptyTensors) {
  TemporaryFolder folder;
  SafetensorsBuilder builder;
  builder.add("a", "F32", "[0]", "").add("b", "F16", "[3,0]", "");
  Checkpoint checkpoint = openBytes(folder, builder.file());
  EXPECT_EQ(readAll(checkpoint, "a"), std::vector<float>());
  EXPECT_EQ(readAll(checkpoint, "b"), std::vector<float>());
  EXPECT_EQ(errorText(checkpoint.readRows(*checkpoint.find("b"), 1, 2, {})),
            "");
}

TEST(CheckpointRead, RefusesOtherTypes) {
  TemporaryFolder folder;
  // The builder writes names as they are: this one is escaped JSON.
  std::string bytes = SafetensorsBuilder()
                          .add("i\\n", "I64", "[1]", "12345678")
                          .add("d", "F64", "[1]", "12345678")
                          .add("e", "F8_E4M3", "[1]", "1")
                          .file();
  Checkpoint checkpoint = openBytes(folder, bytes);
  float value;
  EXPECT_EQ(
      errorText(checkpoint.readElements(*checkpoint.find("i\n"), 0, value)),
      folder.file("f.safetensors") +
          ": tensor \"i\\n\" is I64; weights may be F32, F16 or BF16\n"
          "convert the checkpoint to one of these");
  for (const char *name : {"d", "e"})
    EXPECT_NE(
        errorText(checkpoint.readElements(*checkpoint.find(name), 0, value)),
        "");
}

// The file shrinks after it was opened: what is still there is read as it
// was, what is not is an error, and the change never goes unnoticed.
TEST(CheckpointRead, HundredTruncationsAfterOpening) {
  TemporaryFolder folder;
  std::mt19937 random(1);
  SafetensorsBuilder builder;
  std::vector<uint16_t> bits = allPatterns();
  for (int i = 0; i < 5; ++i)
    builder.add("t" + std::to_string(i), "BF16", "[70000]", bytesOf(bits));
  std::string bytes = builder.file();
  unsigned failures = 0;
  for (int round = 0; round < 100; ++round) {
    Checkpoint checkpoint = openBytes(folder, bytes);
    size_t size =
        std::uniform_int_distribution<size_t>(0, bytes.size() - 1)(random);
    std::filesystem::resize_file(folder.file("f.safetensors"), size);
    for (const TensorInfo &tensor : checkpoint.tensors()) {
      std::vector<float> values(70000);
      std::string text = errorText(checkpoint.readElements(tensor, 0, values));
      EXPECT_EQ(text.empty(), tensor.offset + tensor.bytes <= size);
      failures += !text.empty();
      if (text.empty()) {
        EXPECT_EQ(values[0x4000], bfloatToFloat(0x4000));
      } else {
        EXPECT_NE(text.find("truncated"), std::string::npos);
      }
    }
    EXPECT_NE(errorText(checkpoint.checkUnchanged()), "");
  }
  EXPECT_GT(failures, 100u);
}

TEST(CheckpointRead, NoticesRewriting) {
  TemporaryFolder folder;
  std::string bytes =
      SafetensorsBuilder().add("a", "F32", "[1]", "1234").file();
  Checkpoint checkpoint = openBytes(folder, bytes);
  EXPECT_EQ(errorText(checkpoint.checkUnchanged()), "");
  std::string path = folder.file("f.safetensors");
  std::filesystem::last_write_time(
      path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  EXPECT_NE(errorText(checkpoint.checkUnchanged()), "");
}

// A moved checkpoint keeps its tensors where they are.
TEST(CheckpointRead, PointersSurviveMoves) {
  TemporaryFolder folder;
  Checkpoint first = openBytes(
      folder,
      SafetensorsBuilder().add("a", "F32", "[1]", bytesOf<float>({5})).file());
  const TensorInfo *tensor = first.find("a");
  Checkpoint second = std::move(first);
  EXPECT_EQ(second.find("a"), tensor);
  float value = 0;
  EXPECT_EQ(errorText(second.readElements(*tensor, 0, value)), "");
  EXPECT_EQ(value, 5);
}
