/*===- generate.c - Token after token ------------------------------- C -*-===*\
|*
|* Lane i works in slot i of the session. A round is a decode of what the lanes'
|* sequences have ahead of the decoder, as much as fits, and a token for each
|* sequence that it has caught up with.
|*
\*===----------------------------------------------------------------------===*/

#include "runtime/text/generate.h"
#include "runtime/choose_plan.h"
#include "runtime/text/course.h"
#include "runtime/text/vectors.h"

#include <stdlib.h>
#include <string.h>

typedef struct lane {
  ashlar_course course;
  ashlar_generated *result; /* null: the lane is free */
  ashlar_random random;
  int32_t *tokens; /* [limit]: the decoder's sequence */
  int64_t room;    /* of `tokens` */
  int64_t length;
  int64_t fed;    /* tokens that the decoder has seen */
  int64_t extent; /* of the decoder's last call: `length` at that time */
  int needs_source;
} lane;

typedef struct generator {
  const ashlar_api *api;
  const ashlar_plan *plan;
  ashlar_session *session;
  const ashlar_text *text;
  ashlar_error *error;
  int32_t head;
  int64_t features; /* of the head */
  lane *lanes;
  int32_t lane_count;
  /* The call being put together, and what follows it. */
  int32_t *slots, *lengths, *rows, *extents; /* [lane_count] */
  int32_t *ids;                              /* [max_tokens] */
  float *vectors;       /* of max_tokens; null: sources are ids */
  int64_t vectors_size; /* floats of a token */
  float *logits;        /* [lane_count, features] */
  ashlar_sampler sampler;
} generator;

/*===-- Beginning and end -----------------------------------------------===*/

static void finish(lane *of, ashlar_stop stop) {
  of->result->stop = stop;
  of->result->done = 1;
  of->result = NULL;
}

static int reserve(lane *of, int64_t tokens, ashlar_error *error) {
  if (tokens <= of->room)
    return 0;
  int32_t *larger = realloc(of->tokens, (size_t)tokens * sizeof(*larger));
  if (!larger)
    return ashlar_fail(error, "out of memory for %lld tokens",
                       (long long)tokens);
  of->tokens = larger;
  of->room = tokens;
  return 0;
}

static int begin(generator *state, int32_t slot,
                 const ashlar_generation *request, ashlar_generated *result) {
  lane *of = &state->lanes[slot];
  const ashlar_sampling *sampling = &request->sampling;
  ashlar_course *course = &of->course;
  if (ashlar_course_find(state->plan, state->text, request, course,
                         state->error) ||
      reserve(of,
              course->limit > (int64_t)course->start_count
                  ? course->limit
                  : (int64_t)course->start_count,
              state->error))
    return 1;
  if (!state->sampler.count &&
      (sampling->enabled || sampling->repetition_penalty > 0) &&
      ashlar_sampler_make(&state->sampler, state->features, state->error))
    return 1;
  memcpy(of->tokens, course->start, course->start_count * sizeof(int32_t));
  of->length = (int64_t)course->start_count;
  of->fed = of->extent = 0;
  of->result = result;
  of->needs_source = state->plan->encoder >= 0;
  ashlar_random_begin(&of->random, sampling->seed, request->stream);
  if (of->needs_source)
    return 0;
  return ashlar_check_status(
      state->api, state->api->reset(state->session, slot), state->error);
}

/*===-- Calls -----------------------------------------------------------===*/

static int encode(generator *state, int32_t sequences) {
  ashlar_batch batch = {.sequences = sequences,
                        .slots = state->slots,
                        .lengths = state->lengths,
                        .ids = state->vectors ? NULL : state->ids,
                        .vectors = state->vectors};
  return ashlar_check_status(
      state->api, state->api->encode(state->session, &batch), state->error);
}

/* The request's source at row `row` of the call. */
static void take_source(generator *state, const ashlar_generation *request,
                        int64_t row) {
  if (state->vectors)
    memcpy(state->vectors + row * state->vectors_size, request->vectors,
           request->prompt_count * (size_t)state->vectors_size * sizeof(float));
  else
    memcpy(state->ids + row, request->prompt,
           request->prompt_count * sizeof(int32_t));
}

