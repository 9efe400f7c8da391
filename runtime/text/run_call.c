/*===- run_call.c - One call: tokens in, results out ---------------- C -*-===*/

#include "runtime/choose_row.h"
#include "runtime/patches.h"
#include "runtime/positions.h"
#include "runtime/text/run_internal.h"

#include <string.h>

/*===-- Results
 * ------------------------------------------------------------===*/

static void collect_hidden(ashlar_runner *state, const ashlar_output *wanted,
                           const float *hidden, int64_t features,
                           int64_t stride) {
  float *out = wanted->array->data;
  int64_t columns = wanted->array->shape[1];
  for (int64_t i = 0; i < state->tokens; ++i)
    memcpy(out + (state->rows[i] * columns + state->columns[i]) * features,
           hidden + i * stride, (size_t)features * sizeof(float));
}

/* Numbers that a head makes of a row, whatever axes its array has. */
static int64_t features_of(const ashlar_runner *state,
                           const ashlar_output *wanted) {
  return state->plan->heads[wanted->head].output_features;
}

/* Rows [first, first + count) of the call, whose results are neighbours. */
static int run_head(ashlar_runner *state, const ashlar_output *wanted,
                    int64_t first, int64_t count, float *out) {
  int64_t features = features_of(state, wanted);
  return ashlar_check_status(
      state->api,
      state->api->head(state->session, wanted->head, state->numbers + first,
                       (int32_t)count, out, (size_t)(count * features)),
      state->error);
}

/* Of a head that reads all rows of a call at once: its `count` results, whose
   places in the array ascend. Places without a result stay zero. */
static int collect_at_once(ashlar_runner *state, const ashlar_output *wanted,
                           int64_t (*place_of)(const ashlar_runner *,
                                               const ashlar_output *, int64_t),
                           int64_t count) {
  int64_t features = features_of(state, wanted);
  int64_t first = place_of(state, wanted, 0);
  float *out = wanted->array->data;
  if (ashlar_check_status(state->api,
                          state->api->head(state->session, wanted->head, NULL,
                                           0, out + first * features,
                                           (size_t)(count * features)),
                          state->error))
    return 1;
  size_t bytes = (size_t)features * sizeof *out;
  for (int64_t i = count - 1; i >= 0; --i) {
    int64_t place = place_of(state, wanted, i);
    if (place == first + i)
      continue;
    memcpy(out + place * features, out + (first + i) * features, bytes);
    memset(out + (first + i) * features, 0, bytes);
  }
  return 0;
}

static int64_t place_of_token(const ashlar_runner *state,
                              const ashlar_output *wanted, int64_t token) {
  return state->rows[token] * wanted->array->shape[1] + state->columns[token];
}

static int64_t place_of_sequence(const ashlar_runner *state,
                                 const ashlar_output *wanted, int64_t call) {
  (void)wanted;
  return state->sequences[state->slots[call]].row;
}

static int collect_all_rows(ashlar_runner *state, const ashlar_output *wanted) {
  if (state->plan->heads[wanted->head].pools)
    return collect_at_once(state, wanted, place_of_token, state->tokens);
  float *out = wanted->array->data;
  int64_t features = features_of(state, wanted);
  for (int64_t first = 0, end; first < state->tokens; first = end) {
    int64_t place = place_of_token(state, wanted, first);
    for (end = first + 1; end < state->tokens; ++end)
      if (place_of_token(state, wanted, end) != place + (end - first))
        break;
    if (run_head(state, wanted, first, end - first, out + place * features))
      return 1;
  }
  return 0;
}

/* Whether this call has the row of a sequence that the head reads: its last
   one, or else one of a sequence that begins here. (Heads that look for a token
   are an encoder's, which takes sequences whole.) */
static int has_chosen_row(const ashlar_head_plan *head,
                          const ashlar_sequence *of, int64_t length) {
  return head->row_token == ASHLAR_ROW_LAST ? of->left == 0 : of->fed == length;
}

static int collect_chosen_rows(ashlar_runner *state,
                               const ashlar_output *wanted) {
  const ashlar_head_plan *head = &state->plan->heads[wanted->head];
  float *out = wanted->array->data;
  int64_t features = features_of(state, wanted), first = 0;
  /* A row of each sequence of this call, all of them whole. */
  if (head->pools)
    return collect_at_once(state, wanted, place_of_sequence, state->calls);
  for (int32_t i = 0; i < state->calls; ++i) {
    const ashlar_sequence *of = &state->sequences[state->slots[i]];
    int64_t end = first + state->lengths[i];
    if (has_chosen_row(head, of, state->lengths[i]) &&
        run_head(state, wanted,
                 ashlar_choose_row(head->row_token, state->ids, first, end), 1,
                 out + of->row * features))
      return 1;
    first = end;
  }
  return 0;
}

static int collect(ashlar_runner *state, int64_t stack) {
  const float *hidden;
  int64_t rows, features, stride;
  if (ashlar_check_status(state->api,
                          state->api->hidden(state->session, &hidden, &rows,
                                             &features, &stride),
                          state->error))
    return 1;
  /* Results of the stack first: heads may reuse the memory. */
  for (size_t i = 0; i < state->output_count; ++i)
    if (state->outputs[i].stack == stack && state->outputs[i].is_attention)
      ashlar_attention_collect(state, state->outputs[i].array);
    else if (state->outputs[i].stack == stack && state->outputs[i].head < 0)
      collect_hidden(state, &state->outputs[i], hidden, features, stride);
  for (size_t i = 0; i < state->output_count; ++i) {
    const ashlar_output *wanted = &state->outputs[i];
    if (wanted->stack != stack || wanted->head < 0)
      continue;
    if (state->plan->heads[wanted->head].first_row_only
            ? collect_chosen_rows(state, wanted)
            : collect_all_rows(state, wanted))
      return 1;
  }
  return 0;
}

