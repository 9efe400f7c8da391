/*===- embed.c - Sentence embeddings -------------------------------- C -*-===*/

#include "runtime/text/embed.h"
#include "runtime/choose_plan.h"
#include "runtime/text/numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct embedder {
  const ashlar_api *api;
  const ashlar_plan *plan;
  ashlar_session *session;
  const ashlar_embedding *embedding;
  const ashlar_tokens *texts;
  float *out;
  ashlar_error *error;
  int64_t stack;
  int64_t features; /* of an embedding */
  double *pool;     /* [features] */
  int64_t rows;     /* that are in the pool */
  /* The call being put together. */
  int32_t *lengths;       /* [max_sequences] */
  int32_t *ids;           /* [max_tokens] */
  int32_t *types;         /* [max_tokens] */
  const int32_t *extents; /* of the call's sequences; null = their lengths */
} embedder;

int ashlar_can_embed(const ashlar_plan *plan) {
  return plan->stack_count == 1 && plan->stacks[0].ids_offset >= 0;
}

/*===-- Pooling ---------------------------------------------------------===*/

/* Sums are made row by row, so they do not depend on how rows came. */
static void add_row(embedder *state, const float *row) {
  int32_t pooling = state->embedding->pooling;
  int first = state->rows++ == 0;
  if (pooling == ASHLAR_POOLING_CLS && !first)
    return;
  int replaces = first || pooling == ASHLAR_POOLING_LAST;
  for (int64_t i = 0; i < state->features; ++i) {
    double value = (double)row[i], held = state->pool[i];
    if (replaces)
      state->pool[i] = value;
    else if (pooling == ASHLAR_POOLING_MEAN)
      state->pool[i] = held + value;
    else
      state->pool[i] = value > held ? value : held;
  }
}

/* The pool's vector into `out`; the pool is empty then. */
static void finish(embedder *state, float *out) {
  double scale = 1;
  if (state->embedding->pooling == ASHLAR_POOLING_MEAN)
    scale = 1 / (double)state->rows;
  if (state->embedding->normalize) {
    double square = 0;
    for (int64_t i = 0; i < state->features; ++i)
      square += state->pool[i] * scale * (state->pool[i] * scale);
    double norm = ashlar_sqrt(square);
    scale /= norm > 1e-12 ? norm : 1e-12;
  }
  for (int64_t i = 0; i < state->features; ++i)
    out[i] = (float)(state->pool[i] * scale);
  state->rows = 0;
}

/*===-- Calls -----------------------------------------------------------===*/

static int run_call(embedder *state, int32_t sequences, const float **hidden,
                    int64_t *stride) {
  const ashlar_stack_plan *plan = &state->plan->stacks[state->stack];
  ashlar_batch batch = {.sequences = sequences,
                        .lengths = state->lengths,
                        .ids = state->ids,
                        .token_type_ids =
                            plan->types_offset >= 0 ? state->types : NULL,
                        .extents = plan->reads_extents ? state->extents : NULL};
  int64_t rows, features;
  ashlar_status status = state->plan->decoder >= 0
                             ? state->api->decode(state->session, &batch)
                             : state->api->encode(state->session, &batch);
  if (status == ASHLAR_OK)
    status =
        state->api->hidden(state->session, hidden, &rows, &features, stride);
  return ashlar_check_status(state->api, status, state->error);
}

/* What the chosen head makes of each sequence of the last call, into the
   embeddings from text `first` on. */
static int run_head(embedder *state, size_t first, size_t count) {
  float *out = state->out + (int64_t)first * state->features;
  size_t floats = count * (size_t)state->features;
  if (ashlar_check_status(state->api,
                          state->api->head(state->session,
                                           state->embedding->head, NULL,
                                           (int32_t)count, out, floats),
                          state->error))
    return 1;
  for (size_t i = 0; i < count; ++i, out += state->features) {
    add_row(state, out);
    finish(state, out);
  }
  return 0;
}

static int forget(embedder *state) {
  return state->plan->decoder >= 0 &&
         ashlar_check_status(state->api, state->api->reset(state->session, -1),
                             state->error);
}

