//===- HeadsTest.cpp - Heads on rows of the last result -------------------===//
//
// Would catch: wrong rows gathered, a last piece that is cut short, a result
// that a head or a refused call destroys, a write behind the caller's buffer.
//
//===----------------------------------------------------------------------===//

#include "runtime/choose_row.h"
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

TEST(HeadsAlone, ThatPoolsReadsTheWholeResult) {
  ashlar_plan plan = fake_encoder;
  ashlar_head_plan list[] = {plan.heads[0], fake_pooling_head};
  plan.heads = list;
  Checked checked(plan, 2);
  checked.encode({4, 0, 2}, {5, 1, 70});
  std::vector<Row> rows = resultOf(checked.session);
  std::vector<float> expected;
  for (auto [begin, end] : {std::pair(0, 5), {5, 6}, {6, 76}}) {
    float keys = 0, indices = 0;
    for (int i = begin; i < end; ++i) {
      keys += rows[size_t(i)][1];
      indices += rows[size_t(i)][3];
    }
    // Tiles of 7 rows: 1, 1 and 10.
    expected.insert(expected.end(), {keys, indices, 12});
  }
  ashlar_session *session = checked.session.get();
  auto run = [&](int32_t count) {
    std::vector<float> out(3 * FAKE_LOGITS, -1.0f);
    EXPECT_EQ(api().head(session, 1, nullptr, count, out.data(), out.size()),
              ASHLAR_OK);
    return out;
  };
  EXPECT_EQ(run(0), expected);
  // Whatever another head has left in the call's header.
  float logits[76 * FAKE_LOGITS];
  EXPECT_EQ(api().head(session, 0, nullptr, 0, logits, std::size(logits)),
            ASHLAR_OK);
  EXPECT_EQ(run(3), expected);
  EXPECT_EQ(resultOf(checked.session), rows);

  int32_t first = 0;
  EXPECT_EQ(api().head(session, 1, &first, 1, logits, std::size(logits)),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().head(session, 1, nullptr, 2, logits, std::size(logits)),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().head(session, 1, nullptr, 0, logits, 3 * FAKE_LOGITS - 1),
            ASHLAR_INVALID_ARGUMENT);
}

/// One that reads whole sequences may give a row for each token.
TEST(HeadsAlone, ThatReadsSequencesGivesEachRow) {
  ashlar_plan plan = fake_encoder;
  ashlar_head_plan each = fake_pooling_head;
  each.first_row_only = 0;
  plan.heads = &each;
  plan.head_count = 1;
  Checked checked(plan, 2);
  checked.encode({4, 0, 2}, {5, 1, 70});
  auto run = [&](const int32_t *rows, int32_t count, size_t room) {
    std::vector<float> out(room);
    return api().head(checked.session.get(), 0, rows, count, out.data(), room);
  };
  EXPECT_EQ(run(nullptr, 0, 76 * FAKE_LOGITS), ASHLAR_OK);
  EXPECT_EQ(run(nullptr, 76, 76 * FAKE_LOGITS), ASHLAR_OK);
  EXPECT_EQ(run(nullptr, 3, 76 * FAKE_LOGITS), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(run(nullptr, 0, 76 * FAKE_LOGITS - 1), ASHLAR_INVALID_ARGUMENT);
  int32_t first = 0;
  EXPECT_EQ(run(&first, 1, 76 * FAKE_LOGITS), ASHLAR_INVALID_ARGUMENT);
}

TEST(HeadsAlone, LastRowOfEachSequence) {
  ashlar_plan plan = fake_vectors;
  ashlar_head_plan last = plan.heads[1];
  last.row_token = ASHLAR_ROW_LAST;
  plan.heads = &last;
  plan.head_count = 1;
  ASSERT_TRUE(alpha_plan_is_sound(&plan));
  EXPECT_EQ(ashlar_choose_row(ASHLAR_ROW_LAST, nullptr, 5, 12), 11);
  EXPECT_EQ(ashlar_choose_row(ASHLAR_ROW_LAST, nullptr, 5, 6), 5);
}
