//===- SequencesTest.cpp - Rows, tiles, segments over many calls ----------===//
//
// Would catch: a key or a row in a wrong place, lengths that are not carried
// over, positions that do not continue, sources that are not replaced.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

using namespace ashlar::test;

TEST(Sequences, DecodesAPromptInOneCall) {
  Checked checked(fake_decoder, 2);
  checked.decode({0}, {FAKE_TOKENS});
}

TEST(Sequences, AnyChunksGiveTheSameRows) {
  for (int32_t chunk : {1, 3, 7, 8, 100, 255, 256, 257, 399}) {
    Checked checked(fake_decoder, 2);
    for (int32_t done = 0; done < FAKE_CONTEXT; done += chunk)
      checked.decode({3}, {std::min(chunk, FAKE_CONTEXT - done)});
    EXPECT_EQ(api().length(checked.session.get(), 3), FAKE_CONTEXT);
  }
}

TEST(Sequences, RaggedBatchesOfAllSlots) {
  Checked checked(fake_decoder, 3);
  checked.decode({4, 0, 2}, {1, 250, 14});
  checked.decode({0, 1, 2, 3, 4}, {6, 1, 7, 8, 300});
  checked.decode({2}, {1});
  checked.decode({1, 0}, {256, 1});
  checked.decode({4, 3, 2, 1, 0}, {1, 1, 1, 1, 1});
}

TEST(Sequences, ResetForgetsOneOrAll) {
  Checked checked(fake_decoder, 1);
  checked.decode({0, 1, 2}, {30, 31, 32});
  EXPECT_EQ(api().reset(checked.session.get(), 1), ASHLAR_OK);
  checked.sequences[1].clear();
  checked.decode({0, 1, 2}, {3, 4, 5});
  EXPECT_EQ(api().reset(checked.session.get(), -1), ASHLAR_OK);
  for (auto &sequence : checked.sequences)
    sequence.clear();
  EXPECT_EQ(api().length(checked.session.get(), 0), 0);
  checked.decode({2, 0}, {9, 2});
}

TEST(Sequences, ResetKeepsTheLastResult) {
  Checked checked(fake_decoder, 1);
  checked.decode({0}, {5});
  auto before = resultOf(checked.session);
  EXPECT_EQ(api().reset(checked.session.get(), -1), ASHLAR_OK);
  EXPECT_EQ(resultOf(checked.session), before);
}

namespace {
/// The decoder with two positions before that of a sequence's first token.
struct LaterPositions {
  LaterPositions() {
    stack.first_position = 2;
    plan.stacks = &stack;
  }
  ashlar_stack_plan stack = fake_decoder.stacks[0];
  ashlar_plan plan = fake_decoder;
};
} // namespace

TEST(Sequences, PositionsMayBeginLater) {
  LaterPositions later;
  Model model = openModel(later.plan);
  Session session = createSession(model, 1);
  std::vector<Token> tokens;
  for (int32_t call = 0; call < 2; ++call) {
    Batch batch;
    batch.add(0, {{7, 0, 0}, {8, 0, 0}, {9, 0, 0}});
    ashlar_batch view = batch.view();
    view.position_ids = nullptr;
    ASSERT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
    for (int32_t i = 0; i < 3; ++i)
      tokens.push_back({7 + i, 2 + 3 * call + i, 0});
  }
  auto rows = resultOf(session);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(rows[i], resultRow(tokens, 3 + i, 4 + i, {}, 0));
}

/// What positions number, and what they leave out, in every call anew.
TEST(Sequences, PositionsMayLeaveOutThePadding) {
  LaterPositions later;
  later.stack.positions_by_token = 1;
  Model model = openModel(later.plan);
  Session session = createSession(model, 1);
  const int32_t ids[2][4] = {{7, 1, 8, 1}, {1, 9, 1, 1}};
  const int32_t positions[2][4] = {{2, 1, 3, 1}, {1, 6, 1, 1}};
  std::vector<Token> tokens;
  for (int32_t call = 0; call < 2; ++call) {
    Batch batch;
    std::vector<Token> given;
    for (int32_t i = 0; i < 4; ++i) {
      given.push_back({ids[call][i], 0, 0});
      tokens.push_back({ids[call][i], positions[call][i], 0});
    }
    batch.add(0, given);
    ashlar_batch view = batch.view();
    view.position_ids = nullptr;
    ASSERT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
  }
  auto rows = resultOf(session);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(rows[i], resultRow(tokens, 4 + i, 5 + i, {}, 0));
}

