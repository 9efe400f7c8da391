//===- FakeModel.cpp - A model that can be computed by head ---------------===//

#include "tests/runtime_text/FakeModel.h"
#include "runtime/choose_row.h"
#include "runtime/positions.h"

#include <cmath>
#include <limits>
#include <set>

using namespace ashlar;

static FakeModel &model(const ashlar_session *session) {
  return *reinterpret_cast<FakeModel *>(const_cast<ashlar_session *>(session));
}

static ashlar_stack_plan makeStack(const char *input, const char *output,
                                   int64_t vocabulary) {
  ashlar_stack_plan stack = {};
  stack.input = input;
  stack.output = output;
  stack.vectors_offset = -1;
  stack.vector_features = FakeFeatures;
  stack.vector_rows = 1;
  stack.types_offset = -1;
  stack.vocabulary = vocabulary;
  stack.hidden = FakeFeatures;
  stack.cache_kind = -1;
  stack.ring_kind = -1;
  return stack;
}

FakeModel::FakeModel(Kind kind, int64_t vocabulary) {
  plan.name = "fake";
  plan.max_tokens = 8;
  plan.max_context = 32;
  plan.max_source = 8;
  plan.max_sequences = 3;
  plan.tile_rows = 4;
  plan.max_tiles = 5; // every sequence may waste a part of a tile
  plan.encoder = plan.decoder = plan.cross_cache = -1;
  plan.stacks = stacks;
  plan.heads = heads;
  plan.weights = this;
  if (kind != Kind::Decoder) {
    bool both = kind == Kind::EncoderDecoder;
    plan.encoder = plan.stack_count++;
    stacks[plan.encoder] = makeStack(
        "input_ids", both ? "encoder_last_hidden_state" : "last_hidden_state",
        vocabulary);
    plan.cross_cache = both ? 0 : -1;
  }
  if (kind != Kind::Encoder) {
    plan.decoder = plan.stack_count++;
    stacks[plan.decoder] =
        makeStack(kind == Kind::Decoder ? "input_ids" : "decoder_input_ids",
                  "last_hidden_state", vocabulary);
  }
  plan.head_count = 2;
  heads[0].output = "logits";
  heads[0].output_features = vocabulary;
  heads[0].first_row_only = kind == Kind::Encoder;
  heads[0].row_token = heads[1].row_token = ASHLAR_ROW_FIRST;
  heads[1].output = "pooler_output";
  heads[1].output_features = 2;
  heads[1].first_row_only = 1;

  table.abi_version = ASHLAR_ABI_VERSION;
  table.best_plan = &plan;
  table.choose_plan = [](const ashlar_plan *best) { return best; };
  table.open = [](const ashlar_weights_source *, ashlar_model **result) {
    *result = nullptr;
    return ASHLAR_OK;
  };
  table.close = [](ashlar_model *) {};
  table.reset = [](ashlar_session *session, int32_t slot) {
    FakeModel &fake = model(session);
    fake.slots.resize(fake.plan.max_sequences);
    for (int32_t i = 0; i < fake.plan.max_sequences; ++i)
      if (slot < 0 || slot == i)
        fake.slots[i] = {};
    return ASHLAR_OK;
  };
  table.copy_slot = [](ashlar_session *session, int32_t from, int32_t to) {
    FakeModel &fake = model(session);
    fake.slots.at(to) = fake.slots.at(from);
    ++fake.copies;
    return ASHLAR_OK;
  };
  table.encode = [](ashlar_session *session, const ashlar_batch *batch) {
    return model(session).run(/*isEncoder=*/true, *batch);
  };
  table.decode = [](ashlar_session *session, const ashlar_batch *batch) {
    return model(session).run(/*isEncoder=*/false, *batch);
  };
  table.hidden = [](const ashlar_session *session, const float **hidden,
                    int64_t *rows, int64_t *features, int64_t *stride) {
    const FakeModel &fake = model(session);
    *hidden = fake.result.data();
    *rows = fake.result.size() / FakeFeatures;
    *features = *stride = FakeFeatures;
    return ASHLAR_OK;
  };
  table.head = [](ashlar_session *session, int32_t head, const int32_t *rows,
                  int32_t count, float *out, size_t floats) {
    return model(session).head(head, rows, count, out, floats);
  };
  table.status_text = [](ashlar_status status) -> const char * {
    return status == ASHLAR_OUT_OF_MEMORY ? "out of memory" : "refused";
  };
}

