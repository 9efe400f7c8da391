//===- ManifestTest.cpp - Manifests of artifacts and strangers' files -----===//

#include "compiler/Codegen/ManifestReader.h"
#include "compiler/Support/Files.h"
#include "tests/compiler/codegen/TinyModel.h"

#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace ashlar;
using namespace ashlar::tests;

static const std::string hostile =
    "{\"name\": \"*/ int x; /*\\n\\u001b]0;<script>\\\"?\?/\", \"\xc3\xa4\": "
    "1}";

static std::string manifestOrError(const std::string &path) {
  llvm::Expected<std::string> text = readManifest(path);
  if (!text)
    return "error: " + textOf(text.takeError());
  return *text;
}

namespace {
/// A file in memory: thousands on a disk would take long.
struct InMemory {
  explicit InMemory(const std::string &bytes)
      : descriptor(::memfd_create("manifest", MFD_CLOEXEC)),
        path("/proc/self/fd/" + std::to_string(descriptor.get())) {
    EXPECT_EQ(::write(descriptor.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  Descriptor descriptor;
  std::string path;
};
} // namespace

TEST(Manifest, EveryKindOfArtifact) {
  for (ArtifactKind kind :
       {ArtifactKind::SharedLibrary, ArtifactKind::Executable,
        ArtifactKind::Object, ArtifactKind::StaticLibrary}) {
    TemporaryFolder folder;
    TinyModel model;
    model.kind = kind;
    model.weightsInside = kind == ArtifactKind::SharedLibrary;
    model.plan.manifest = hostile;
    ASSERT_EQ(textOf(model.write(folder / "tiny")), "");
    EXPECT_EQ(manifestOrError(folder / "tiny"), hostile);
  }
}

TEST(Manifest, OtherFilesAreNoArtifacts) {
  TemporaryFolder folder;
  std::ofstream(folder / "empty");
  std::ofstream(folder / "text") << "{\"model_type\": \"bert\"}";
  for (std::string path :
       {folder / "empty", folder / "text", std::string("/proc/self/exe")})
    EXPECT_NE(manifestOrError(path).find("is no Ashlar artifact"),
              std::string::npos)
        << path;
  EXPECT_EQ(manifestOrError("/dev/zero").find("error: "), 0u);
  EXPECT_EQ(manifestOrError(folder / "absent").find("error: "), 0u);
}

// Catches: an unchecked offset. Each byte of the headers is damaged, and the
// file is cut at many places; nothing may crash, and no wrong text may come.
TEST(Manifest, DamagedFiles) {
  for (ArtifactKind kind :
       {ArtifactKind::SharedLibrary, ArtifactKind::StaticLibrary}) {
    TemporaryFolder folder;
    TinyModel model;
    model.kind = kind;
    model.weightsBytes = 0;
    ASSERT_EQ(textOf(model.write(folder / "good")), "");
    const std::string good = readFile(folder / "good");
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
      std::string bad = good;
      if (round % 4 == 0)
        bad.resize(random() % bad.size());
      for (int i = 0; i < 4 && !bad.empty(); ++i) {
        // Half of the damage hits the file's own header, half the tables.
        size_t at = i % 2 ? random() % std::min<size_t>(bad.size(), 200)
                          : bad.size() - 1 - random() % bad.size();
        bad[at] = static_cast<char>(random());
      }
      std::string text = manifestOrError(InMemory(bad).path);
      EXPECT_TRUE(text.find("error: ") == 0 || text.size() < good.size());
    }
  }
}
