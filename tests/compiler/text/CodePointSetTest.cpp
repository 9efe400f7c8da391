//===- CodePointSetTest.cpp - Sets of Unicode code points -----------------===//

#include "compiler/Text/regex/CodePointSet.h"
#include "compiler/Support/Utf8.h"

#include <gtest/gtest.h>

#include <bitset>
#include <random>

using namespace ashlar;

using Ranges = std::vector<CodePointSet::Range>;

static Ranges ranges(const CodePointSet &set) { return set.ranges().vec(); }

TEST(CodePointSet, mergesWhatTouches) {
  CodePointSet set(10, 20);
  set.add(30, 40);
  set.add(21, 29);
  EXPECT_EQ(ranges(set), (Ranges{{10, 40}}));
  set.add(0, 5);
  set.add(50, CodePointSet::maximum);
  EXPECT_EQ(ranges(set),
            (Ranges{{0, 5}, {10, 40}, {50, CodePointSet::maximum}}));
  set.add(3, 60);
  EXPECT_EQ(ranges(set), (Ranges{{0, CodePointSet::maximum}}));
  set.complement();
  EXPECT_TRUE(set.empty());
  set.complement();
  EXPECT_EQ(ranges(set), (Ranges{{0, CodePointSet::maximum}}));
}

TEST(CodePointSet, agreesWithBits) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    CodePointSet set, other;
    std::bitset<64> bits, otherBits;
    for (int i = 0; i < 8; ++i) {
      uint32_t first = random() % 64, last = first + random() % (64 - first);
      bool toOther = random() % 2;
      (toOther ? other : set).add(first, std::min(last, first + 5));
      for (uint32_t c = first; c <= std::min(last, first + 5); ++c)
        (toOther ? otherBits : bits).set(c);
    }
    switch (round % 3) {
    case 0:
      set.intersect(other);
      bits &= otherBits;
      break;
    case 1:
      set.add(other);
      bits |= otherBits;
      break;
    case 2:
      set.complement();
      bits.flip();
      break;
    }
    for (uint32_t c = 0; c < 64; ++c)
      EXPECT_EQ(set.contains(c), bits[c]) << c;
  }
}

TEST(CodePointSet, lowersCaseOneByOne) {
  EXPECT_EQ(lowerCase('A'), "a");
  EXPECT_EQ(lowerCase('1'), "1");
  EXPECT_EQ(lowerCase(0x130), "i\u0307"); // to two code points
  EXPECT_EQ(lowerCase(0x3A3), "\u03C3");  // no final sigma
  EXPECT_EQ(lowerCase(0x23A), "\u2C65");  // longer in UTF-8
  EXPECT_EQ(lowerCase(0x2126), "\u03C9"); // shorter in UTF-8
  EXPECT_EQ(lowerCase(0x10400), "\U00010428");
}

TEST(CodePointSet, punctuationIsThatOfTheLibrary) {
  CodePointSet set = bertPunctuation();
  for (uint32_t c : std::u32string(U"!$+<=^`|~_\u00A1\u2014\u3002\u166D"))
    EXPECT_TRUE(set.contains(c)) << c;
  for (uint32_t c : std::u32string(U"a1 \u00A9\u4E2D\u2E43\U0001F600"))
    EXPECT_FALSE(set.contains(c)) << c;
}
