//===- PhaseTableTest.cpp - From marks, work and limits to rows ----------===//
//
// Would catch: work of a layer counted once, keys counted per row where they
// are read once, times given to the wrong kind, the wrong limit or its wrong
// side, and shares that do not add up.
//
//===----------------------------------------------------------------------===//

#include "tools/ashlar/PhaseTable.h"

#include <gtest/gtest.h>

using namespace ashlar::tool;

static ManifestWork work(int64_t perRow, int64_t perKey, int64_t perSourceKey,
                         int64_t weights, int64_t bytesPerRow,
                         int64_t bytesPerKey, int64_t bytesPerSourceKey) {
  return {perRow,      perKey,      perSourceKey,     weights,
          bytesPerRow, bytesPerKey, bytesPerSourceKey};
}

/// embed, 3 x (linear, attention), linear again in a head of its own.
static ManifestEntry decoder() {
  ManifestEntry entry;
  entry.call = "decode";
  entry.work = work(30, 12, 0, 3000, 8, 24, 0);
  entry.phases = {{1, {{"embed", "f32", work(0, 0, 0, 0, 8, 0, 0)}}},
                  {3,
                   {{"linear", "f32", work(10, 0, 0, 1000, 0, 0, 0)},
                    {"attention", "f32", work(0, 4, 0, 0, 0, 8, 0)}}}};
  return entry;
}

TEST(PhaseTable, AmountOfACall) {
  Amount amount =
      amountOf(work(1, 10, 100, 1000, 10000, 100000, 1000000),
               {/*rows=*/2, /*keysSeen=*/7, /*keys=*/4, /*sourceKeysSeen=*/6,
                /*sourceKeys=*/3});
  EXPECT_EQ(amount.flops, 2 * 1 + 7 * 10 + 6 * 100);
  EXPECT_EQ(amount.bytes, 1000 + 2 * 10000 + 4 * 100000 + 3 * 1000000);
}

/// Four rows behind six others, through windows of 3: keys 4 to 9. What is
/// ahead of a row counts up to the last one; the first rows see fewer.
TEST(PhaseTable, KeysOfAWindow) {
  CallShape shape{/*rows=*/4, /*keysSeen=*/34, /*keys=*/10};
  CallShape seen = throughWindow(shape, {/*behind=*/2, /*ahead=*/0});
  EXPECT_EQ(seen.rows, 4);
  EXPECT_EQ(seen.keys, 6);
  EXPECT_EQ(seen.keysSeen, 4 * 3);
  seen = throughWindow(shape, {2, 2});
  EXPECT_EQ(seen.keysSeen, 5 + 5 + 4 + 3);
  EXPECT_EQ(throughWindow({3, 9, 3}, {1, 0}).keysSeen, 1 + 2 + 2);
  EXPECT_EQ(throughWindow({3, 9, 3}, {1, 0}).keys, 3);
  EXPECT_EQ(throughWindow(shape, {99, 0}).keysSeen, 34);
  EXPECT_EQ(throughWindow(shape, {}).keysSeen, 34);
  // In the middle of the tokens that are measured.
  EXPECT_EQ(throughWindow({1, 20.5, 20.5}, {2, 0}).keys, 3);
}

/// Layers with windows and without in one step, each with its own keys.
TEST(PhaseTable, WindowsOfAStep) {
  ManifestEntry entry = decoder();
  entry.phases[1].phases[1].window = {2, 0};
  entry.phases.push_back({2, {{"all", "f32", work(0, 4, 0, 0, 0, 8, 0)}}});
  Step step;
  step.addCall(entry, {1, 10, 10, 0, 0});
  ASSERT_EQ(step.kinds().size(), 4u);
  EXPECT_EQ(step.kinds()[2].amount.flops, 3 * 4 * 3);
  EXPECT_EQ(step.kinds()[2].amount.bytes, 3 * 8 * 3);
  EXPECT_EQ(step.kinds()[3].amount.bytes, 2 * 8 * 10);
  EXPECT_EQ(step.amount().bytes, 3000 + 8 + 3 * 8 * 3 + 2 * 8 * 10);
}

/// A row reads some experts; many rows read no more than there are.
TEST(PhaseTable, AmountOfExperts) {
  ManifestWork pooled;
  pooled.flopsPerSequence = 7;
  EXPECT_EQ(amountOf(pooled, {/*rows=*/3}).flops, 7);
  ManifestWork experts;
  experts.expertBytesPerRow = 200;
  experts.expertBytes = 700;
  EXPECT_EQ(amountOf(experts, {/*rows=*/1}).bytes, 200);
  EXPECT_EQ(amountOf(experts, {/*rows=*/3}).bytes, 600);
  EXPECT_EQ(amountOf(experts, {/*rows=*/4}).bytes, 700);
}

