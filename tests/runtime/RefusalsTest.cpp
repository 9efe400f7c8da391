//===- RefusalsTest.cpp - Everything a caller can get wrong ---------------===//
//
// Would catch: a number that is not checked, a wrong status, and a refused call
// that changes a sequence, a source or the last result.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

#include <climits>
#include <functional>
#include <set>
#include <string>

using namespace ashlar::test;

namespace {

/// A session with 20 tokens in slot 0 and 3 in slot 2. A call that is changed
/// to be wrong must be refused and lose nothing.
struct Refusals : testing::Test {
  void SetUp() override { checked.decode({0, 2}, {20, 3}); }

  using Change = std::function<void(Batch &, ashlar_batch &)>;

  ashlar_status decode(const Change &change) {
    Batch batch;
    batch.add(2, makeTokens(1, 3, 4)).add(1, makeTokens(2, 0, 5));
    ashlar_batch view = batch.view();
    change(batch, view);
    auto before = resultOf(checked.session);
    ashlar_status status = api().decode(checked.session.get(), &view);
    if (status != ASHLAR_OK) {
      EXPECT_EQ(resultOf(checked.session), before);
      EXPECT_EQ(api().length(checked.session.get(), 0), 20);
      EXPECT_EQ(api().length(checked.session.get(), 1), 0);
      EXPECT_EQ(api().length(checked.session.get(), 2), 3);
    }
    return status;
  }

  Checked checked{fake_decoder, 2};
};

const int32_t badIds[] = {INT_MIN,         INT_MIN + 1,         -1,
                          FAKE_VOCABULARY, FAKE_VOCABULARY + 1, INT_MAX};

} // namespace

TEST_F(Refusals, TheUnchangedCallIsRight) {
  EXPECT_EQ(decode([](Batch &, ashlar_batch &) {}), ASHLAR_OK);
}

TEST_F(Refusals, TokenIds) {
  for (size_t at : {0, 3, 4, 8})
    for (int32_t id : badIds)
      EXPECT_EQ(decode([&](Batch &b, ashlar_batch &) { b.ids[at] = id; }),
                ASHLAR_INVALID_TOKEN)
          << id << " at " << at;
  EXPECT_EQ(
      decode([&](Batch &b, ashlar_batch &) { b.ids[8] = FAKE_VOCABULARY - 1; }),
      ASHLAR_OK);
}

TEST_F(Refusals, PositionIds) {
  for (int32_t position : {INT_MIN, -1, +FAKE_POSITIONS, INT_MAX})
    EXPECT_EQ(
        decode([&](Batch &b, ashlar_batch &) { b.positions[8] = position; }),
        ASHLAR_INVALID_POSITION)
        << position;
}

TEST_F(Refusals, TokenTypes) {
  for (int32_t type : {INT_MIN, -1, +FAKE_TYPES, INT_MAX})
    EXPECT_EQ(decode([&](Batch &b, ashlar_batch &) { b.types[8] = type; }),
              ASHLAR_INVALID_TYPE)
        << type;
}

TEST_F(Refusals, Slots) {
  for (int32_t slot : {INT_MIN, -1, +FAKE_SEQUENCES, INT_MAX, 2 /* twice */})
    EXPECT_EQ(decode([&](Batch &b, ashlar_batch &) { b.slots[1] = slot; }),
              ASHLAR_INVALID_ARGUMENT)
        << slot;
}

TEST_F(Refusals, Lengths) {
  for (int32_t length : {INT_MIN, -1, 0})
    EXPECT_EQ(decode([&](Batch &b, ashlar_batch &) { b.lengths[1] = length; }),
              ASHLAR_INVALID_ARGUMENT)
        << length;
  EXPECT_EQ(decode([&](Batch &b, ashlar_batch &) { b.lengths[1] = INT_MAX; }),
            ASHLAR_CONTEXT_FULL);
  EXPECT_EQ(decode([&](Batch &b, ashlar_batch &) { b.lengths = {200, 201}; }),
            ASHLAR_TOO_MANY_TOKENS);
  // 3 tokens are held in slot 2.
  EXPECT_EQ(decode([&](Batch &b, ashlar_batch &) {
              b.lengths[0] = FAKE_CONTEXT - 2;
            }),
            ASHLAR_CONTEXT_FULL);
}

