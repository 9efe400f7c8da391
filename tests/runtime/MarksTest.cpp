//===- MarksTest.cpp - Where the time of a call goes ----------------------===//
//
// Would catch: a phase without its mark, or with two; the barrier behind a
// whole run taken for one; times that run backwards or lie outside of the
// call; a write behind the caller's buffer; marks after they were switched off.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

#include <algorithm>
#include <ctime>

using namespace ashlar::test;

namespace {

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

/// A buffer of times with a guard behind it.
struct Marks {
  explicit Marks(int64_t capacity)
      : times(size_t(capacity) + 1, guard),
        marks{times.data(), capacity, unused} {}

  /// What the last call noted, between `begin` and now.
  void expect(int64_t count, int64_t begin) {
    EXPECT_EQ(marks.count, count);
    int64_t end = now();
    auto written = times.begin() + std::min(count, marks.capacity);
    EXPECT_TRUE(std::is_sorted(times.begin(), written));
    if (written != times.begin()) {
      EXPECT_GE(times.front(), begin);
      EXPECT_LE(written[-1], end);
    }
    EXPECT_EQ(times.back(), guard);
  }

  static constexpr int64_t guard = -7, unused = -5;
  std::vector<int64_t> times;
  ashlar_marks marks;
};

} // namespace

// The hand-written model has a barrier for each of its two layers.
TEST(Marks, EveryPhaseOfEveryCall) {
  for (int32_t threads : {1, 3}) {
    Checked checked(fake_pair, threads);
    Marks marks(8);
    ashlar_session *session = checked.session.get();
    ASSERT_EQ(api().session_marks(session, &marks.marks), ASHLAR_OK);
    int64_t begin = now();
    checked.encode({0, 1}, {50, 200});
    marks.expect(1 + FAKE_LAYERS, begin);
    for (int32_t call = 0; call < 100; ++call) {
      begin = now();
      checked.decode({0, 1}, {1, 2});
      marks.expect(1 + FAKE_LAYERS, begin);
    }
    // A head without barriers: the beginnings of its pieces.
    float out[FAKE_LOGITS * 3];
    begin = now();
    EXPECT_EQ(api().head(session, 0, nullptr, 0, out, std::size(out)),
              ASHLAR_OK);
    marks.expect(1, begin);
  }
}

TEST(Marks, APieceOfAHeadIsARun) {
  Checked checked(fake_decoder, 3);
  checked.decode({0}, {2 * FAKE_HEAD_ROWS + 1});
  Marks marks(8);
  ashlar_session *session = checked.session.get();
  ASSERT_EQ(api().session_marks(session, &marks.marks), ASHLAR_OK);
  std::vector<float> out((2 * FAKE_HEAD_ROWS + 1) * FAKE_LOGITS);
  int64_t begin = now();
  EXPECT_EQ(api().head(session, 0, nullptr, 0, out.data(), out.size()),
            ASHLAR_OK);
  marks.expect(3, begin);
}

TEST(Marks, WhatDoesNotFitIsCounted) {
  for (int32_t threads : {1, 3})
    for (int64_t capacity : {0, 1, 2}) {
      Checked checked(fake_decoder, threads);
      Marks marks(capacity);
      ASSERT_EQ(api().session_marks(checked.session.get(), &marks.marks),
                ASHLAR_OK);
      int64_t begin = now();
      checked.decode({0}, {10});
      marks.expect(1 + FAKE_LAYERS, begin);
    }
}

TEST(Marks, RefusalsAndTheEnd) {
  Checked checked(fake_decoder, 3);
  ashlar_session *session = checked.session.get();
  Marks marks(8);
  EXPECT_EQ(api().session_marks(nullptr, &marks.marks),
            ASHLAR_INVALID_ARGUMENT);
  ashlar_marks nowhere = {nullptr, 1, 0},
               negative = {marks.times.data(), -1, 0};
  EXPECT_EQ(api().session_marks(session, &nowhere), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().session_marks(session, &negative), ASHLAR_INVALID_ARGUMENT);
  checked.decode({0}, {10});
  EXPECT_EQ(nowhere.count, 0);
  ASSERT_EQ(api().session_marks(session, &marks.marks), ASHLAR_OK);
  ASSERT_EQ(api().session_marks(session, nullptr), ASHLAR_OK);
  checked.decode({0}, {10});
  EXPECT_EQ(marks.marks.count, Marks::unused);
  EXPECT_EQ(marks.times.front(), Marks::guard);
}

TEST(Marks, ARefusedCallKeepsThoseOfTheLast) {
  Checked checked(fake_decoder, 1);
  Marks marks(8);
  ASSERT_EQ(api().session_marks(checked.session.get(), &marks.marks),
            ASHLAR_OK);
  int64_t begin = now();
  checked.decode({0}, {10});
  ashlar_batch empty = {};
  EXPECT_NE(api().decode(checked.session.get(), &empty), ASHLAR_OK);
  marks.expect(1 + FAKE_LAYERS, begin);
}

TEST(Marks, NothingIsAllocated) {
  Checked checked(fake_pair, 3);
  Marks marks(8);
  int64_t requests = fake_requests.requests;
  api().session_marks(checked.session.get(), &marks.marks);
  checked.encode({0}, {50});
  checked.decode({0}, {20});
  EXPECT_EQ(fake_requests.requests, requests);
}

TEST(Marks, WorkersAreThoseOfTheSession) {
  for (int32_t threads : {1, 3}) {
    Checked checked(fake_decoder, threads);
    EXPECT_EQ(api().workers(checked.session.get()), threads);
  }
  EXPECT_EQ(api().workers(nullptr), 0);
}
