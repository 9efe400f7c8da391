//===- FakeModel.h - A model that can be computed by head ------*- C++ -*-===//
//
// An artifact without code: its functions check the caller as the real runtime
// does, and a row's "hidden state" says which tokens it has seen. What the text
// front end does with batches, chunks, slots and masks shows in the numbers.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TESTS_RUNTIME_TEXT_FAKEMODEL_H
#define ASHLAR_TESTS_RUNTIME_TEXT_FAKEMODEL_H

#include "runtime/api.h"

#include <functional>
#include <string>
#include <vector>

namespace ashlar {

/// Features of a hidden row.
enum FakeFeature {
  FakeId,       // token id, or the first entry of the vector
  FakePosition, // position
  FakeType,     // token type
  FakeSum,      // of the ids that the row sees
  FakeCount,    // how many rows it sees
  FakeSource,   // the sum of its source's ids
  FakeFeatures
};

struct FakeModel {
  enum class Kind { Decoder, Encoder, EncoderDecoder };

  /// The plan with its tables; change it before `api` is used.
  explicit FakeModel(Kind kind, int64_t vocabulary = 20);
  FakeModel(const FakeModel &) = delete;

  const ashlar_api *api() { return &table; }
  ashlar_session *session() { return reinterpret_cast<ashlar_session *>(this); }

  ashlar_plan plan = {};
  ashlar_stack_plan stacks[2] = {};
  /// "logits" prefers the id after the row's own; "pooler_output" is the first
  /// row's id and sum.
  ashlar_head_plan heads[2] = {};

  struct Call {
    bool isEncoder;
    std::vector<int32_t> slots, lengths;
    std::vector<int32_t> marks = {};
    bool operator==(const Call &) const = default;
  };
  std::vector<Call> calls;
  int64_t copies = 0;                   // of slots
  ashlar_status nextStatus = ASHLAR_OK; // of every encode and decode
  bool notNumbers = false;              // logits are NaN
  std::vector<float> fixedLogits;       // instead of computed ones
  /// The logit of token `i` behind a hidden row; instead of the others.
  std::function<float(const float *row, int64_t i)> logitOf;

  // State of the session.
  struct Slot {
    double sum = 0, source = 0;
    int64_t length = 0, sourceLength = 0;
  };
  std::vector<Slot> slots;
  std::vector<float> result; // [rows, FakeFeatures]
  std::vector<int32_t> firstRows;
  bool resultIsEncoder = false;

  ashlar_status run(bool isEncoder, const ashlar_batch &batch);
  ashlar_status head(int32_t index, const int32_t *rows, int32_t count,
                     float *out, size_t floats);

private:
  ashlar_status check(bool isEncoder, const ashlar_batch &batch);
  ashlar_api table = {};
};

} // namespace ashlar

#endif // ASHLAR_TESTS_RUNTIME_TEXT_FAKEMODEL_H
