//===- PatternBoundsTest.cpp - Boxes against their points -----------------===//
//
// What a box says must hold for each query and key of it; on one query and one
// key it is the pattern.
//
//===----------------------------------------------------------------------===//

#include "passes/LowerCpu/PatternBounds.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace mlir;

namespace {
class PatternBoundsTest : public ::testing::Test {
protected:
  PatternBoundsTest() { context.loadDialect<ir::AshlarDialect>(); }

  std::vector<Attribute> patterns() {
    MLIRContext *c = &context;
    Attribute near = ir::NearAttr::get(c, 3, 1, 1);
    Attribute causal = ir::NearAttr::get(c, -1, 0, 1);
    Attribute blocks = ir::NearAttr::get(c, 1, -1, 4);
    Attribute keys = ir::FirstAttr::get(c, ir::PatternSide::Keys, 3);
    Attribute queries = ir::FirstAttr::get(c, ir::PatternSide::Queries, 2);
    Attribute lastKeys = ir::LastAttr::get(c, ir::PatternSide::Keys, 4);
    Attribute lastQueries = ir::LastAttr::get(c, ir::PatternSide::Queries, 5);
    Attribute isShort = ir::ShortAttr::get(c, 9);
    Attribute random = ir::RandomAttr::get(c, 2, 3, 7, 5);
    Attribute before = ir::RandomAttr::get(c, 1, 2, 1, 0);
    Attribute markedKeys = ir::MarkedAttr::get(c, ir::PatternSide::Keys);
    Attribute markedQueries = ir::MarkedAttr::get(c, ir::PatternSide::Queries);
    std::vector<Attribute> result = {
        near,        causal,  blocks, keys,   queries,    lastKeys,
        lastQueries, isShort, random, before, markedKeys, markedQueries};
    for (size_t i = 0, count = result.size(); i < count; ++i)
      result.push_back(ir::NotAttr::get(c, result[i]));
    result.push_back(ir::AnyOfAttr::get(c, {near, keys, random}));
    result.push_back(ir::AllOfAttr::get(
        c, {causal, ir::AnyOfAttr::get(c, {near, queries, lastKeys}),
            ir::NotAttr::get(c, ir::AllOfAttr::get(c, {blocks, isShort}))}));
    return result;
  }

  static bool isMarked(int64_t token) { return token % 5 == 1 || token == 7; }

  MLIRContext context;
};
} // namespace

TEST_F(PatternBoundsTest, HoldForEveryPoint) {
  std::vector<int64_t> marks = {0};
  for (int64_t token = 0; token < 13; ++token)
    marks.push_back(marks.back() + isMarked(token));
  HostWords words{marks};
  for (Attribute pattern : patterns())
    for (int64_t extent : {1, 2, 8, 13})
      for (int64_t q0 = 0; q0 < extent; ++q0)
        for (int64_t q1 = q0; q1 < extent; ++q1)
          for (int64_t k0 = 0; k0 < extent; ++k0)
            for (int64_t k1 = k0; k1 < extent; ++k1) {
              bool some = false, every = true;
              for (int64_t q = q0; q <= q1; ++q)
                for (int64_t k = k0; k <= k1; ++k) {
                  bool seen = ir::admits(
                      pattern, {q, k, extent, isMarked(q), isMarked(k)});
                  some |= seen;
                  every &= seen;
                }
              PatternBounds<HostWords> bounds(words, {q0, q1, k0, k1, extent});
              bool any = bounds.any(pattern), all = bounds.all(pattern);
              bool isPoint = q0 == q1 && k0 == k1;
              ASSERT_TRUE(isPoint ? any == some : any || !some);
              ASSERT_TRUE(isPoint ? all == every : !all || every);
            }
}

TEST_F(PatternBoundsTest, NothingIsMarkedByDefault) {
  HostWords words;
  PatternBounds<HostWords> bounds(words, {0, 3, 0, 3, 4});
  Attribute marked = ir::MarkedAttr::get(&context, ir::PatternSide::Keys);
  EXPECT_FALSE(bounds.any(marked));
  EXPECT_FALSE(bounds.all(marked));
  EXPECT_TRUE(bounds.all(ir::NotAttr::get(&context, marked)));
}

/// Outputs of splitmix64 from seed 7, as tests/cases/textbook_models/blocks.py
/// has them.
TEST_F(PatternBoundsTest, DrawsAreThoseOfSplitMix) {
  auto random = ir::RandomAttr::get(&context, 2, 8, 1234567, 0x7fffffff);
  // The generator's published first outputs from this seed.
  EXPECT_EQ(ir::drawnBlock(random, 0, 0),
            int64_t((6457827717110365317u >> 33) % 0x7fffffff));
  EXPECT_EQ(ir::drawnBlock(random, 0, 1),
            int64_t((3203168211198807973u >> 33) % 0x7fffffff));
  EXPECT_EQ(ir::drawnBlock(random, 1, 0),
            int64_t((9817491932198370423u >> 33) % 0x7fffffff));
}