TEST(Sequences, LaterPositionsEndEarlier) {
  LaterPositions later;
  later.stack.positions = 300;
  Model model = openModel(later.plan);
  Session session = createSession(model, 1);
  Batch batch;
  batch.add(0, makeTokens(0, 0, 299));
  ashlar_batch view = batch.view();
  view.position_ids = nullptr;
  EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_INVALID_POSITION);
  batch.lengths[0] = 298;
  EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
  batch.lengths[0] = 1;
  EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_INVALID_POSITION);
}

TEST(Sequences, SlotsAndPositionsHaveDefaults) {
  Model model = openModel(fake_decoder);
  Session session = createSession(model, 2);
  std::vector<Token> first, second;
  for (int32_t i = 0; i < 9; ++i)
    (i < 4 ? first : second).push_back({100 + i, i < 4 ? i : i - 4, 0});
  for (int32_t call = 0; call < 2; ++call) {
    Batch batch;
    batch.add(0, first).add(1, second);
    ashlar_batch view = batch.view();
    view.slots = nullptr;
    view.position_ids = nullptr;
    view.token_type_ids = nullptr;
    ASSERT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
  }
  // The second call's positions continue.
  auto twice = [](std::vector<Token> tokens) {
    size_t length = tokens.size();
    for (size_t i = 0; i < length; ++i) {
      tokens.push_back(tokens[i]);
      tokens.back().position += int32_t(length);
    }
    return tokens;
  };
  auto rows = resultOf(session);
  auto a = twice(first), b = twice(second);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(rows[i], resultRow(a, 4 + i, 5 + i, {}, 0));
  for (size_t i = 0; i < 5; ++i)
    EXPECT_EQ(rows[4 + i], resultRow(b, 5 + i, 6 + i, {}, 1));
}

TEST(Sequences, AnEncoderStartsAnew) {
  Checked checked(fake_encoder, 2);
  checked.encode({0}, {FAKE_TOKENS});
  checked.encode({4, 1}, {300, 100}, 5);
  checked.encode({0, 1, 2, 3, 4}, {1, 1, 396, 1, 1}, 6);
  checked.encode({2}, {1}, 7);
  EXPECT_EQ(api().length(checked.session.get(), 2), 0);
}

TEST(Sequences, ADecoderReadsItsSource) {
  Checked checked(fake_pair, 2);
  checked.encode({1, 3}, {300, 17});
  checked.decode({1}, {1});
  checked.decode({3, 1}, {270, 2});
  checked.encode({0}, {256}, 9);
  checked.decode({0, 1, 3}, {1, 5, 1});
}

TEST(Sequences, ANewSourceForgetsTheTarget) {
  Checked checked(fake_pair, 2);
  checked.encode({2, 4}, {40, 41});
  checked.decode({2, 4}, {10, 20});
  checked.encode({2}, {7}, 50);
  EXPECT_EQ(api().length(checked.session.get(), 2), 0);
  EXPECT_EQ(api().length(checked.session.get(), 4), 20);
  checked.decode({4, 2}, {3, 3});
}

// Catches: segments of another slot, a layer left out, a target that still
// shares keys with its origin.
TEST(Sequences, ACopyGoesItsOwnWay) {
  for (int32_t length : {1, 30, 255, 256, 257, 380}) {
    Checked checked(fake_decoder, 2);
    checked.decode({1, 3}, {length, 7});
    EXPECT_EQ(api().copy_slot(checked.session.get(), 1, 4), ASHLAR_OK);
    EXPECT_EQ(api().copy_slot(checked.session.get(), 1, 1), ASHLAR_OK);
    checked.sequences[4] = checked.sequences[1];
    EXPECT_EQ(api().length(checked.session.get(), 4), length);
    checked.decode({4, 1}, {1, 1});
    EXPECT_EQ(api().copy_slot(checked.session.get(), 3, 4), ASHLAR_OK);
    checked.sequences[4] = checked.sequences[3];
    checked.decode({3, 4}, {2, 3});
  }
}