/* Whole texts from `first` on, as many as fit; `count` receives how many. */
static int run_whole(embedder *state, size_t first, size_t end, size_t *count) {
  ashlar_packing packing = {0};
  int64_t at = 0;
  size_t next = first;
  for (; next < end; ++next) {
    const ashlar_tokens *text = &state->texts[next];
    if (!ashlar_pack(state->plan, state->stack, (int64_t)text->count, &packing))
      break;
    memcpy(state->ids + at, text->ids, text->count * sizeof(int32_t));
    memcpy(state->types + at, text->types, text->count * sizeof(int32_t));
    state->lengths[next - first] = (int32_t)text->count;
    at += (int64_t)text->count;
  }
  *count = next - first;
  if (*count == 0)
    return 0;
  const float *row;
  int64_t stride;
  if (forget(state) || run_call(state, (int32_t)*count, &row, &stride))
    return 1;
  if (state->embedding->head >= 0)
    return run_head(state, first, *count);
  for (size_t i = 0; i < *count; ++i) {
    for (int32_t j = 0; j < state->lengths[i]; ++j, row += stride)
      add_row(state, row);
    finish(state, state->out + (int64_t)(first + i) * state->features);
  }
  return 0;
}

/* A text that no call can take at once: a decoder's goes in chunks. */
static int run_chunks(embedder *state, size_t index) {
  const ashlar_tokens *text = &state->texts[index];
  if (forget(state))
    return 1;
  for (size_t at = 0; at < text->count; at += (size_t)state->lengths[0]) {
    size_t left = text->count - at, most = (size_t)state->plan->max_tokens;
    state->lengths[0] = (int32_t)(left < most ? left : most);
    size_t bytes = (size_t)state->lengths[0] * sizeof(int32_t);
    memcpy(state->ids, text->ids + at, bytes);
    memcpy(state->types, text->types + at, bytes);
    const float *row;
    int64_t stride;
    int32_t extent = (int32_t)text->count;
    state->extents = &extent;
    int failed = run_call(state, 1, &row, &stride);
    state->extents = NULL;
    if (failed)
      return 1;
    for (int32_t i = 0; i < state->lengths[0]; ++i, row += stride)
      add_row(state, row);
  }
  finish(state, state->out + (int64_t)index * state->features);
  return 0;
}

/*===-- The whole -------------------------------------------------------===*/

static int check_text(const embedder *state, size_t index) {
  const ashlar_tokens *text = &state->texts[index];
  char what[48];
  snprintf(what, sizeof(what), "text %zu", index + 1);
  return ashlar_check_text(state->plan, text->ids, text->count, what,
                           state->error);
}

static int run(embedder *state, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (check_text(state, i))
      return 1;
  for (size_t at = 0; at < count;) {
    size_t done;
    if (run_whole(state, at, count, &done))
      return 1;
    if (done == 0) {
      if (run_chunks(state, at))
        return 1;
      done = 1;
    }
    at += done;
  }
  return 0;
}

int ashlar_embed(const ashlar_api *api, ashlar_session *session,
                 const ashlar_embedding *embedding, const ashlar_tokens *texts,
                 size_t count, float *out, ashlar_error *error) {
  const ashlar_plan *plan = ashlar_plan_of(api);
  if (!ashlar_can_embed(plan))
    return ashlar_fail(error, "the model makes no sentence embeddings: it is "
                              "no single stack that takes token ids");
  embedder state = {.api = api,
                    .plan = plan,
                    .session = session,
                    .embedding = embedding,
                    .texts = texts,
                    .out = out,
                    .error = error,
                    .stack = 0,
                    .features = ashlar_embedding_features(plan, embedding)};
  state.pool = calloc((size_t)state.features, sizeof(double));
  state.lengths = calloc((size_t)plan->max_sequences, sizeof(int32_t));
  state.ids = calloc((size_t)plan->max_tokens, sizeof(int32_t));
  state.types = calloc((size_t)plan->max_tokens, sizeof(int32_t));
  int failed = !state.pool || !state.lengths || !state.ids || !state.types
                   ? ashlar_fail(error, "out of memory for embeddings")
                   : run(&state, count);
  free(state.pool);
  free(state.lengths);
  free(state.ids);
  free(state.types);
  return failed;
}