/*===-- Calls
 * --------------------------------------------------------------===*/

/* Image `row` of the input as the next one of the call. */
static void add_image(ashlar_runner *state, const ashlar_feed *feed,
                      int64_t row) {
  int64_t floats = ashlar_image_floats(&feed->plan->image);
  float *to = state->pixels + state->calls * floats;
  for (int64_t i = 0; i < floats; ++i)
    to[i] = ashlar_array_float(feed->values, row * floats + i);
}

/* Whether positions leave out the id at (row, column), masked or not. */
static int is_padding(const ashlar_feed *feed, int64_t row, int64_t column) {
  int64_t padding = ashlar_padding_id(feed->plan);
  return padding >= 0 &&
         ashlar_array_integer(feed->values, row * feed->columns + column) ==
             padding;
}

/* What the sequence's next token has behind the first position. */
static int64_t place_of(const ashlar_feed *feed, const ashlar_sequence *from) {
  if (!feed->plan->positions_by_token)
    return from->column;
  if (ashlar_padding_id(feed->plan) < 0)
    return from->fed;
  return is_padding(feed, from->row, from->column)
             ? -1
             : from->column - from->padding;
}

static int add_token(ashlar_runner *state, const ashlar_feed *feed,
                     ashlar_sequence *from) {
  const ashlar_stack_plan *plan = feed->plan;
  int64_t at = state->tokens, row = from->row, column = from->column;
  int64_t most = plan->positions > 0 ? plan->positions : INT32_MAX;
  int64_t place = place_of(feed, from);
  if (plan->ids_offset >= 0) {
    if (ashlar_feed_integer(feed->values, feed->values_name, row, column,
                            plan->vocabulary, &state->ids[at], state->error))
      return 1;
  } else if (plan->image.channels > 0) {
    if (column == 0)
      add_image(state, feed, row);
  } else {
    ashlar_vectors_read(plan, feed->values, row, column, 1,
                        state->vectors + at * ashlar_vectors_size(plan));
  }
  if (feed->types &&
      ashlar_feed_integer(feed->types, "token_type_ids", row, column,
                          plan->token_types, &state->types[at], state->error))
    return 1;
  if (feed->marks)
    state->marks[at] = ashlar_feed_is_set(feed->marks, row, column);
  if (feed->positions) {
    if (ashlar_feed_integer(feed->positions, "position_ids", row, column, most,
                            &state->positions[at], state->error))
      return 1;
  } else if (plan->positions_offset >= 0 &&
             place >= most - plan->first_position) {
    return ashlar_fail(state->error,
                       "%s has %lld columns; the model has %lld positions",
                       feed->values_name, (long long)feed->columns,
                       (long long)(most - plan->first_position));
  } else {
    state->positions[at] = (int32_t)(plan->first_position + place);
  }
  /* Else they are what the runtime makes of the ids. */
  state->own_positions |=
      feed->positions ||
      state->positions[at] != plan->first_position + from->fed;
  state->rows[at] = row;
  state->columns[at] = column;
  ++state->tokens;
  ++from->fed;
  --from->left;
  return 0;
}

int ashlar_call_add(ashlar_runner *state, const ashlar_feed *feed, int32_t slot,
                    int64_t most) {
  ashlar_sequence *from = &state->sequences[slot];
  int64_t before = state->tokens;
  while (from->left > 0 && state->tokens - before < most) {
    if (ashlar_feed_keeps(feed, from->row, from->column) &&
        add_token(state, feed, from))
      return 1;
    from->padding += is_padding(feed, from->row, from->column);
    ++from->column;
  }
  int64_t added = state->tokens - before;
  state->slots[state->calls] = slot;
  state->extents[state->calls] =
      (int32_t)(feed->extent > from->fed ? feed->extent : from->fed);
  state->lengths[state->calls++] = (int32_t)added;
  state->tiles += divide_up(added, state->plan->tile_rows);
  state->segments += divide_up(added, ASHLAR_SEGMENT_KEYS);
  return 0;
}

int ashlar_call_run(ashlar_runner *state, const ashlar_feed *feed) {
  const ashlar_stack_plan *plan = feed->plan;
  int takes_ids = plan->ids_offset >= 0;
  int takes_images = plan->image.channels > 0;
  ashlar_batch batch = {
      .sequences = state->calls,
      .slots = state->slots,
      .lengths = state->lengths,
      .ids = takes_ids ? state->ids : NULL,
      .vectors = takes_ids || takes_images ? NULL : state->vectors,
      .pixel_values = takes_images ? state->pixels : NULL,
      .position_ids = state->own_positions && plan->positions_offset >= 0
                          ? state->positions
                          : NULL,
      .token_type_ids = feed->types ? state->types : NULL,
      .extents = plan->reads_extents ? state->extents : NULL,
      .marks = feed->marks ? state->marks : NULL};
  ashlar_status status = feed->stack == state->plan->decoder
                             ? state->api->decode(state->session, &batch)
                             : state->api->encode(state->session, &batch);
  int failed = ashlar_check_status(state->api, status, state->error) ||
               collect(state, feed->stack);
  state->calls = 0;
  state->tokens = state->tiles = state->segments = 0;
  state->own_positions = 0;
  return failed;
}