TEST(PhaseTable, KindsOfAStep) {
  ManifestEntry decode = decoder(), head;
  head.work = work(7, 0, 0, 70, 0, 0, 0);
  head.phases = {{1, {{"linear", "f32", work(7, 0, 0, 70, 0, 0, 0)}}}};
  Step step;
  step.addCall(decode, {2, 3, 2, 0, 0});
  step.addCall(head, {1, 0, 0, 0, 0});
  ASSERT_EQ(step.kinds().size(), 3u);
  EXPECT_EQ(step.kinds()[0].name, "embed");
  EXPECT_EQ(step.kinds()[0].calls, 1);
  EXPECT_EQ(step.kinds()[0].amount.bytes, 16);
  EXPECT_EQ(step.kinds()[1].name, "linear");
  EXPECT_EQ(step.kinds()[1].calls, 4);
  EXPECT_EQ(step.kinds()[1].amount.flops, 3 * 20 + 7);
  EXPECT_EQ(step.kinds()[1].amount.bytes, 3 * 1000 + 70);
  EXPECT_EQ(step.kinds()[2].amount.flops, 3 * 4 * 3);
  EXPECT_EQ(step.kinds()[2].amount.bytes, 3 * 8 * 2);
  EXPECT_EQ(step.amount().flops, 2 * 30 + 3 * 12 + 7);
  EXPECT_EQ(step.amount().bytes, 3000 + 2 * 8 + 2 * 24 + 70);
}

TEST(PhaseTable, TimesBetweenMarks) {
  ManifestEntry decode = decoder();
  Step step;
  step.addCall(decode, {1, 1, 1, 0, 0});
  std::vector<double> seconds(3);
  // embed 5, then linear 10, 20, 40 and attention 1, 2, 4.
  std::vector<int64_t> marks = {100, 105, 115, 116, 136, 138, 178, 182};
  EXPECT_TRUE(step.addTimes(decode, marks, seconds));
  EXPECT_DOUBLE_EQ(seconds[0], 5e-9);
  EXPECT_DOUBLE_EQ(seconds[1], 70e-9);
  EXPECT_DOUBLE_EQ(seconds[2], 7e-9);
  EXPECT_TRUE(step.addTimes(decode, marks, seconds));
  EXPECT_DOUBLE_EQ(seconds[1], 140e-9);
  for (size_t count : {size_t(0), marks.size() - 1})
    EXPECT_FALSE(step.addTimes(decode, llvm::ArrayRef(marks).take_front(count),
                               seconds));
  marks.push_back(190);
  EXPECT_FALSE(step.addTimes(decode, marks, seconds));
  EXPECT_DOUBLE_EQ(seconds[1], 140e-9);
}

namespace {
/// 100 FLOP/s in f32, 400 in int8, 10 B/s.
struct Rows : testing::Test {
  const PhaseRow &row(llvm::StringRef name) const {
    for (const PhaseRow &row : table.rows)
      if (row.kind.name == name)
        return row;
    ADD_FAILURE() << name.str();
    return table.rows.front();
  }

  MachineLimits limits{2, {{"f32", "a", 100}, {"int8", "b", 400}}, 10};
  std::vector<PhaseKind> kinds = {
      {"nothing", "f32", 1, {0, 0}},      {"reads", "f32", 2, {50, 20}},
      {"computes", "f32", 3, {1000, 20}}, {"int8", "int8", 1, {1000, 10}},
      {"unknown", "f8", 1, {100, 1}},     {"timeless", "f32", 1, {5, 5}}};
  std::vector<double> seconds = {1, 4, 20, 5, 2, 0};
  PhaseTable table = makePhaseTable(kinds, seconds, 40, limits);
};
} // namespace

TEST_F(Rows, RatesAndLimits) {
  EXPECT_DOUBLE_EQ(row("reads").flops, 12.5);
  EXPECT_DOUBLE_EQ(row("reads").computeShare, 0.125);
  EXPECT_DOUBLE_EQ(row("reads").bytes, 5);
  EXPECT_DOUBLE_EQ(row("reads").memoryShare, 0.5);
  EXPECT_EQ(row("reads").bound, Bound::Memory);
  EXPECT_DOUBLE_EQ(row("reads").limitSeconds, 2);
  EXPECT_DOUBLE_EQ(row("reads").share, 0.1);
  EXPECT_EQ(row("computes").bound, Bound::Compute);
  EXPECT_DOUBLE_EQ(row("computes").computeShare, 0.5);
  EXPECT_DOUBLE_EQ(row("computes").limitSeconds, 10);
  EXPECT_EQ(row("computes").kind.calls, 3);
}

TEST_F(Rows, ALimitForEachPrecision) {
  EXPECT_DOUBLE_EQ(row("int8").computeShare, 0.5);
  EXPECT_DOUBLE_EQ(row("int8").limitSeconds, 2.5);
  EXPECT_DOUBLE_EQ(row("unknown").limitSeconds, 1); // that of f32
}

TEST_F(Rows, WhatIsNotCountedHasNoLimit) {
  EXPECT_EQ(row("nothing").bound, Bound::None);
  EXPECT_EQ(row("nothing").limitSeconds, 0);
  EXPECT_EQ(row("timeless").flops, 0);
  EXPECT_EQ(row("timeless").bytes, 0);
}

TEST_F(Rows, TheWhole) {
  std::vector<std::string> names;
  for (const PhaseRow &row : table.rows)
    names.push_back(row.kind.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"computes", "int8", "reads", "unknown",
                                      "nothing", "timeless"}));
  EXPECT_DOUBLE_EQ(table.seconds, 40);
  EXPECT_DOUBLE_EQ(table.outsideSeconds, 8);
  EXPECT_DOUBLE_EQ(table.limitSeconds, 2 + 10 + 2.5 + 1 + 0.5);
  EXPECT_EQ(makePhaseTable(kinds, seconds, 31, limits).outsideSeconds, 0);
}