/* Runs the encoder on new lanes' sources, as many at a time as fit. */
static int encode_sources(generator *state) {
  ashlar_packing packing = {0};
  for (int32_t slot = 0; slot < state->lane_count; ++slot) {
    lane *of = &state->lanes[slot];
    if (!of->result || !of->needs_source)
      continue;
    of->needs_source = 0;
    const ashlar_generation *request = of->course.request;
    int64_t tokens = (int64_t)request->prompt_count;
    if (!ashlar_pack(state->plan, state->plan->encoder, tokens, &packing)) {
      if (encode(state, (int32_t)packing.sequences))
        return 1;
      packing = (ashlar_packing){0};
      ashlar_pack(state->plan, state->plan->encoder, tokens, &packing);
    }
    take_source(state, request, packing.rows - tokens);
    state->slots[packing.sequences - 1] = slot;
    state->lengths[packing.sequences - 1] = (int32_t)tokens;
  }
  return packing.sequences > 0 && encode(state, (int32_t)packing.sequences);
}

/* Rows that a call with `packing` has still room for. */
static int64_t room(const ashlar_plan *plan, const ashlar_packing *packing) {
  int64_t rows = plan->max_tokens - packing->rows;
  int64_t tiles = plan->max_tiles - packing->tiles;
  if (tiles > rows / plan->tile_rows)
    return rows;
  return tiles * plan->tile_rows < rows ? tiles * plan->tile_rows : rows;
}

/* Forgets what the decoder has seen of a sequence whose keys need the angles of
   its new length. (No model with a source has such.) */
static int start_anew(generator *state, int32_t slot) {
  lane *of = &state->lanes[slot];
  if (!of->result || !ashlar_recomputes(ashlar_last_stack(state->plan),
                                        of->extent, of->length))
    return 0;
  of->fed = 0;
  return ashlar_check_status(
      state->api, state->api->reset(state->session, slot), state->error);
}

/* Appends to the slots' sequences what fits into one call. */
static int decode(generator *state, int32_t *sequences) {
  ashlar_packing packing = {0};
  for (int32_t slot = 0; slot < state->lane_count; ++slot) {
    lane *of = &state->lanes[slot];
    if (start_anew(state, slot))
      return 1;
    int64_t tokens = of->result ? of->length - of->fed : 0;
    int64_t most = room(state->plan, &packing);
    if (tokens > most)
      tokens = most;
    if (tokens == 0)
      continue;
    memcpy(state->ids + packing.rows, of->tokens + of->fed,
           (size_t)tokens * sizeof(int32_t));
    of->fed += tokens;
    of->extent = of->length;
    ashlar_pack(state->plan, state->plan->decoder, tokens, &packing);
    state->slots[packing.sequences - 1] = slot;
    state->lengths[packing.sequences - 1] = (int32_t)tokens;
    state->extents[packing.sequences - 1] = (int32_t)of->extent;
  }
  *sequences = (int32_t)packing.sequences;
  ashlar_batch batch = {.sequences = *sequences,
                        .slots = state->slots,
                        .lengths = state->lengths,
                        .ids = state->ids,
                        .extents = ashlar_last_stack(state->plan)->reads_extents
                                       ? state->extents
                                       : NULL};
  return ashlar_check_status(
      state->api, state->api->decode(state->session, &batch), state->error);
}

/*===-- Tokens ----------------------------------------------------------===*/

static int choose(generator *state, lane *of, float *logits, int32_t *token) {
  const ashlar_sampling *sampling = &of->course.request->sampling;
  if (sampling->repetition_penalty > 0)
    ashlar_penalize(&state->sampler, sampling->repetition_penalty, of->tokens,
                    (size_t)of->length, logits);
  ashlar_course_suppress(&of->course, of->length, logits, state->features);
  return sampling->enabled
             ? ashlar_sample(&state->sampler, sampling, logits, &of->random,
                             token, state->error)
             : ashlar_most_likely(logits, state->features, token, state->error);
}

static void append(lane *of, int32_t token) {
  const ashlar_generation *request = of->course.request;
  of->tokens[of->length++] = token;
  ++of->result->count;
  if (request->on_token && request->on_token(request->user, token))
    finish(of, ASHLAR_STOP_CALLER);
  else if (ashlar_course_ends(&of->course, token))
    finish(of, ASHLAR_STOP_END_TOKEN);
  else if (of->length >= of->course.limit)
    finish(of, ashlar_course_stop(&of->course, of->length));
}

/* Whether the model is asked for the lane's next token now. */
static int asks(const lane *of) {
  return of->fed == of->length &&
         ashlar_course_forced(&of->course, of->length) == ASHLAR_TEXT_NONE;
}