TEST_F(Refusals, SequenceCounts) {
  for (int32_t count : {INT_MIN, -1, 0, FAKE_SEQUENCES + 1, INT_MAX})
    EXPECT_EQ(
        decode([&](Batch &, ashlar_batch &view) { view.sequences = count; }),
        ASHLAR_INVALID_ARGUMENT)
        << count;
}

TEST_F(Refusals, MissingAndSurplusArrays) {
  EXPECT_EQ(decode([](Batch &, ashlar_batch &v) { v.lengths = nullptr; }),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(decode([](Batch &, ashlar_batch &v) { v.ids = nullptr; }),
            ASHLAR_INVALID_ARGUMENT);
  float vector = 0;
  EXPECT_EQ(decode([&](Batch &, ashlar_batch &v) { v.vectors = &vector; }),
            ASHLAR_NOT_SUPPORTED);
  int32_t extents[] = {9, 9};
  EXPECT_EQ(decode([&](Batch &, ashlar_batch &v) { v.extents = extents; }),
            ASHLAR_NOT_SUPPORTED);
}

TEST_F(Refusals, NullArguments) {
  ashlar_batch view = {};
  ashlar_session *session = checked.session.get();
  EXPECT_EQ(api().decode(nullptr, &view), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().decode(session, nullptr), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().encode(nullptr, &view), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().encode(session, nullptr), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().encode(session, &view), ASHLAR_NOT_SUPPORTED);
  EXPECT_EQ(api().reset(nullptr, 0), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().copy_slot(nullptr, 0, 1), ASHLAR_INVALID_ARGUMENT);
  const float *hidden;
  int64_t a, b, c;
  EXPECT_EQ(api().hidden(nullptr, &hidden, &a, &b, &c),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().hidden(session, nullptr, &a, &b, &c),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().hidden(session, &hidden, nullptr, &b, &c),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().hidden(session, &hidden, &a, nullptr, &c),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().hidden(session, &hidden, &a, &b, nullptr),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().arena(nullptr), nullptr);
  api().close(nullptr);
  api().session_destroy(nullptr);
}

TEST_F(Refusals, SlotsOfResetAndLength) {
  for (int32_t slot : {INT_MIN, -2, +FAKE_SEQUENCES, INT_MAX}) {
    EXPECT_EQ(api().reset(checked.session.get(), slot),
              ASHLAR_INVALID_ARGUMENT);
    EXPECT_LT(api().length(checked.session.get(), slot), 0);
    EXPECT_EQ(api().copy_slot(checked.session.get(), slot, 0),
              ASHLAR_INVALID_ARGUMENT);
    EXPECT_EQ(api().copy_slot(checked.session.get(), 0, slot),
              ASHLAR_INVALID_ARGUMENT);
  }
  EXPECT_EQ(api().copy_slot(checked.session.get(), -1, 0),
            ASHLAR_INVALID_ARGUMENT);
  Checked encoder(fake_encoder, 1);
  EXPECT_EQ(api().copy_slot(encoder.session.get(), 0, 1), ASHLAR_NOT_SUPPORTED);
  EXPECT_LT(api().length(checked.session.get(), -1), 0);
  EXPECT_LT(api().length(nullptr, 0), 0);
  EXPECT_EQ(api().length(checked.session.get(), 0), 20);
}

TEST(Refused, HiddenBeforeTheFirstCall) {
  Model model = openModel(fake_decoder);
  Session session = createSession(model, 1);
  const float *hidden;
  int64_t a, b, c;
  EXPECT_EQ(api().hidden(session.get(), &hidden, &a, &b, &c),
            ASHLAR_INVALID_ARGUMENT);
}

TEST(Refused, ContextIsFullToTheLastToken) {
  Checked checked(fake_decoder, 1);
  checked.decode({1}, {300});
  checked.decode({1}, {300});
  Batch batch;
  batch.add(1, makeTokens(0, 0, 1));
  ashlar_batch view = batch.view();
  EXPECT_EQ(api().decode(checked.session.get(), &view), ASHLAR_CONTEXT_FULL);
  // The neighbour that has room is not run either.
  Batch two;
  two.add(0, makeTokens(0, 0, 1)).add(1, makeTokens(0, 0, 1));
  view = two.view();
  EXPECT_EQ(api().decode(checked.session.get(), &view), ASHLAR_CONTEXT_FULL);
  EXPECT_EQ(api().length(checked.session.get(), 0), 0);
}

TEST(Refused, DefaultPositionsBeyondTheTable) {
  Model model = openModel(fake_decoder);
  Session session = createSession(model, 1);
  Batch batch;
  batch.add(0, makeTokens(0, 0, 300));
  ashlar_batch view = batch.view();
  view.position_ids = nullptr;
  ASSERT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
  batch.lengths[0] = FAKE_POSITIONS - 300 + 1;
  EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_INVALID_POSITION);
  batch.lengths[0] = FAKE_POSITIONS - 300;
  EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
}