TEST(Sequences, ACopyHasTheSource) {
  Checked checked(fake_pair, 2);
  auto copy = [&](size_t from, size_t to) {
    EXPECT_EQ(
        api().copy_slot(checked.session.get(), int32_t(from), int32_t(to)),
        ASHLAR_OK);
    checked.sequences[to] = checked.sequences[from];
    checked.sources[to] = checked.sources[from];
  };
  checked.encode({1}, {300});
  copy(1, 0);
  checked.decode({0, 1}, {2, 3});
  copy(0, 1);
  checked.decode({0, 1}, {1, 1});
  // Sources of one length are not the same source.
  checked.encode({2}, {300}, 5);
  checked.decode({2}, {1});
  copy(2, 1);
  checked.decode({1, 2, 0}, {1, 1, 1});
}

// Catches: rows that take the place of keys that are still seen, in a call of
// any length at any place, and rows whose tables go round at another place.
TEST(Sequences, ARingHoldsWhatIsSeen) {
  for (const ashlar_plan *plan : {&fake_windows, &fake_mixture})
    for (int32_t chunk : {1, 50, 255, 256, 257, int32_t(FAKE_TOKENS)}) {
      Checked checked(*plan, 2);
      for (int32_t done = 0; done < FAKE_LONG_CONTEXT; done += chunk)
        checked.decode({3}, {std::min(chunk, FAKE_LONG_CONTEXT - done)});
      EXPECT_EQ(api().length(checked.session.get(), 3), FAKE_LONG_CONTEXT);
      Batch batch;
      batch.add(3, makeTokens(0, 0, 1));
      ashlar_batch view = batch.view();
      EXPECT_EQ(api().decode(checked.session.get(), &view),
                ASHLAR_CONTEXT_FULL);
    }
}

TEST(Sequences, RingsOfABatch) {
  for (const ashlar_plan *plan : {&fake_windows, &fake_mixture}) {
    Checked checked(*plan, 3);
    for (int32_t turn = 0; turn < 4; ++turn) {
      checked.decode({4, 0, 2}, {1, 250, 14});
      checked.decode({0, 1, 2, 3, 4}, {6, 1, 7, 8, 300});
      checked.decode({1, 0}, {256, 1});
    }
    EXPECT_EQ(api().reset(checked.session.get(), 4), ASHLAR_OK);
    checked.sequences[4].clear();
    checked.decode({4, 0}, {300, 1});
    checked.decode({4, 0}, {300, 1});
  }
}

// Catches: a copy of more segments than there are, which is the next slot's,
// and of those that the length counts, though the ring has gone round.
TEST(Sequences, ACopyOfARing) {
  for (const ashlar_plan *plan : {&fake_windows, &fake_mixture})
    for (int32_t calls : {1, 2, 4}) {
      Checked checked(*plan, 2);
      for (int32_t i = 0; i < calls; ++i)
        checked.decode({1, 2}, {300, 100});
      EXPECT_EQ(api().copy_slot(checked.session.get(), 1, 4), ASHLAR_OK);
      EXPECT_EQ(api().copy_slot(checked.session.get(), 1, 0), ASHLAR_OK);
      checked.sequences[4] = checked.sequences[0] = checked.sequences[1];
      for (int32_t i = 0; i < 3; ++i)
        checked.decode({4, 1, 2, 0}, {150, 1, 1, 90});
    }
}

TEST(Sequences, VectorsInsteadOfIds) {
  Model model = openModel(fake_vectors);
  Session session = createSession(model, 2);
  auto tokens = makeTokens(3, 0, 33);
  Batch batch;
  batch.add(2, tokens);
  std::vector<float> vectors(tokens.size() * FAKE_HIDDEN, 7.0f);
  for (size_t i = 0; i < tokens.size(); ++i)
    vectors[i * FAKE_HIDDEN] = float(tokens[i].id);
  ashlar_batch view = batch.view();
  view.ids = nullptr;
  view.vectors = vectors.data();
  for (int32_t call = 0; call < 2; ++call) {
    ASSERT_EQ(api().encode(session.get(), &view), ASHLAR_OK);
    auto rows = resultOf(session);
    ASSERT_EQ(rows.size(), tokens.size());
    for (size_t i = 0; i < rows.size(); ++i)
      EXPECT_EQ(rows[i], resultRow(tokens, i, tokens.size(), {}, 2));
  }
}

