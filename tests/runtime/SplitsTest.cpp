//===- SplitsTest.cpp - Calls whose keys are shared out -------------------===//
//
// Would catch: a call of one worker or of many rows that is split, one of the
// lengths in a batch that is overlooked, counts that a call begins with, plans
// whose counts lie elsewhere.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

using namespace ashlar::test;

namespace {
constexpr int64_t arrivals = 6;

/// A decoder of up to 2000 tokens; calls of up to two rows may be split.
struct SplitPlan {
  SplitPlan() {
    plan.split_rows = 2;
    plan.arrivals = arrivals;
    plan.arrivals_offset = plan.arena_bytes;
    plan.arena_bytes += ASHLAR_MAX_WORKERS;
  }
  ashlar_plan plan = fake_mixture;
};

int64_t splitsOf(const Checked &checked) {
  return arenaOf(checked.session).call[ASHLAR_CALL_SPLITS];
}

/// `count` tokens for `slot`, as many a call as there may be.
void grow(Checked &checked, int32_t slot, int32_t count) {
  for (int32_t done = 0; done < count; done += FAKE_TOKENS)
    checked.decode({slot}, {std::min<int32_t>(FAKE_TOKENS, count - done)});
}
} // namespace

TEST(Splits, FewRowsWithManyKeys) {
  SplitPlan split;
  Checked checked(split.plan, 2);
  grow(checked, 1, ASHLAR_SPLIT_KEYS - 1);
  EXPECT_EQ(splitsOf(checked), 1);
  checked.decode({1}, {1}); // the last key of the first split
  EXPECT_EQ(splitsOf(checked), 1);
  checked.decode({1}, {1});
  EXPECT_EQ(splitsOf(checked), 2);
  checked.decode({1}, {2});
  EXPECT_EQ(splitsOf(checked), 2);
  checked.decode({1}, {3});
  EXPECT_EQ(splitsOf(checked), 1);
}

TEST(Splits, TheLongestSequenceCounts) {
  SplitPlan split;
  Checked checked(split.plan, 3);
  grow(checked, 2, ASHLAR_SPLIT_KEYS);
  checked.decode({0, 2}, {1, 1});
  EXPECT_EQ(splitsOf(checked), 2);
  checked.decode({2, 0}, {1, 1});
  EXPECT_EQ(splitsOf(checked), 2);
  checked.decode({0}, {1});
  EXPECT_EQ(splitsOf(checked), 1);
}

TEST(Splits, NotForOneWorker) {
  SplitPlan split;
  Checked checked(split.plan, 1);
  grow(checked, 0, ASHLAR_SPLIT_KEYS + 1);
  checked.decode({0}, {1});
  EXPECT_EQ(splitsOf(checked), 1);
}

TEST(Splits, CountsBeginAtZero) {
  SplitPlan split;
  Checked checked(split.plan, 2);
  grow(checked, 0, ASHLAR_SPLIT_KEYS);
  auto *counts = reinterpret_cast<int32_t *>(
      static_cast<char *>(const_cast<void *>(
          static_cast<const void *>(api().arena(checked.session.get())))) +
      split.plan.arrivals_offset);
  std::fill(counts, counts + arrivals + 1, 7);
  checked.decode({0}, {1});
  for (int64_t i = 0; i < arrivals; ++i)
    EXPECT_EQ(counts[i], 0);
  EXPECT_EQ(counts[arrivals], 7);
}

TEST(Splits, PlansAreChecked) {
  auto opens = [](auto change) {
    SplitPlan split;
    change(split.plan);
    ashlar_model *model = nullptr;
    bool opened = alpha_rt_open(&split.plan, nullptr, &model) == ASHLAR_OK;
    api().close(model);
    return opened;
  };
  EXPECT_TRUE(opens([](ashlar_plan &) {}));
  EXPECT_FALSE(opens([](ashlar_plan &p) { p.split_rows = -1; }));
  EXPECT_FALSE(opens([](ashlar_plan &p) { p.arrivals = -1; }));
  EXPECT_FALSE(opens([](ashlar_plan &p) { p.arrivals_offset = -4; }));
  EXPECT_FALSE(opens([](ashlar_plan &p) { p.arrivals = INT64_MAX / 2; }));
  EXPECT_FALSE(
      opens([](ashlar_plan &p) { p.arrivals_offset = p.arena_bytes - 4; }));
}
