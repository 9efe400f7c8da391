//===- ElfRulesTest.cpp - What every linked artifact must be (S12) --------===//

#include "compiler/Codegen/Names.h"
#include "tests/compiler/codegen/TinyModel.h"

#include "llvm/ADT/StringExtras.h"

#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <set>

using namespace ashlar;
using namespace ashlar::tests;

static std::string readelf(const std::string &options,
                           const std::string &path) {
  return shell(std::string(ASHLAR_LLVM_READELF) + " " + options + " " + path);
}

/// All matches of the first group of `pattern` in `text`.
static std::set<std::string> allMatches(const std::string &text,
                                        const std::string &pattern) {
  std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end;
       ++it)
    found.insert((*it)[1]);
  return found;
}

namespace {
class ElfRules : public testing::TestWithParam<ArtifactKind> {
protected:
  // One artifact of each kind serves all rules.
  void SetUp() override {
    static TemporaryFolder folder;
    bool shared = GetParam() == ArtifactKind::SharedLibrary;
    directory = folder.get().string();
    path = folder / (shared ? "tiny.elf" : "tiny.exe");
    if (std::filesystem::exists(path))
      return;
    TinyModel model;
    model.kind = GetParam();
    ASSERT_EQ(textOf(model.write(path)), "");
  }
  std::string directory;
  std::string path;
};
} // namespace

TEST_P(ElfRules, NoSegmentIsWritableAndExecutable) {
  std::string segments = readelf("-lW", path);
  EXPECT_FALSE(std::regex_search(segments, std::regex("RWE"))) << segments;
  EXPECT_TRUE(std::regex_search(segments, std::regex("GNU_STACK.* RW ")))
      << segments;
  EXPECT_TRUE(std::regex_search(segments, std::regex("GNU_RELRO")));
}

// Catches: a private copy of the weights in every process.
TEST_P(ElfRules, WeightsAreReadOnlyPages) {
  std::string segments = readelf("-lW", path);
  EXPECT_TRUE(std::regex_search(
      segments, std::regex("LOAD +0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x002000 "
                           "0x002000 R +0x1000")))
      << segments;
  std::string sections = readelf("-SW", path);
  EXPECT_TRUE(
      std::regex_search(sections, std::regex("\\.lbss +PROGBITS.* Al ")))
      << sections;
}

TEST_P(ElfRules, DynamicSection) {
  std::string entries = readelf("-dW", path);
  EXPECT_TRUE(std::regex_search(entries, std::regex("FLAGS.*BIND_NOW")))
      << entries;
  for (std::string absent :
       {"RPATH", "RUNPATH", "TEXTREL", "INIT_ARRAY", "FINI_ARRAY"})
    EXPECT_EQ(entries.find(absent), std::string::npos) << entries;
  for (const std::string &name : allMatches(entries, "NEEDED.*\\[([^\\]]*)\\]"))
    EXPECT_TRUE(name == "libc.so.6" || name == "libm.so.6" ||
                name == "libpthread.so.0")
        << name;
  if (GetParam() == ArtifactKind::SharedLibrary)
    EXPECT_EQ(allMatches(entries, "SONAME.*\\[([^\\]]*)\\]"),
              std::set<std::string>{"tiny.elf"});
}

// Catches: an artifact that needs a newer glibc than 2.28, which is what a link
// against this system's own libraries gives.
TEST_P(ElfRules, SymbolVersionsAreOld) {
  std::set<std::string> versions =
      allMatches(readelf("--dyn-syms -W", path), "@GLIBC_([0-9.]+)");
  EXPECT_FALSE(versions.empty());
  for (llvm::StringRef version : versions) {
    unsigned major, minor;
    auto [majorText, rest] = version.split('.');
    ASSERT_FALSE(majorText.getAsInteger(10, major));
    ASSERT_FALSE(rest.split('.').first.getAsInteger(10, minor));
    EXPECT_TRUE(major == 2 && minor <= 28) << version.str();
  }
}

TEST_P(ElfRules, ExportsThePublicInterfaceOnly) {
  std::string symbols = readelf("--dyn-syms -W", path);
  std::set<std::string> exported =
      allMatches(symbols, "DEFAULT +[0-9]+ ([A-Za-z0-9_]+)(?=\n)");
  std::set<std::string> expected;
  if (GetParam() == ArtifactKind::SharedLibrary)
    for (const std::string &name : publicFunctions())
      expected.insert(publicName(name, "tiny"));
  for (const std::string &name : exported)
    EXPECT_TRUE(expected.count(name)) << name;
  if (GetParam() == ArtifactKind::SharedLibrary)
    EXPECT_TRUE(exported.count("tiny_get_api")) << symbols;
}

TEST_P(ElfRules, NoBuildPaths) {
  std::string bytes = readFile(path);
  EXPECT_EQ(bytes.find(ASHLAR_SOURCE_DIR), std::string::npos);
  EXPECT_EQ(bytes.find(directory), std::string::npos);
  EXPECT_EQ(bytes.find("/proc/self/fd"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ElfRules,
                         testing::Values(ArtifactKind::SharedLibrary,
                                         ArtifactKind::Executable));

// Catches: private names of an object that clash with the user's program.
TEST(ObjectRules, GlobalSymbolsArePublicFunctions) {
  TemporaryFolder folder;
  TinyModel model;
  model.kind = ArtifactKind::Object;
  model.weightsInside = false;
  ASSERT_EQ(textOf(model.write(folder / "tiny.o")), "");
  std::set<std::string> defined =
      allMatches(readelf("-s -W", folder / "tiny.o"),
                 "(?:GLOBAL|WEAK) +[A-Z]+ +[0-9]+ ([A-Za-z0-9_]+)(?=\n)");
  std::set<std::string> expected;
  for (const std::string &name : publicFunctions())
    expected.insert(publicName(name, "tiny"));
  EXPECT_EQ(defined, expected);
}

// Catches: a version in the list that no glibc has, which an artifact would
// fail on when it is loaded.
TEST(GlibcSymbols, ExistHere) {
  std::ifstream list(ASHLAR_SOURCE_DIR "/compiler/Codegen/glibc-2.28.symbols");
  void *libm = ::dlopen("libm.so.6", RTLD_NOW);
  ASSERT_TRUE(libm);
  unsigned count = 0;
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line[0] == '#')
      continue;
    std::istringstream words(line);
    std::string library, version, name;
    words >> library >> version >> name;
    void *handle = library == "libm.so.6" ? libm : RTLD_DEFAULT;
    EXPECT_TRUE(::dlvsym(handle, name.c_str(), version.c_str())) << line;
    ++count;
  }
  EXPECT_GT(count, 400u);
  ::dlclose(libm);
}
