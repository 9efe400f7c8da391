//===- LimitsTest.cpp - What the machine can do at most ------------------===//
//
// Would catch: a loop that the CPU refuses, one that does nothing, rates of
// one thread given for all, and a phase that is compared with a unit that its
// code cannot use.
//
//===----------------------------------------------------------------------===//

#include "runtime/abi.h"
#include "tools/ashlar/MachineLimits.h"

#include <atomic>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::tool;
using limits::Unit;

static bool has(Unit) { return true; }
static bool hasNot(Unit) { return false; }

TEST(Limits, UnitsOfAPrecision) {
  constexpr int64_t v3 = ASHLAR_CPU_X86_64_V3, v4 = ASHLAR_CPU_X86_64_V4;
  constexpr int64_t vnni = ASHLAR_CPU_X86_64_V4_VNNI;
  constexpr int64_t beyond = ASHLAR_CPU_SAPPHIRE_RAPIDS;
  struct {
    const char *precision;
    int64_t level;
    Unit unit;
  } cases[] = {
      {"f32", v3, Unit::FmaAvx2},       {"f32", v4, Unit::FmaAvx512},
      {"f32", beyond, Unit::FmaAvx512}, {"bf16", v3, Unit::FmaAvx2},
      {"bf16", v4, Unit::FmaAvx512},    {"bf16", beyond, Unit::AmxBf16},
      {"int8", v3, Unit::MaddAvx2},     {"int4", v3, Unit::MaddShortAvx2},
      {"int8", v4, Unit::MaddAvx512},   {"int4", v4, Unit::MaddShortAvx512},
      {"int8", vnni, Unit::VnniAvx512}, {"int4", vnni, Unit::VnniAvx512},
      {"int8", beyond, Unit::AmxInt8},  {"int4", beyond, Unit::AmxInt8},
      {"bf16", vnni, Unit::FmaAvx512},  {"other", v4, Unit::FmaAvx512},
  };
  for (const auto &of : cases)
    EXPECT_EQ(unitFor(of.precision, of.level, has), of.unit)
        << of.precision << " at " << of.level;
  for (const char *precision : {"f32", "bf16"})
    EXPECT_EQ(unitFor(precision, beyond, hasNot), Unit::FmaAvx2);
  EXPECT_EQ(unitFor("int8", beyond, hasNot), Unit::MaddAvx2);
  EXPECT_EQ(unitFor("int4", beyond, hasNot), Unit::MaddShortAvx2);
}

TEST(Limits, EveryUnitThatIsThereComputes) {
  ASSERT_TRUE(limits::isUsable(Unit::FmaAvx2));
  double narrow = 0;
  for (Unit unit : limits::units) {
    if (!limits::isUsable(unit))
      continue;
    std::vector<double> rates = limits::measureArithmetic(unit, 1, 20);
    ASSERT_EQ(rates.size(), 20u);
    double best = *std::max_element(rates.begin(), rates.end());
    // A GFLOP/s is slow for any of them, a hundred TFLOP/s too fast.
    EXPECT_GT(best, 1e9) << limits::nameOf(unit);
    EXPECT_LT(best, 1e14) << limits::nameOf(unit);
    if (unit == Unit::FmaAvx2)
      narrow = best;
    if (unit == Unit::AmxInt8)
      EXPECT_GT(best, 4 * narrow);
    if (unit == Unit::MaddShortAvx2)
      EXPECT_GT(best, narrow);
  }
  EXPECT_GT(narrow, 0);
}

TEST(Limits, EveryWayToRead) {
  for (int threads : {1, 3}) {
    std::optional<limits::ReadBuffer> buffer =
        limits::ReadBuffer::create(size_t(16) << 20, threads);
    ASSERT_TRUE(buffer);
    for (const limits::ReadWay &way : limits::readWays()) {
      EXPECT_EQ(buffer->measure(way, 2).size(), 2u);
      std::vector<double> rates = buffer->measure(way, 3, /*pieces=*/4);
      ASSERT_EQ(rates.size(), 12u);
      double best = *std::max_element(rates.begin(), rates.end());
      EXPECT_GT(best, 1e7) << way.name; // 10 MB/s
      EXPECT_LT(best, 1e13) << way.name;
    }
  }
  EXPECT_GE(limits::bytesBeyondCaches(), size_t(16) << 20);
}

TEST(Limits, ThreadsWorkTogether) {
  struct Count {
    std::atomic<int> numbers[5];
  } count{};
  auto work = [](void *context, int thread) {
    ++static_cast<Count *>(context)->numbers[thread];
  };
  EXPECT_GE(limits::timeThreads(5, work, &count), 0.0);
  for (const std::atomic<int> &number : count.numbers)
    EXPECT_EQ(number.load(), 1);
  // Two rounds of which one counts.
  EXPECT_EQ(limits::measureRates(1, 2, 1, work, &count).size(), 1u);
  EXPECT_EQ(count.numbers[1].load(), 3);
}

TEST(Limits, TheHigherOfTwoMeasurements) {
  MachineLimits a{2, {{"f32", "u", 10}, {"int8", "v", 40}}, 5};
  MachineLimits b{2, {{"f32", "u", 12}, {"int8", "v", 30}}, 4};
  MachineLimits both = higherOf(a, b);
  EXPECT_EQ(both.compute[0].flops, 12);
  EXPECT_EQ(both.compute[1].flops, 40);
  EXPECT_EQ(both.bytes, 5);
  EXPECT_EQ(both.threads, 2);
}

TEST(Limits, MeasuredForAllPrecisionsOfAManifest) {
  ManifestView manifest;
  manifest.entries.resize(1);
  manifest.entries[0].phases = {{2, {{"a", "int8", {}}, {"b", "f32", {}}}},
                                {1, {{"c", "int8", {}}}}};
  std::vector<std::string> precisions = precisionsOf(manifest);
  EXPECT_EQ(precisions, (std::vector<std::string>{"f32", "int8"}));
  llvm::Expected<MachineLimits> found =
      measureLimits(precisions, ASHLAR_CPU_X86_64_V3, 2);
  ASSERT_TRUE(bool(found)) << llvm::toString(found.takeError());
  EXPECT_EQ(found->threads, 2);
  ASSERT_EQ(found->compute.size(), 2u);
  EXPECT_EQ(found->compute[1].unit, "madd.avx2");
  EXPECT_GT(found->compute[1].flops, 0);
  EXPECT_GT(found->bytes, 0);
}