TEST(Refused, InputsThatTheModelHasNot) {
  ashlar_stack_plan stack = fake_decoder.stacks[0];
  stack.positions_offset = -1;
  stack.types_offset = -1;
  ashlar_plan plan = fake_decoder;
  plan.stacks = &stack;
  Model model = openModel(plan);
  Session session = createSession(model, 1);
  Batch batch;
  batch.add(0, makeTokens(0, 0, 2));
  ashlar_batch view = batch.view();
  view.token_type_ids = nullptr;
  EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_NOT_SUPPORTED);
  view = batch.view();
  view.position_ids = nullptr;
  EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_NOT_SUPPORTED);
  view.token_type_ids = nullptr;
  EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
}

TEST(Refused, VectorsAreNeeded) {
  Model model = openModel(fake_vectors);
  Session session = createSession(model, 1);
  Batch batch;
  batch.add(0, makeTokens(0, 0, 2));
  ashlar_batch view = batch.view();
  EXPECT_EQ(api().encode(session.get(), &view), ASHLAR_INVALID_ARGUMENT);
  float vectors[2 * FAKE_HIDDEN] = {};
  view.vectors = vectors;
  EXPECT_EQ(api().encode(session.get(), &view), ASHLAR_NOT_SUPPORTED);
  view.ids = nullptr;
  EXPECT_EQ(api().encode(session.get(), &view), ASHLAR_OK);
}

TEST(Refused, Sources) {
  Checked checked(fake_pair, 1);
  auto encode = [&](std::vector<int32_t> lengths) {
    Batch batch;
    for (size_t i = 0; i < lengths.size(); ++i)
      batch.add(int32_t(i), makeTokens(0, 0, lengths[i]));
    ashlar_batch view = batch.view();
    return api().encode(checked.session.get(), &view);
  };
  auto decode = [&](std::vector<int32_t> slots) {
    Batch batch;
    for (int32_t slot : slots)
      batch.add(slot, makeTokens(0, 0, 1));
    ashlar_batch view = batch.view();
    return api().decode(checked.session.get(), &view);
  };
  EXPECT_EQ(decode({0}), ASHLAR_NO_SOURCE);
  EXPECT_EQ(encode({FAKE_SOURCE + 1}), ASHLAR_SOURCE_TOO_LONG);
  EXPECT_EQ(encode({200, 201}), ASHLAR_TOO_MANY_TOKENS);
  EXPECT_EQ(decode({0}), ASHLAR_NO_SOURCE);
  EXPECT_EQ(encode({FAKE_SOURCE}), ASHLAR_OK);
  EXPECT_EQ(decode({0}), ASHLAR_OK);
  EXPECT_EQ(decode({0, 1}), ASHLAR_NO_SOURCE);
  EXPECT_EQ(api().length(checked.session.get(), 0), 1);
  // A refused encode keeps source and target.
  EXPECT_EQ(encode({FAKE_SOURCE + 1}), ASHLAR_SOURCE_TOO_LONG);
  EXPECT_EQ(api().length(checked.session.get(), 0), 1);
  EXPECT_EQ(decode({0}), ASHLAR_OK);
  EXPECT_EQ(api().reset(checked.session.get(), 0), ASHLAR_OK);
  EXPECT_EQ(decode({0}), ASHLAR_NO_SOURCE);
}

