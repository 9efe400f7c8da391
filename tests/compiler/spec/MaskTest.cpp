//===- MaskTest.cpp - Masks as text ---------------------------------------===//

#include "compiler/Spec/Mask.h"

#include "gtest/gtest.h"

using namespace ashlar;

static std::string printed(std::string_view text) {
  std::string fault;
  std::optional<Mask> mask = parseMask(text, fault);
  if (!mask)
    return "error: " + fault;
  std::optional<Mask> again = parseMask(printMask(*mask), fault);
  EXPECT_TRUE(again && *again == *mask) << text;
  return printMask(*mask);
}

TEST(Mask, IsPrintedAsItIsRead) {
  for (const char *text :
       {"causal", "window(5)", "window(behind=5, ahead=2)", "window(behind=3)",
        "blocks(size=16, behind=1, ahead=1)", "blocks(size=4, ahead=0)",
        "prefix(4)", "first_queries(2)", "last_block(8)",
        "last_block_queries(8)", "length_up_to(36)", "marked",
        "window(5) & !marked_queries | marked",
        "random(blocks=2, block=16, seed=7)",
        "random(blocks=2, block=16, seed=7, of=9)", "!causal",
        "causal & (window(128) | prefix(4) | !(prefix(2) & window(3)))"})
    EXPECT_EQ(printed(text), text);
}

TEST(Mask, IsNormalized) {
  EXPECT_EQ(printed(" global( 4 )"), "prefix(4) | first_queries(4)");
  EXPECT_EQ(printed("(causal)&((prefix(1) & causal) & prefix(2))"),
            "causal & prefix(1) & prefix(2)");
  EXPECT_EQ(printed("prefix(1) | (prefix(1) | prefix(1))"), "prefix(1)");
  EXPECT_EQ(printed("!!prefix(1)"), "prefix(1)");
  EXPECT_EQ(printed("window(ahead=0)"), "causal");
  EXPECT_EQ(printed("window(behind=4, ahead=4)"), "window(5)");
  EXPECT_EQ(printed("prefix(1) & causal | prefix(2)"),
            "prefix(1) & causal | prefix(2)");
}

TEST(Mask, Errors) {
  auto error = [](std::string_view text) { return printed(text); };
  EXPECT_EQ(error(""), "error: found the end; expected a mask");
  EXPECT_EQ(error("causal |"), "error: found the end; expected a mask");
  EXPECT_EQ(error("causal window(3)"),
            "error: found 'w' at column 8; expected '&', '|' or the end");
  EXPECT_EQ(error("(causal"), "error: found the end; expected ')'");
  EXPECT_EQ(error("windw(3)"),
            "error: \"windw\" is no mask; supported: blocks, causal, "
            "first_queries, global, last_block, last_block_queries, "
            "length_up_to, marked, marked_queries, prefix, random, window");
  EXPECT_EQ(error("window(0)"),
            "error: the number of window is 0; expected at least 1");
  EXPECT_EQ(error("window"),
            "error: window has no end; expected window(n), behind=..., "
            "ahead=... or both");
  EXPECT_EQ(error("window()"), error("window"));
  EXPECT_EQ(error("blocks(size=4)"), "error: blocks has no end; expected "
                                     "behind=..., ahead=... or both");
  EXPECT_EQ(error("prefix"),
            "error: prefix has no count; expected prefix(count)");
  EXPECT_EQ(error("prefix( )"), error("prefix"));
  EXPECT_EQ(error("blocks(size=, behind=1)"),
            "error: found ',' at column 13; expected a number");
  EXPECT_EQ(error("blocks(behind=1)"),
            "error: blocks has no size; expected blocks(size=...)");
  EXPECT_EQ(error("prefix(-1)"),
            "error: \"-1\" of prefix is no integer from 0 to 2147483647");
  EXPECT_EQ(error("causal(1)"),
            "error: causal has other numbers than it takes, or one twice");
  EXPECT_EQ(error("window(behind=1, behind=2)"),
            "error: window has other numbers than it takes, or one twice");
  EXPECT_EQ(error(std::string(40, '!') + "causal"),
            "error: it is nested deeper than 32");
  std::string many = "causal";
  for (int i = 0; i < 100; ++i)
    many += " | prefix(" + std::to_string(i + 1) + ")";
  EXPECT_EQ(error(many), "error: it has more than 64 parts");
  EXPECT_EQ(error(std::string(100000, '(')),
            "error: it is nested deeper than 32");
  EXPECT_EQ(error("marked(3)"),
            "error: marked has other numbers than it takes, or one twice");
}

/// causal and window(n) have fields of their own.
TEST(Mask, CausalAndWindowAreTaken) {
  std::string fault;
  auto left = [&](const char *text, bool &causal, int64_t &window) {
    std::optional<Mask> rest =
        takeCausalAndWindow(parseMask(text, fault), causal, window);
    return rest ? printMask(*rest) : "";
  };
  bool causal = false;
  int64_t window = 0;
  EXPECT_EQ(left("causal & window(9) & prefix(4)", causal, window),
            "prefix(4)");
  EXPECT_TRUE(causal);
  EXPECT_EQ(window, 9);
  EXPECT_EQ(left("window(5)", causal, window), "");
  EXPECT_EQ(window, 5);
  EXPECT_EQ(left("window(7)", causal, window), "");
  EXPECT_EQ(window, 5);
  causal = false;
  EXPECT_EQ(left("causal | prefix(4)", causal, window), "causal | prefix(4)");
  EXPECT_FALSE(causal);
}

/// A decoder's cache is a ring where the field says so: every spelling of a
/// window behind the query must come there.
TEST(Mask, WindowsBehindAreTakenUnderCausality) {
  std::string fault;
  struct Taken {
    std::string left;
    bool causal;
    int64_t window;
    bool operator==(const Taken &) const = default;
  };
  auto taken = [&](const char *text, bool causal, int64_t window = 0) -> Taken {
    std::optional<Mask> rest =
        takeCausalAndWindow(parseMask(text, fault), causal, window);
    return {rest ? printMask(*rest) : "", causal, window};
  };
  const Taken expected = {"", true, 64};
  EXPECT_TRUE(taken("window(behind=63)", true) == expected);
  EXPECT_TRUE(taken("window(behind=63, ahead=5)", true) == expected);
  EXPECT_TRUE(taken("window(behind=63, ahead=100)", true) == expected);
  EXPECT_TRUE(taken("window(behind=63) & causal", false) == expected);
  EXPECT_TRUE(taken("causal & window(behind=63, ahead=5)", false) == expected);
  EXPECT_TRUE(taken("window(behind=63, ahead=0)", false) == expected);
  EXPECT_TRUE(taken("window(behind=99)", true, 64) == expected);
  EXPECT_TRUE(taken("window(behind=63)", true, 100) == expected);
  EXPECT_TRUE(taken("causal & window(behind=63) & prefix(4)", false) ==
              (Taken{"prefix(4)", true, 64}));
  // Without it, or of blocks, it is another mask.
  EXPECT_TRUE(taken("window(behind=63)", false) ==
              (Taken{"window(behind=63)", false, 0}));
  EXPECT_TRUE(taken("blocks(size=8, behind=1, ahead=0)", true) ==
              (Taken{"blocks(size=8, behind=1, ahead=0)", true, 0}));
  EXPECT_TRUE(taken("window(ahead=5)", true) ==
              (Taken{"window(ahead=5)", true, 0}));
}
