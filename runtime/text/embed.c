/*===- embed.c - Sentence embeddings -------------------------------- C -*-===*/

#include "runtime/text/embed.h"
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
  int64_t hidden;
  double *pool; /* [hidden] */
  int64_t rows; /* that are in the pool */
  /* The call being put together. */
  int32_t *lengths; /* [max_sequences] */
  int32_t *ids;     /* [max_tokens] */
  int32_t *types;   /* [max_tokens] */
} embedder;

static const char *const pooling_names[] = {"", "mean", "cls", "last", "max"};

int32_t ashlar_pooling_named(const char *name) {
  for (int32_t i = ASHLAR_POOLING_MEAN; i <= ASHLAR_POOLING_MAX; ++i)
    if (strcmp(name, pooling_names[i]) == 0)
      return i;
  return ASHLAR_POOLING_NONE;
}

int ashlar_can_embed(const ashlar_plan *plan) {
  return plan->stack_count == 1 && plan->stacks[0].ids_offset >= 0;
}

int ashlar_embedding_choose(const ashlar_text *text, int32_t pooling,
                            int normalize, ashlar_embedding *embedding,
                            int *assumed, ashlar_error *error) {
  const ashlar_text_header *header = text->header;
  *assumed =
      pooling == ASHLAR_POOLING_NONE && header->pooling == ASHLAR_POOLING_NONE;
  if (pooling == ASHLAR_POOLING_NONE)
    pooling = *assumed ? ASHLAR_POOLING_MEAN : (int32_t)header->pooling;
  if (pooling == ASHLAR_POOLING_OTHER)
    return ashlar_fail(error, "the model's modules.json makes embeddings in a "
                              "way that is not known here: choose one with "
                              "--pooling");
  *embedding = (ashlar_embedding){
      pooling, normalize < 0 ? (int)header->normalize : normalize};
  return 0;
}

/*===-- Pooling ---------------------------------------------------------===*/

/* Sums are made row by row, so they do not depend on how rows came. */
static void add_row(embedder *state, const float *row) {
  int32_t pooling = state->embedding->pooling;
  int first = state->rows++ == 0;
  if (pooling == ASHLAR_POOLING_CLS && !first)
    return;
  int replaces = first || pooling == ASHLAR_POOLING_LAST;
  for (int64_t i = 0; i < state->hidden; ++i) {
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
    for (int64_t i = 0; i < state->hidden; ++i)
      square += state->pool[i] * scale * (state->pool[i] * scale);
    double norm = ashlar_sqrt(square);
    scale /= norm > 1e-12 ? norm : 1e-12;
  }
  for (int64_t i = 0; i < state->hidden; ++i)
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
                            plan->types_offset >= 0 ? state->types : NULL};
  int64_t rows, features;
  ashlar_status status = state->plan->decoder >= 0
                             ? state->api->decode(state->session, &batch)
                             : state->api->encode(state->session, &batch);
  if (status == ASHLAR_OK)
    status =
        state->api->hidden(state->session, hidden, &rows, &features, stride);
  return ashlar_check_status(state->api, status, state->error);
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
  for (size_t i = 0; i < *count; ++i) {
    for (int32_t j = 0; j < state->lengths[i]; ++j, row += stride)
      add_row(state, row);
    finish(state, state->out + (int64_t)(first + i) * state->hidden);
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
    if (run_call(state, 1, &row, &stride))
      return 1;
    for (int32_t i = 0; i < state->lengths[0]; ++i, row += stride)
      add_row(state, row);
  }
  finish(state, state->out + (int64_t)index * state->hidden);
  return 0;
}

/*===-- The whole -------------------------------------------------------===*/

static int check_text(const embedder *state, size_t index) {
  const ashlar_tokens *text = &state->texts[index];
  char what[48];
  snprintf(what, sizeof(what), "text %zu", index + 1);
  if (state->plan->decoder < 0)
    return ashlar_check_source(state->plan, text->ids, text->count, what,
                               state->error);
  if (text->count == 0)
    return ashlar_fail(state->error, "%s has no tokens", what);
  if ((int64_t)text->count > state->plan->max_context)
    return ashlar_fail(state->error,
                       "%s has %zu tokens; the context holds %lld "
                       "(--max-context of compile)",
                       what, text->count, (long long)state->plan->max_context);
  return ashlar_check_ids(&state->plan->stacks[state->stack], text->ids,
                          text->count, what, state->error);
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
  const ashlar_plan *plan = api->plan;
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
                    .hidden = plan->stacks[0].hidden};
  state.pool = calloc((size_t)state.hidden, sizeof(double));
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
