//===- HeadsTest.cpp - Heads on rows of the last result -------------------===//
//
// Would catch: wrong rows gathered, a last piece that is cut short, a result
// that a head or a refused call destroys, a write behind the caller's buffer.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

using namespace ashlar::test;

namespace {

/// Three sequences of 5, 1 and 7 rows in slots 4, 0 and 2.
struct Heads : testing::Test {
  void SetUp() override {
    checked.decode({4, 0, 2}, {5, 1, 7});
    rows = resultOf(checked.session);
  }

  static std::array<float, FAKE_LOGITS> logits(const Row &row) {
    return {row[1] * 1 + row[4], row[1] * 2 + row[4], row[1] * 3 + row[4]};
  }

  /// Runs a head into a buffer with a guard behind it.
  std::vector<float> run(int32_t head, const int32_t *which, int32_t count,
                         size_t expectedRows) {
    std::vector<float> out(expectedRows * FAKE_LOGITS + 1, -1.0f);
    EXPECT_EQ(api().head(checked.session.get(), head, which, count, out.data(),
                         out.size() - 1),
              ASHLAR_OK);
    EXPECT_EQ(out.back(), -1.0f);
    out.pop_back();
    return out;
  }

  void expectRows(const std::vector<float> &out,
                  const std::vector<int32_t> &which) {
    ASSERT_EQ(out.size(), which.size() * FAKE_LOGITS);
    for (size_t i = 0; i < which.size(); ++i)
      for (size_t j = 0; j < FAKE_LOGITS; ++j)
        EXPECT_EQ(out[i * FAKE_LOGITS + j], logits(rows[size_t(which[i])])[j]);
  }

  Checked checked{fake_decoder, 2};
  std::vector<Row> rows;
};

} // namespace

TEST_F(Heads, AllRowsInPieces) {
  std::vector<int32_t> all;
  for (int32_t i = 0; i < 13; ++i)
    all.push_back(i);
  expectRows(run(0, nullptr, 0, 13), all);
  expectRows(run(0, nullptr, 13, 13), all);
}

TEST_F(Heads, ChosenRowsInAnyOrder) {
  std::vector<int32_t> which = {12, 0, 5, 5, 4, 11};
  expectRows(run(0, which.data(), int32_t(which.size()), which.size()), which);
  expectRows(run(1, which.data(), 1, 1), {12});
  EXPECT_TRUE(run(0, which.data(), 0, 0).empty());
}

TEST_F(Heads, FirstRowOfEachSequence) {
  expectRows(run(1, nullptr, 0, 3), {0, 5, 6});
  expectRows(run(1, nullptr, 3, 3), {0, 5, 6});
}

TEST_F(Heads, LeaveResultAndSequencesAlone) {
  run(0, nullptr, 0, 13);
  EXPECT_EQ(resultOf(checked.session), rows);
  checked.decode({0, 2}, {1, 1});
}

TEST_F(Heads, Refusals) {
  float out[13 * FAKE_LOGITS];
  size_t size = std::size(out);
  ashlar_session *session = checked.session.get();
  auto head = [&](int32_t index, std::vector<int32_t> which, size_t floats) {
    return api().head(session, index, which.data(), int32_t(which.size()), out,
                      floats);
  };
  EXPECT_EQ(head(0, {12}, size), ASHLAR_OK);
  for (int32_t row : {-1, 13, INT32_MIN, INT32_MAX})
    EXPECT_EQ(head(0, {0, row}, size), ASHLAR_INVALID_ARGUMENT) << row;
  for (int32_t index : {-1, 2, INT32_MIN, INT32_MAX})
    EXPECT_EQ(head(index, {0}, size), ASHLAR_INVALID_ARGUMENT) << index;
  EXPECT_EQ(head(0, {0, 1}, 2 * FAKE_LOGITS - 1), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(head(0, {0, 1}, 0), ASHLAR_INVALID_ARGUMENT);
  for (int32_t count : {-1, 1, 12, 14, INT32_MIN, INT32_MAX})
    EXPECT_EQ(api().head(session, 0, nullptr, count, out, size),
              ASHLAR_INVALID_ARGUMENT)
        << count;
  EXPECT_EQ(api().head(session, 0, nullptr, 0, nullptr, size),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().head(nullptr, 0, nullptr, 0, out, size),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(resultOf(checked.session), rows);
}

TEST(HeadsAlone, NeedAResultOfTheLastStack) {
  float out[FAKE_LOGITS * 8];
  Checked pair(fake_pair, 1);
  auto head = [&] {
    return api().head(pair.session.get(), 0, nullptr, 0, out, std::size(out));
  };
  EXPECT_EQ(head(), ASHLAR_INVALID_ARGUMENT);
  pair.encode({0}, {8});
  EXPECT_EQ(head(), ASHLAR_NOT_SUPPORTED);
  pair.decode({0}, {8});
  EXPECT_EQ(head(), ASHLAR_OK);

  ashlar_plan plan = fake_decoder;
  plan.head_count = 0;
  Checked headless(plan, 1);
  headless.decode({0}, {8});
  EXPECT_EQ(api().head(headless.session.get(), 0, nullptr, 0, out, 24),
            ASHLAR_NOT_SUPPORTED);
}
