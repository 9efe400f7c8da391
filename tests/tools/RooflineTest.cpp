//===- RooflineTest.cpp - The drawing of phases and limits ---------------===//
//
// Would catch: names that break the drawing or run as code, phases without a
// dot, labels on each other, dots outside of the plot, numbers that are none.
//
//===----------------------------------------------------------------------===//

#include "tools/ashlar/Roofline.h"

#include "llvm/ADT/StringExtras.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <regex>

using namespace ashlar::tool;

namespace {
struct Drawn {
  Drawn(std::vector<PhaseKind> kinds, std::vector<double> seconds,
        double bytes = 37e9) {
    MachineLimits limits{
        2, {{"f32", "fma.avx512", 262e9}, {"int8", "amx", 4e12}}, bytes};
    PhaseTable table = makePhaseTable(kinds, seconds, 1, limits);
    RooflineStep steps[] = {{"prompt & <b>", &table}, {"token", &table}};
    text = drawRoofline("m <script>alert(1)</script>", steps, limits);
  }

  /// Every match of the first group of `pattern`, as numbers.
  std::vector<double> numbers(const std::string &pattern) const {
    std::vector<double> found;
    std::regex expression(pattern);
    for (std::sregex_iterator at(text.begin(), text.end(), expression), end;
         at != end; ++at)
      found.push_back(std::strtod((*at)[1].str().c_str(), nullptr));
    return found;
  }
  size_t count(const std::string &what) const {
    return llvm::StringRef(text).count(what);
  }

  std::string text;
};

std::vector<PhaseKind> manyKinds() {
  std::vector<PhaseKind> kinds;
  for (int i = 0; i < 30; ++i)
    kinds.push_back(
        {"layer.*.part_" + std::to_string(i), "f32", 12, {1e9 * (i + 1), 1e8}});
  kinds.push_back({"norm", "f32", 1, {0, 100}});
  kinds.push_back({"keys", "f32", 1, {0, 0}});
  return kinds;
}
} // namespace

/// Tags open and close in pairs; no stray "<", no bare "&".
static void expectWellFormed(const std::string &text) {
  std::vector<std::string> open;
  std::regex tag("<(/?)(\\w+)((?:\\s+[\\w:-]+=\"[^\"<]*\")*)\\s*(/?)>");
  size_t place = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), tag), end; at != end;
       ++at) {
    std::string between =
        text.substr(place, static_cast<size_t>(at->position()) - place);
    EXPECT_EQ(between.find_first_of("<"), std::string::npos) << between;
    std::regex bare("&(?!(amp|lt|gt|quot|apos|#39);)");
    EXPECT_FALSE(std::regex_search(between, bare)) << between;
    place = static_cast<size_t>(at->position() + at->length());
    if ((*at)[1].length()) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), (*at)[2].str());
      open.pop_back();
    } else if (!(*at)[4].length()) {
      open.push_back((*at)[2].str());
    }
  }
  EXPECT_TRUE(open.empty());
  EXPECT_EQ(text.substr(place), "\n");
}

TEST(Roofline, ADotForEachKindThatComputesAndReads) {
  Drawn drawn(manyKinds(), std::vector<double>(32, 0.03));
  expectWellFormed(drawn.text);
  EXPECT_EQ(drawn.count("<circle class=\"dot "), 2 * 30u);
  EXPECT_EQ(drawn.count("<text class=\"name\""), 2 * 30u);
  EXPECT_EQ(drawn.count("no multiply-adds: "), 2u);
  EXPECT_EQ(drawn.count("norm 3.0 %"), 2u);
  EXPECT_EQ(drawn.count("keys 3.0 %"), 2u);
  EXPECT_EQ(drawn.count("262 GFLOP/s f32, fma.avx512"), 2u);
  EXPECT_EQ(drawn.count("4.00 TFLOP/s int8, amx"), 2u);
  EXPECT_EQ(drawn.count("37.0 GB/s"), 2u);
}

TEST(Roofline, LabelsDoNotTouch) {
  // The same rate for all: every dot in one place.
  std::vector<PhaseKind> kinds(20, {"", "f32", 1, {1e9, 2e9}});
  for (size_t i = 0; i < kinds.size(); ++i)
    kinds[i].name = "kind " + std::to_string(i);
  Drawn drawn(kinds, std::vector<double>(20, 0.05));
  std::vector<double> at =
      drawn.numbers("class=\"name\" x=\"[\\d.]+\" y=\"([\\d.]+)\"");
  ASSERT_EQ(at.size(), 40u);
  for (size_t i = 1; i < at.size(); ++i)
    EXPECT_GE(at[i] - at[i - 1], 16.5);
}

TEST(Roofline, EverythingIsInside) {
  // From far above every limit to far below.
  std::vector<PhaseKind> kinds = {{"fast", "f32", 1, {1e15, 1}},
                                  {"slow", "f32", 1, {1, 1e12}},
                                  {"int8", "int8", 1, {1e12, 1e9}}};
  for (double bytes : {1e3, 37e9, 1e15}) {
    Drawn drawn(kinds, {0.1, 0.8, 0.1}, bytes);
    expectWellFormed(drawn.text);
    EXPECT_EQ(drawn.text.find("nan"), std::string::npos);
    EXPECT_EQ(drawn.text.find("inf"), std::string::npos);
    std::vector<double> size = drawn.numbers("viewBox=\"0 0 [\\d]+ (\\d+)\"");
    ASSERT_EQ(size.size(), 1u);
    for (double x : drawn.numbers("class=\"dot [^>]*cx=\"([-\\d.]+)\"")) {
      EXPECT_GE(x, 64);
      EXPECT_LE(x, 564);
    }
    for (double y : drawn.numbers("class=\"dot [^>]*cy=\"([-\\d.]+)\"")) {
      EXPECT_GE(y, 60);
      EXPECT_LE(y, size[0]);
    }
  }
}

TEST(Roofline, NamesAreText) {
  std::vector<PhaseKind> kinds = {
      {"<script>\"'&\x1b]0;", "f32", 1, {1e9, 1e9}},
      {"]]><!-- \xe4\xbd\xa0\xe5\xa5\xbd", "f32", 1, {2e9, 1e9}},
      {"<norm>", "f32", 1, {0, 1}}};
  for (int i = 0; i < 60; ++i)
    kinds[1].name += "\xe5\xa5\xbd"; // cut, but between characters
  Drawn drawn(kinds, {0.1, 0.2, 0.1});
  expectWellFormed(drawn.text);
  EXPECT_EQ(drawn.text.find("<script"), std::string::npos);
  EXPECT_EQ(drawn.text.find('\x1b'), std::string::npos);
  for (size_t i = 0; i + 1 < drawn.text.size(); ++i)
    if (drawn.text[i] == '\xe5')
      EXPECT_EQ(drawn.text[i + 1] & 0xc0, 0x80);
  EXPECT_NE(drawn.text.find("\xe2\x80\xa6\xe5\xa5\xbd"), std::string::npos);
}

TEST(Roofline, NoPhases) {
  Drawn drawn({}, {});
  expectWellFormed(drawn.text);
  EXPECT_EQ(drawn.count("class=\"dot "), 0u);
  EXPECT_EQ(drawn.count("outside of phases 100.0 %"), 2u);
}