TEST(Refused, AnEncodersSequenceIsNotCut) {
  Model model = openModel(fake_encoder);
  Session session = createSession(model, 1);
  Batch batch;
  batch.add(0, makeTokens(0, 0, FAKE_TOKENS + 1));
  ashlar_batch view = batch.view();
  EXPECT_EQ(api().encode(session.get(), &view), ASHLAR_TOO_MANY_TOKENS);
  batch.lengths[0] = INT_MAX;
  EXPECT_EQ(api().encode(session.get(), &view), ASHLAR_TOO_MANY_TOKENS);
}

TEST(Refused, SessionOptions) {
  Model model = openModel(fake_decoder);
  alignas(64) static fake_arena arena;
  alignas(64) static fake_cache cache;
  ashlar_session *session = nullptr;
  auto create = [&](ashlar_session_options options) {
    ashlar_status status =
        api().session_create(model.get(), &options, &session);
    EXPECT_EQ(session == nullptr, status != ASHLAR_OK);
    api().session_destroy(session);
    return status;
  };
  for (int32_t threads : {INT_MIN, -1, ASHLAR_MAX_WORKERS + 1, INT_MAX})
    EXPECT_EQ(create({threads, nullptr, 0, nullptr, 0}),
              ASHLAR_INVALID_ARGUMENT);
  char *odd = reinterpret_cast<char *>(&arena) + 4;
  EXPECT_EQ(create({1, odd, sizeof arena, nullptr, 0}),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(create({1, nullptr, 0, odd, sizeof cache}),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(create({1, &arena, sizeof arena - 1, nullptr, 0}),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(create({1, nullptr, 0, &cache, sizeof cache - 1}),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(create({1, &arena, 0, &cache, 0}), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(create({1, &arena, sizeof arena, &cache, SIZE_MAX}), ASHLAR_OK);
  EXPECT_EQ(create({0, nullptr, 0, nullptr, 0}), ASHLAR_OK);
  EXPECT_EQ(api().session_create(model.get(), nullptr, nullptr),
            ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().session_create(nullptr, nullptr, &session),
            ASHLAR_INVALID_ARGUMENT);
}

TEST(Refused, MoreMemoryThanThereIs) {
  ashlar_plan plan = fake_decoder;
  plan.cache_bytes = INT64_C(1) << 56;
  Model model = openModel(plan);
  ashlar_session *session = nullptr;
  EXPECT_EQ(api().session_create(model.get(), nullptr, &session),
            ASHLAR_OUT_OF_MEMORY);
  EXPECT_EQ(session, nullptr);
}

TEST(StatusText, EachStatusHasItsOwn) {
  std::set<std::string> texts;
  for (int status = ASHLAR_OK; status <= ASHLAR_NO_TILES; ++status)
    texts.insert(api().status_text(ashlar_status(status)));
  EXPECT_EQ(texts.size(), size_t(ASHLAR_NO_TILES) + 1);
  EXPECT_EQ(texts.count("unknown status"), 0u);
  EXPECT_STREQ(api().status_text(ashlar_status(ASHLAR_NO_TILES + 1)),
               "unknown status");
}
