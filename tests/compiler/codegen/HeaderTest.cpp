//===- HeaderTest.cpp - Generated C headers -------------------------------===//

#include "compiler/Codegen/Header.h"
#include "compiler/Codegen/Names.h"
#include "tests/compiler/codegen/TinyModel.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::tests;

static PlanDescription planOf(const std::string &name) {
  TinyModel model;
  PlanDescription plan = model.plan;
  plan.name = name;
  ashlar_cache_plan kept{};
  kept.layers = 12;
  kept.segment_stride = 256 * 1536;
  ashlar_cache_plan cross = kept;
  ashlar_cache_plan local = kept;
  local.in_arena = 1;
  // A token adds nothing to it.
  ashlar_cache_plan ring = kept;
  ring.slot_segments = 2;
  ring.kept_segments = 1;
  plan.caches = {kept, cross, local, ring};
  plan.plan.cross_cache = 1;
  return plan;
}

TEST(Header, KvBytesPerTokenCountsKeptCaches) {
  EXPECT_EQ(kvBytesPerToken(planOf("x")), 12 * 1536);
}

// Catches: names that two models share, warnings, C++ trouble, and a model's
// string that ends a comment.
TEST(Header, TwoModelsCompileInOneProgram) {
  TemporaryFolder folder;
  const std::string hostile = "*/ int x; /*\n\x1b]0;<script>\"?\?/ /* */ //\\";
  for (std::string name : {"one", "two"}) {
    PlanDescription plan = planOf(name);
    plan.heads[0].output = name == "one" ? "logits" : hostile;
    plan.stacks[0].input = hostile;
    std::ofstream(folder / (name + ".h")) << makeHeader(plan, hostile);
  }
  std::ofstream(folder / "main.c") << R"(
#include "one.h"
#include "two.h"
#include "one.h"
int main(void) {
  one_model *a = 0;
  two_model *b = 0;
  one_status (*open_one)(const one_weights_source *, one_model **) = one_open;
  two_status (*open_two)(const two_weights_source *, two_model **) = two_open;
  return ONE_ARENA_BYTES != 65536 || TWO_HEAD_LOGITS_MISSING ||
         ONE_HEAD_LOGITS != 0 || ONE_HEAD_LOGITS_FEATURES != 100 ||
         ONE_KV_BYTES_PER_TOKEN != 18432 || TWO_VOCABULARY != 100 ||
         TWO_OK != 0 || a != 0 || b != 0 || !open_one || !open_two;
}
one_status one_open(const one_weights_source *w, one_model **m) {
  return w || m ? ONE_INVALID_ARGUMENT : ONE_OK;
}
two_status two_open(const two_weights_source *w, two_model **m) {
  return w || m ? TWO_INVALID_ARGUMENT : TWO_OK;
}
)";
  for (std::string compiler :
       {"cc -std=c11", "cc -std=c99", "c++ -std=c++17 -x c++"}) {
    std::string command = compiler +
                          " -Wall -Wextra -pedantic -Werror -Wcomment "
                          "-Wtrigraphs -DTWO_HEAD_LOGITS_MISSING=0 -o " +
                          folder / "main" + " " + folder / "main.c";
    EXPECT_EQ(shell(command), "") << compiler;
    EXPECT_EQ(shell(folder / "main"), "");
  }
}

// Catches: a function of ashlar.h that lost its declaration on the way.
TEST(Header, DeclaresThePublicFunctions) {
  std::string text = makeHeader(planOf("one"), "m");
  EXPECT_EQ(text.find("ashlar_"), std::string::npos);
  EXPECT_EQ(text.find("IDENT"), std::string::npos);
  for (const std::string &name : publicFunctions())
    if (name != "ashlar_get_api")
      EXPECT_NE(text.find(publicName(name, "one") + "("), std::string::npos)
          << name;
  EXPECT_NE(text.find("Thread safety"), std::string::npos);
}
