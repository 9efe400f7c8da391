//===- ImageReaderTest.cpp - Bytes of an artifact's weights --------------===//

#include "compiler/Codegen/ImageReader.h"
#include "runtime/abi.h"
#include "tests/compiler/codegen/TinyModel.h"

#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <random>

using namespace ashlar;
using namespace ashlar::tests;

namespace {
struct ImageReaderTest : ::testing::Test {
  ImageDescription describe() const {
    return {model.weightsInside, model.plan.plan.build_id, model.weightsBytes};
  }
  /// The first number behind the header, or what is wrong.
  std::string firstWeight(const std::string &path,
                          const ImageDescription &image) {
    float weight = 0;
    llvm::Error error =
        readImage(path, image, sizeof(ashlar_weights_header),
                  {reinterpret_cast<char *>(&weight), sizeof(weight)});
    return error ? textOf(std::move(error)) : std::to_string(weight);
  }

  TemporaryFolder folder;
  TinyModel model;
};
} // namespace

TEST_F(ImageReaderTest, EveryKindOfArtifact) {
  for (ArtifactKind kind :
       {ArtifactKind::SharedLibrary, ArtifactKind::Executable,
        ArtifactKind::Object, ArtifactKind::StaticLibrary})
    for (bool inside : {true, false}) {
      model.kind = kind;
      model.weightsInside = inside;
      if (inside && kind != ArtifactKind::SharedLibrary &&
          kind != ArtifactKind::Executable)
        continue;
      ASSERT_EQ(textOf(model.write(folder / "tiny")), "");
      EXPECT_EQ(firstWeight(folder / "tiny", describe()), "41.000000");
    }
}

TEST_F(ImageReaderTest, OnlyWhatBelongsTogether) {
  ASSERT_EQ(textOf(model.write(folder / "tiny")), "");
  ImageDescription image = describe();
  image.buildId ^= 1;
  EXPECT_NE(firstWeight(folder / "tiny", image).find("has no weights"),
            std::string::npos);
  image = describe();
  image.bytes += 64;
  EXPECT_NE(firstWeight(folder / "tiny", image).find("has no weights"),
            std::string::npos);
  image = describe();
  image.bytes = sizeof(ashlar_weights_header) + 3;
  EXPECT_NE(firstWeight(folder / "tiny", image).find("is damaged"),
            std::string::npos);

  model.weightsInside = false;
  ASSERT_EQ(textOf(model.write(folder / "tiny")), "");
  image = describe();
  image.buildId ^= 1;
  EXPECT_NE(firstWeight(folder / "tiny", image).find("another compilation"),
            std::string::npos);
  std::filesystem::remove(externalWeightsPath(folder / "tiny"));
  EXPECT_NE(firstWeight(folder / "tiny", describe()).find("cannot be opened"),
            std::string::npos);
}

// Catches: an unchecked offset of a stranger's file.
TEST_F(ImageReaderTest, DamagedFiles) {
  ASSERT_EQ(textOf(model.write(folder / "good")), "");
  const std::string good = readFile(folder / "good");
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::string bad = good;
    if (round % 4 == 0)
      bad.resize(random() % bad.size());
    // The file's header, and the program headers behind it.
    for (int i = 0; i < 4 && !bad.empty(); ++i)
      bad[random() % std::min<size_t>(bad.size(), 600)] =
          static_cast<char>(random());
    std::ofstream(folder / "bad", std::ios::binary | std::ios::trunc) << bad;
    std::string found = firstWeight(folder / "bad", describe());
    EXPECT_TRUE(found == "41.000000" ||
                found.find(folder / "bad") != std::string::npos)
        << found;
  }
}
