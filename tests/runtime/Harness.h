//===- Harness.h - Models, sessions and batches for tests --------*- C++
//-*-===//
//
// Owners of models and sessions of the hand-written artifact, and a batch that
// keeps its arrays alive.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TESTS_RUNTIME_HARNESS_H
#define ASHLAR_TESTS_RUNTIME_HARNESS_H

#include "tests/runtime/Reference.h"

#include <gtest/gtest.h>
#include <memory>
#include <optional>

namespace ashlar::test {

inline const ashlar_api &api() { return *alpha_get_api(); }

struct ModelCloser {
  void operator()(ashlar_model *model) const { api().close(model); }
};
struct SessionDestroyer {
  void operator()(ashlar_session *session) const {
    api().session_destroy(session);
  }
};
using Model = std::unique_ptr<ashlar_model, ModelCloser>;
using Session = std::unique_ptr<ashlar_session, SessionDestroyer>;

inline Model openModel(const ashlar_plan &plan) {
  ashlar_model *model = nullptr;
  EXPECT_EQ(alpha_rt_open(&plan, nullptr, &model), ASHLAR_OK);
  return Model(model);
}

inline Session createSession(const Model &model, int32_t threads) {
  ashlar_session_options options = {};
  options.threads = threads;
  ashlar_session *session = nullptr;
  EXPECT_EQ(api().session_create(model.get(), &options, &session), ASHLAR_OK);
  return Session(session);
}

/// Rows of several sequences, in the order of `add`.
class Batch {
public:
  /// Appends `tokens` as a sequence for `slot`.
  Batch &add(int32_t slot, const std::vector<Token> &tokens) {
    slots.push_back(slot);
    lengths.push_back(int32_t(tokens.size()));
    for (const Token &token : tokens) {
      ids.push_back(token.id);
      positions.push_back(token.position);
      types.push_back(token.type);
    }
    return *this;
  }

  ashlar_batch view() const {
    ashlar_batch batch = {};
    batch.sequences = int32_t(slots.size());
    batch.slots = slots.data();
    batch.lengths = lengths.data();
    batch.ids = ids.data();
    batch.position_ids = positions.data();
    batch.token_type_ids = types.data();
    return batch;
  }

  std::vector<int32_t> slots, lengths, ids, positions, types;
};

/// `count` tokens from index `first` on, different for each `salt`, at their
/// default positions.
inline std::vector<Token> makeTokens(int32_t salt, int32_t first,
                                     int32_t count) {
  std::vector<Token> tokens;
  for (int32_t i = first; i < first + count; ++i)
    tokens.push_back({(i * 37 + salt * 101 + i / 3) % FAKE_VOCABULARY,
                      i % FAKE_POSITIONS, (i + salt) % FAKE_TYPES});
  return tokens;
}

/// Rows of the session's last result.
inline std::vector<Row> resultOf(const Session &session) {
  const float *hidden = nullptr;
  int64_t rows = 0, features = 0, stride = 0;
  EXPECT_EQ(api().hidden(session.get(), &hidden, &rows, &features, &stride),
            ASHLAR_OK);
  EXPECT_EQ(features, FAKE_HIDDEN);
  std::vector<Row> result(static_cast<size_t>(rows));
  for (size_t i = 0; i < result.size(); ++i)
    for (size_t j = 0; j < FAKE_HIDDEN; ++j)
      result[i][j] = hidden[int64_t(i) * stride + int64_t(j)];
  return result;
}

/// The hand-written model's arena, for what its workers noted.
inline const fake_arena &arenaOf(const Session &session) {
  return *static_cast<const fake_arena *>(api().arena(session.get()));
}

/// A session and the sequences that it should hold: every call is compared
/// with the plain computation.
class Checked {
public:
  Checked(const ashlar_plan &plan, int32_t threads)
      : plan(plan), model(openModel(plan)),
        session(createSession(model, threads)) {}

  /// Decodes `counts[i]` further tokens in `slots[i]`.
  void decode(const std::vector<int32_t> &slots,
              const std::vector<int32_t> &counts) {
    Batch batch;
    for (size_t i = 0; i < slots.size(); ++i) {
      auto &held = sequences[size_t(slots[i])];
      auto fresh = makeTokens(slots[i] + 10, int32_t(held.size()), counts[i]);
      batch.add(slots[i], fresh);
      held.insert(held.end(), fresh.begin(), fresh.end());
    }
    ashlar_batch view = batch.view();
    ASSERT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
    std::vector<Row> expected;
    for (size_t i = 0; i < slots.size(); ++i) {
      auto &held = sequences[size_t(slots[i])];
      EXPECT_EQ(api().length(session.get(), slots[i]), int64_t(held.size()));
      for (size_t j = held.size() - size_t(counts[i]); j < held.size(); ++j)
        expected.push_back(expectedRow(held, j, slots[i]));
    }
    EXPECT_EQ(resultOf(session), expected);
  }

  /// Encodes sources of `counts[i]` tokens for `slots[i]`.
  void encode(const std::vector<int32_t> &slots,
              const std::vector<int32_t> &counts, int32_t salt = 0) {
    Batch batch;
    std::vector<Row> expected;
    for (size_t i = 0; i < slots.size(); ++i) {
      auto tokens = makeTokens(slots[i] + salt, 0, counts[i]);
      batch.add(slots[i], tokens);
      sources[size_t(slots[i])] = tokens;
      sequences[size_t(slots[i])].clear();
      for (size_t j = 0; j < tokens.size(); ++j)
        expected.push_back(resultRow(tokens, j, tokens.size(), {}, slots[i]));
    }
    ashlar_batch view = batch.view();
    ASSERT_EQ(api().encode(session.get(), &view), ASHLAR_OK);
    EXPECT_EQ(resultOf(session), expected);
  }

  /// Of a decoder's row.
  Row expectedRow(const std::vector<Token> &held, size_t row,
                  int32_t slot) const {
    const ashlar_stack_plan &stack = plan.stacks[plan.decoder];
    if (stack.ring_kind < 0)
      return resultRow(held, row, row + 1, sources[size_t(slot)], slot);
    return windowRow(held, row, stack.cache_kind >= 0, slot);
  }

  const ashlar_plan &plan;
  Model model;
  Session session;
  std::array<std::vector<Token>, FAKE_SEQUENCES> sequences, sources;
};

} // namespace ashlar::test

#endif // ASHLAR_TESTS_RUNTIME_HARNESS_H