/// What the real runtime refuses; anything else here is a fault of the caller.
ashlar_status FakeModel::check(bool isEncoder, const ashlar_batch &batch) {
  const ashlar_stack_plan &stack =
      stacks[isEncoder ? plan.encoder : plan.decoder];
  if (batch.sequences < 1 || batch.sequences > plan.max_sequences)
    return ASHLAR_INVALID_ARGUMENT;
  bool takesIds = stack.ids_offset >= 0;
  if (takesIds != (batch.ids != nullptr) ||
      takesIds == (batch.vectors != nullptr) ||
      (batch.position_ids && stack.positions_offset < 0) ||
      (batch.token_type_ids && stack.types_offset < 0))
    return ASHLAR_NOT_SUPPORTED;
  std::set<int32_t> seen;
  int64_t rows = 0, tiles = 0;
  for (int32_t i = 0; i < batch.sequences; ++i) {
    int32_t slot = batch.slots ? batch.slots[i] : i;
    int64_t length = batch.lengths[i];
    if (slot < 0 || slot >= plan.max_sequences || !seen.insert(slot).second ||
        length < 1)
      return ASHLAR_INVALID_ARGUMENT;
    if (isEncoder && plan.cross_cache >= 0 && length > plan.max_source)
      return ASHLAR_SOURCE_TOO_LONG;
    if (!isEncoder && plan.cross_cache >= 0 && slots[slot].sourceLength == 0)
      return ASHLAR_NO_SOURCE;
    if (!isEncoder && slots[slot].length + length > plan.max_context)
      return ASHLAR_CONTEXT_FULL;
    rows += length;
    tiles += (length + plan.tile_rows - 1) / plan.tile_rows;
  }
  if (rows > plan.max_tokens || tiles > plan.max_tiles)
    return ASHLAR_TOO_MANY_TOKENS;
  for (int64_t i = 0; takesIds && i < rows; ++i)
    if (batch.ids[i] < 0 || batch.ids[i] >= stack.vocabulary)
      return ASHLAR_INVALID_TOKEN;
  return ASHLAR_OK;
}

ashlar_status FakeModel::run(bool isEncoder, const ashlar_batch &batch) {
  slots.resize(plan.max_sequences);
  if (nextStatus != ASHLAR_OK)
    return nextStatus;
  if (ashlar_status status = check(isEncoder, batch); status != ASHLAR_OK)
    return status;
  resultIsEncoder = isEncoder;
  result.clear();
  firstRows.clear();
  Call call{isEncoder, {}, {}};
  const ashlar_stack_plan &stack =
      stacks[isEncoder ? plan.encoder : plan.decoder];
  int64_t padding = ashlar_padding_id(&stack), row = 0;
  for (int32_t i = 0; i < batch.sequences; ++i) {
    int32_t number = batch.slots ? batch.slots[i] : i;
    call.slots.push_back(number);
    call.lengths.push_back(batch.lengths[i]);
    firstRows.push_back(row);
    Slot &slot = slots[number];
    if (isEncoder)
      slot = {};
    int64_t begin = row, end = row + batch.lengths[i];
    double next = stack.first_position + slot.length;
    for (; row < end; ++row) {
      double id =
          batch.ids ? batch.ids[row] : batch.vectors[row * FakeFeatures];
      double position = 0;
      if (batch.position_ids)
        position = batch.position_ids[row];
      else
        position = padding >= 0 && id == padding ? padding : next++;
      double type = batch.token_type_ids ? batch.token_type_ids[row] : 0;
      slot.sum += id;
      ++slot.length;
      for (double value :
           {id, position, type, slot.sum, double(slot.length), slot.source})
        result.push_back(value);
    }
    if (!isEncoder)
      continue;
    // An encoder's rows see the whole sequence.
    for (int64_t r = begin; r < end; ++r) {
      result[r * FakeFeatures + FakeSum] = slot.sum;
      result[r * FakeFeatures + FakeCount] = slot.length;
    }
    slot = {0, slot.sum, 0, slot.length};
  }
  if (batch.marks)
    call.marks.assign(batch.marks, batch.marks + row);
  calls.push_back(call);
  return ASHLAR_OK;
}

ashlar_status FakeModel::head(int32_t index, const int32_t *rows, int32_t count,
                              float *out, size_t floats) {
  const ashlar_head_plan &head = heads[index];
  if (index < 0 || index >= plan.head_count || (rows && head.pools))
    return ASHLAR_INVALID_ARGUMENT;
  if (resultIsEncoder != (plan.decoder < 0))
    return ASHLAR_NOT_SUPPORTED;
  std::vector<int32_t> list(rows, rows ? rows + count : rows);
  if (!rows) {
    int32_t rowCount = result.size() / FakeFeatures;
    for (int32_t i = 0; !head.first_row_only && i < rowCount; ++i)
      list.push_back(i);
    for (size_t i = 0; head.first_row_only && i < firstRows.size(); ++i)
      list.push_back(ashlar_choose_row(
          head.row_token, nullptr, firstRows[i],
          i + 1 < firstRows.size() ? firstRows[i + 1] : rowCount));
  }
  if (floats < list.size() * head.output_features)
    return ASHLAR_INVALID_ARGUMENT;
  for (int32_t row : list) {
    if (row < 0 || row * FakeFeatures >= int64_t(result.size()))
      return ASHLAR_INVALID_ARGUMENT;
    const float *from = &result[row * FakeFeatures];
    for (int64_t i = 0; i < head.output_features; ++i, ++out) {
      int64_t next = (int64_t(from[FakeId]) + 1) % head.output_features;
      *out =
          index == 1 ? from[i ? FakeSum : FakeId] : -std::abs(float(i - next));
      if (index == 0 && notNumbers)
        *out = std::numeric_limits<float>::quiet_NaN();
      if (index == 0 && !fixedLogits.empty())
        *out = fixedLogits[i];
      if (index == 0 && logitOf)
        *out = logitOf(from, i);
    }
  }
  return ASHLAR_OK;
}