TEST(Sequences, DefaultTypesAreZeroAfterOthers) {
  Model model = openModel(fake_encoder);
  Session session = createSession(model, 1);
  std::vector<Token> typed = {{5, 0, 2}, {6, 1, 1}};
  std::vector<Token> plain = {{5, 0, 0}, {6, 1, 0}};
  Batch batch;
  batch.add(0, typed);
  ashlar_batch view = batch.view();
  ASSERT_EQ(api().encode(session.get(), &view), ASHLAR_OK);
  EXPECT_EQ(resultOf(session)[1], resultRow(typed, 1, 2, {}, 0));
  view.token_type_ids = nullptr;
  ASSERT_EQ(api().encode(session.get(), &view), ASHLAR_OK);
  EXPECT_EQ(resultOf(session)[1], resultRow(plain, 1, 2, {}, 0));
}

TEST(Sequences, SessionsOfOneModelDoNotMeet) {
  Checked a(fake_decoder, 2);
  Session other = createSession(a.model, 3);
  a.decode({0, 1}, {20, 30});
  Batch batch;
  batch.add(0, makeTokens(1, 0, 50));
  ashlar_batch view = batch.view();
  ASSERT_EQ(api().decode(other.get(), &view), ASHLAR_OK);
  EXPECT_EQ(api().length(a.session.get(), 0), 20);
  EXPECT_EQ(api().length(other.get(), 0), 50);
  a.decode({0, 1}, {2, 3});
}

TEST(Sequences, TwoArtifactsInOneProgram) {
  const ashlar_api &alpha = *alpha_get_api(), &beta = *beta_get_api();
  ASSERT_NE(&alpha, &beta);
  ASSERT_NE(alpha.decode, beta.decode);
  ashlar_model *decoder = nullptr, *encoder = nullptr;
  ASSERT_EQ(alpha.open(nullptr, &decoder), ASHLAR_OK);
  ASSERT_EQ(beta.open(nullptr, &encoder), ASHLAR_OK);
  ashlar_session *a = nullptr, *b = nullptr;
  ASSERT_EQ(alpha.session_create(decoder, nullptr, &a), ASHLAR_OK);
  ASSERT_EQ(beta.session_create(encoder, nullptr, &b), ASHLAR_OK);
  Batch batch;
  batch.add(0, makeTokens(1, 0, 50));
  ashlar_batch view = batch.view();
  EXPECT_EQ(alpha.decode(a, &view), ASHLAR_OK);
  EXPECT_EQ(alpha.encode(a, &view), ASHLAR_NOT_SUPPORTED);
  EXPECT_EQ(beta.encode(b, &view), ASHLAR_OK);
  EXPECT_EQ(beta.decode(b, &view), ASHLAR_NOT_SUPPORTED);
  EXPECT_EQ(alpha.length(a, 0), 50);
  EXPECT_EQ(beta.length(b, 0), 0);
  alpha.session_destroy(a);
  beta.session_destroy(b);
  alpha.close(decoder);
  beta.close(encoder);
}

TEST(Sequences, CallersMemoryIsUsedAndCleared) {
  Model model = openModel(fake_decoder);
  auto arena = std::make_unique<fake_arena[]>(2);
  auto cache = std::make_unique<fake_cache[]>(2);
  auto aligned = [](void *memory) {
    return reinterpret_cast<char *>((uintptr_t(memory) + 63) / 64 * 64);
  };
  char *arenaMemory = aligned(arena.get()), *cacheMemory = aligned(cache.get());
  memset(arenaMemory, 0xff, sizeof(fake_arena));
  memset(cacheMemory, 0xff, sizeof(fake_cache) + 1);
  ashlar_session_options options = {1, arenaMemory, sizeof(fake_arena),
                                    cacheMemory, sizeof(fake_cache)};
  ashlar_session *raw = nullptr;
  ASSERT_EQ(api().session_create(model.get(), &options, &raw), ASHLAR_OK);
  Session session(raw);
  EXPECT_EQ(api().arena(raw), arenaMemory);
  for (size_t i = 0; i < sizeof(fake_cache); ++i)
    ASSERT_EQ(cacheMemory[i], 0);
  EXPECT_EQ(cacheMemory[sizeof(fake_cache)], char(0xff));
  Batch batch;
  auto tokens = makeTokens(1, 0, 50);
  batch.add(0, tokens);
  ashlar_batch view = batch.view();
  ASSERT_EQ(api().decode(raw, &view), ASHLAR_OK);
  EXPECT_EQ(resultOf(session)[49], resultRow(tokens, 49, 50, {}, 0));
  EXPECT_EQ(reinterpret_cast<fake_cache *>(cacheMemory)->own[0][0][0],
            ownKey(tokens[0]));
}
