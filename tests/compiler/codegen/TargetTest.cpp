//===- TargetTest.cpp - Levels and the code that is made for them ---------===//

#include "compiler/Codegen/Target.h"
#include "runtime/abi.h"
#include "tests/compiler/codegen/TinyModel.h"

#include "llvm/ADT/StringExtras.h"

#include <fstream>
#include <gtest/gtest.h>
#include <regex>

using namespace ashlar;
using namespace ashlar::tests;

TEST(Target, UnknownLevelListsTheTable) {
  auto target = findTarget("haswell\n");
  ASSERT_FALSE(target);
  std::string text = textOf(target.takeError());
  EXPECT_NE(text.find("unknown level \"haswell\\n\""), std::string::npos)
      << text;
  EXPECT_NE(text.find("native, x86-64-v3, x86-64-v4"), std::string::npos)
      << text;
}

TEST(Target, SeveralLevelsInTheirOrder) {
  auto found = findTargets("sapphirerapids,x86-64-v3,sapphirerapids");
  ASSERT_TRUE(bool(found)) << textOf(found.takeError());
  EXPECT_EQ(namesOf(*found), "x86-64-v3, sapphirerapids");
  for (const char *names : {"", "x86-64-v3,", ",x86-64-v3", "x86-64-v3,v4"}) {
    auto wrong = findTargets(names);
    ASSERT_FALSE(wrong) << names;
    EXPECT_NE(textOf(wrong.takeError()).find("unknown level"),
              std::string::npos);
  }
}

TEST(Target, BestIsTheHighestComplete) {
  auto all = [](llvm::StringRef) { return true; };
  EXPECT_EQ(bestTarget(all)->name, "sapphirerapids");
  auto noTiles = [](llvm::StringRef name) { return name != "amx-bf16"; };
  EXPECT_EQ(bestTarget(noTiles)->name, "x86-64-v4-vnni");
  auto noVnni = [](llvm::StringRef name) { return name != "avx512vnni"; };
  EXPECT_EQ(bestTarget(noVnni)->name, "x86-64-v4");
  auto noVl = [](llvm::StringRef name) { return name != "avx512vl"; };
  EXPECT_EQ(bestTarget(noVl)->name, "x86-64-v3");
  // AVX-512 without the level below it is no level.
  auto noFma = [](llvm::StringRef name) { return name != "fma"; };
  EXPECT_EQ(bestTarget(noFma), nullptr);
}

TEST(Target, HelpNamesEveryLevel) {
  std::string help = targetHelp();
  for (const Target &target : targets())
    EXPECT_NE(help.find(target.name), std::string::npos);
}

/// The instructions of `function` in an object for `target`.
static std::string disassemble(const std::string &target,
                               const std::string &function) {
  TemporaryFolder folder;
  TinyModel model;
  model.kind = ArtifactKind::Object;
  model.weightsInside = false;
  model.target = target;
  EXPECT_EQ(textOf(model.write(folder / "tiny.o")), "");
  return shell(std::string(ASHLAR_LLVM_OBJDUMP) + " -d --disassemble-symbols=" +
               function + " " + folder / "tiny.o");
}

// The head's function has the name of a public one: both are there.
// Catches: LLVM's preference for 256 bits, or the level not reaching the code.
// Catches: an emulation of another level, since its list stands beside theirs.
TEST(Target, EmulationsAreOfTheirLevels) {
  EXPECT_EQ(emulationOf(targets().front()), nullptr);
  for (const Target &level : targets().drop_front()) {
    const Target &emulation = *emulationOf(level);
    EXPECT_EQ(emulation.name, (level.name + ", emulated").str());
    EXPECT_EQ(emulation.cpuLevel, targets().front().cpuLevel);
    EXPECT_EQ(emulation.tiles, level.tiles);
    EXPECT_EQ(emulation.vnni, level.vnni);
    EXPECT_EQ(emulation.vectorBits, level.vectorBits);
  }
}

TEST(Target, GeneratedCodeUsesTheLevel) {
  std::string v4 = disassemble("x86-64-v4", "tiny_head");
  EXPECT_NE(v4.find("%zmm"), std::string::npos) << v4;
  std::string v3 = disassemble("x86-64-v3", "tiny_head");
  EXPECT_EQ(v3.find("%zmm"), std::string::npos) << v3;
  EXPECT_NE(v3.find("%ymm"), std::string::npos) << v3;
}

TEST(Target, EachLevelHasFunctionsOfItsOwn) {
  std::string code = disassemble("x86-64-v3,x86-64-v4",
                                 "tiny_head.x86-64-v3,tiny_head.x86-64-v4");
  size_t v3 = code.find("<tiny_head.x86-64-v3>:");
  size_t v4 = code.find("<tiny_head.x86-64-v4>:");
  ASSERT_TRUE(v3 < v4 && v4 != std::string::npos) << code;
  EXPECT_NE(code.substr(v3, v4 - v3).find("%ymm"), std::string::npos) << code;
  EXPECT_EQ(code.substr(v3, v4 - v3).find("%zmm"), std::string::npos) << code;
  EXPECT_NE(code.substr(v4).find("%zmm"), std::string::npos) << code;
}

// Catches: a runtime that faults before `open` can refuse the CPU.
TEST(Target, RuntimeStaysBaseline) {
  std::string code =
      disassemble("x86-64-v4", "tiny_get_api,tiny_open,tiny_encode");
  EXPECT_NE(code.find("<tiny_open>"), std::string::npos) << code;
  EXPECT_FALSE(std::regex_search(code, std::regex("%[yz]mm|\tv[a-z]+")))
      << code;
}