/* A token for each of the call's sequences that is through. */
static int extend(generator *state, int32_t sequences) {
  int32_t row = -1, count = 0;
  for (int32_t i = 0; i < sequences; ++i) {
    row += state->lengths[i];
    if (asks(&state->lanes[state->slots[i]]))
      state->rows[count++] = row;
  }
  if (count > 0 &&
      ashlar_check_status(state->api,
                          state->api->head(state->session, state->head,
                                           state->rows, count, state->logits,
                                           (size_t)(count * state->features)),
                          state->error))
    return 1;
  float *logits = state->logits;
  for (int32_t i = 0; i < sequences; ++i) {
    lane *of = &state->lanes[state->slots[i]];
    int32_t token = ashlar_course_forced(&of->course, of->length);
    if (asks(of)) {
      if (choose(state, of, logits, &token))
        return 1;
      logits += state->features;
    }
    if (of->fed == of->length)
      append(of, token);
  }
  return 0;
}

static int run_round(generator *state) {
  int32_t sequences;
  return encode_sources(state) || decode(state, &sequences) ||
         extend(state, sequences);
}

/* Requests without a token to come are at their end at once. */
static int run_all(generator *state, const ashlar_generation *requests,
                   size_t count, ashlar_generated *results) {
  size_t next = 0;
  int refused = 0, active;
  do {
    active = 0;
    for (int32_t slot = 0; slot < state->lane_count; ++slot) {
      lane *of = &state->lanes[slot];
      while (!of->result && next < count && !refused) {
        refused = begin(state, slot, &requests[next], &results[next]);
        ++next;
        if (!refused && of->length >= of->course.limit)
          finish(of, ashlar_course_stop(&of->course, of->length));
      }
      active |= of->result != NULL;
    }
    /* A refusal's reason stays; a failure of those before it comes first. */
    if (active && run_round(state))
      return 1;
  } while (active);
  return refused;
}

/*===-- The whole -------------------------------------------------------===*/

static int allocate(generator *state) {
  size_t lanes = (size_t)state->lane_count;
  state->lanes = calloc(lanes, sizeof(*state->lanes));
  state->slots = calloc(lanes, sizeof(*state->slots));
  state->lengths = calloc(lanes, sizeof(*state->lengths));
  state->rows = calloc(lanes, sizeof(*state->rows));
  state->extents = calloc(lanes, sizeof(*state->extents));
  state->ids = calloc((size_t)state->plan->max_tokens, sizeof(*state->ids));
  if (ashlar_reads_vectors(state->plan)) {
    state->vectors_size =
        ashlar_vectors_size(&state->plan->stacks[state->plan->encoder]);
    state->vectors = calloc((size_t)state->plan->max_tokens,
                            (size_t)state->vectors_size * sizeof(float));
    if (!state->vectors)
      return ashlar_fail(state->error, "out of memory for the sources");
  }
  state->logits = malloc(lanes * (size_t)state->features * sizeof(float));
  if (state->lanes && state->slots && state->lengths && state->rows &&
      state->extents && state->ids && state->logits)
    return 0;
  return ashlar_fail(state->error, "out of memory for the logits");
}

static void release(generator *state) {
  for (int32_t i = 0; state->lanes && i < state->lane_count; ++i)
    free(state->lanes[i].tokens);
  free(state->lanes);
  free(state->slots);
  free(state->lengths);
  free(state->rows);
  free(state->extents);
  free(state->ids);
  free(state->vectors);
  free(state->logits);
  ashlar_sampler_free(&state->sampler);
}

int ashlar_generate_all(const ashlar_api *api, ashlar_session *session,
                        const ashlar_text *text,
                        const ashlar_generation *requests, size_t count,
                        ashlar_generated *results, ashlar_error *error) {
  const ashlar_plan *plan = ashlar_plan_of(api);
  memset(results, 0, count * sizeof(*results));
  if (!ashlar_can_generate(plan))
    return ashlar_fail(error, "the model does not generate tokens: it has no "
                              "decoder with logits");
  generator state = {.api = api,
                     .plan = plan,
                     .session = session,
                     .text = text,
                     .error = error,
                     .head = ashlar_logits_head(plan)};
  state.features = plan->heads[state.head].output_features;
  state.lane_count = count < (size_t)plan->max_sequences
                         ? (int32_t)count
                         : (int32_t)plan->max_sequences;
  int failed = allocate(&state) || run_all(&state, requests, count, results);
  release(&state);
  return failed;
}

int ashlar_generate(const ashlar_api *api, ashlar_session *session,
                    const ashlar_text *text, const ashlar_generation *request,
                    ashlar_generated *result, ashlar_error *error) {
  return ashlar_generate_all(api, session, text, request, 1, result, error);
}
