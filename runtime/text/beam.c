/*===- beam.c - Beam search ----------------------------------------- C -*-===*/

#include "runtime/text/beam.h"
#include "runtime/text/beam_heap.h"
#include "runtime/text/course.h"

#include <math.h> /* isnan, INFINITY: macros, nothing of libm */
#include <stdlib.h>
#include <string.h>

/* A sequence that goes on. */
typedef struct beam {
  double score; /* sum of log probabilities */
  int32_t slot;
} beam;

/* A sequence that has come to its end. */
typedef struct ended {
  double score;
  int32_t *ids; /* [count] new tokens */
  int64_t count;
  int by_token;
} ended;

typedef struct searcher {
  const ashlar_api *api;
  const ashlar_plan *plan;
  ashlar_session *session;
  const ashlar_search *search;
  ashlar_error *error;
  ashlar_course course;
  int32_t head;
  int64_t features;
  int64_t length;  /* tokens of each beam */
  beam *beams;     /* [search.beams], the best first */
  int32_t live;    /* how many of them */
  int32_t *tokens; /* [search.beams, limit], by slot */
  ashlar_beam_heap found;
  ashlar_candidate *next; /* [search.beams]: what goes on */
  int32_t next_count;
  ended *done; /* [search.beams], the best first */
  int32_t done_count;
  float *logits;                         /* [search.beams, features] */
  int32_t *slots, *lengths, *rows, *ids; /* [search.beams] */
  ashlar_sampler sampler;                /* for the penalty */
} searcher;

/*===-- Candidates ------------------------------------------------------===*/

/* Logits to log probabilities, in place. */
static int take_logarithms(float *logits, int64_t count, ashlar_error *error) {
  int32_t best;
  if (ashlar_most_likely(logits, count, &best, error))
    return 1;
  float largest = logits[best];
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    /* Equal infinities count as equal. */
    if (logits[i] == largest)
      logits[i] = 0;
    else
      logits[i] = isnan(logits[i]) ? -INFINITY : logits[i] - largest;
    sum += ashlar_exp(logits[i]);
  }
  double shift = ashlar_log(sum);
  for (int64_t i = 0; i < count; ++i)
    logits[i] = (float)(logits[i] - shift);
  return 0;
}

static int32_t *tokens_of(const searcher *state, int32_t slot) {
  return state->tokens + slot * state->course.limit;
}

static int offer_all(searcher *state, int32_t index, float *logits) {
  const beam *of = &state->beams[index];
  double penalty = state->course.request->sampling.repetition_penalty;
  if (take_logarithms(logits, state->features, state->error))
    return 1;
  if (penalty > 0)
    ashlar_penalize(&state->sampler, penalty, tokens_of(state, of->slot),
                    (size_t)state->length, logits);
  ashlar_course_suppress(&state->course, state->length, logits,
                         state->features);
  for (int64_t i = 0; i < state->features; ++i)
    if (logits[i] > -INFINITY)
      ashlar_beam_heap_offer(
          &state->found,
          (ashlar_candidate){of->score + (double)logits[i], index, (int32_t)i});
  return 0;
}

/* The best continuations of all beams; a forced token is certain. */
static int find_candidates(searcher *state) {
  int32_t forced = ashlar_course_forced(&state->course, state->length);
  state->found.count = 0;
  if (forced == ASHLAR_TEXT_NONE &&
      ashlar_check_status(
          state->api,
          state->api->head(state->session, state->head, state->rows,
                           state->live, state->logits,
                           (size_t)(state->live * state->features)),
          state->error))
    return 1;
  for (int32_t i = 0; i < state->live; ++i)
    if (forced != ASHLAR_TEXT_NONE)
      ashlar_beam_heap_offer(
          &state->found, (ashlar_candidate){state->beams[i].score, i, forced});
    else if (offer_all(state, i, state->logits + i * state->features))
      return 1;
  ashlar_beam_heap_sort(&state->found);
  return 0;
}

/*===-- Ends ------------------------------------------------------------===*/

static int64_t fresh(const searcher *state) {
  return state->length - (int64_t)state->course.start_count;
}

static double rate(const searcher *state, double score, int64_t count) {
  return score / ashlar_power((double)count, state->search->length_penalty);
}

/* Keeps the sequence of `from` if it is among the best that have ended. */
static void keep(searcher *state, const ashlar_candidate *from, int by_token) {
  int32_t most = state->search->beams;
  int64_t count = fresh(state) + 1;
  double score = rate(state, from->score, count);
  int32_t at = state->done_count;
  while (at > 0 && score > state->done[at - 1].score)
    --at;
  if (at == most)
    return;
  /* The worst one's memory becomes the new one's. */
  int32_t last = state->done_count < most ? state->done_count++ : most - 1;
  int32_t *ids = state->done[last].ids;
  memmove(&state->done[at + 1], &state->done[at],
          (size_t)(last - at) * sizeof(ended));
  memcpy(ids,
         tokens_of(state, state->beams[from->beam].slot) +
             state->course.start_count,
         (size_t)(count - 1) * sizeof(int32_t));
  ids[count - 1] = from->token;
  state->done[at] = (ended){score, ids, count, by_token};
}

/* Sorts the candidates into those that end and those that go on. */
static void sort_out(searcher *state) {
  int32_t beams = state->search->beams;
  int at_limit = state->length + 1 >= state->course.limit;
  state->next_count = 0;
  for (int32_t i = 0; i < state->found.count; ++i) {
    const ashlar_candidate *from = &state->found.list[i];
    int by_token = ashlar_course_ends(&state->course, from->token);
    if (by_token || at_limit) {
      if (i < beams)
        keep(state, from, by_token);
    } else if (state->next_count < beams) {
      state->next[state->next_count++] = *from;
    }
  }
}

/* Whether a beam could still become better than the worst that is kept. */
static int may_improve(const searcher *state) {
  if (state->next_count == 0)
    return 0;
  return state->done_count < state->search->beams ||
         rate(state, state->next[0].score, fresh(state) + 1) >
             state->done[state->done_count - 1].score;
}

/*===-- Steps -----------------------------------------------------------===*/

/* A slot that no candidate to come needs: there are as many as beams. */
static int32_t free_slot(const searcher *state) {
  int32_t slot = 0;
  while (slot + 1 < state->search->beams && state->slots[slot])
    ++slot;
  return slot;
}

/* The first continuation of a beam stays in its slot; others get a copy. */
static int go_on(searcher *state) {
  int32_t *used = state->slots; /* by slot, until the next call */
  int32_t *kept = state->rows;  /* by beam: its slot has its continuation */
  memset(used, 0, (size_t)state->search->beams * sizeof(*used));
  memset(kept, 0, (size_t)state->search->beams * sizeof(*kept));
  for (int32_t i = 0; i < state->next_count; ++i)
    used[state->beams[state->next[i].beam].slot] = 1;
  for (int32_t i = 0; i < state->next_count; ++i) {
    const ashlar_candidate *from = &state->next[i];
    int32_t origin = state->beams[from->beam].slot, slot = origin;
    if (kept[from->beam]++) {
      slot = free_slot(state);
      used[slot] = 1;
      memcpy(tokens_of(state, slot), tokens_of(state, origin),
             (size_t)state->length * sizeof(int32_t));
      if (ashlar_check_status(
              state->api, state->api->copy_slot(state->session, origin, slot),
              state->error))
        return 1;
    }
    state->ids[i] = slot; /* `beams` is still in use */
  }
  for (int32_t i = 0; i < state->next_count; ++i) {
    int32_t slot = state->ids[i];
    state->beams[i] = (beam){state->next[i].score, slot};
    tokens_of(state, slot)[state->length] = state->next[i].token;
  }
  state->live = state->next_count;
  ++state->length;
  return 0;
}

static int decode(searcher *state, int32_t sequences, const int32_t *ids) {
  ashlar_batch batch = {.sequences = sequences,
                        .slots = state->slots,
                        .lengths = state->lengths,
                        .ids = ids};
  return ashlar_check_status(
      state->api, state->api->decode(state->session, &batch), state->error);
}

/* The beams' last tokens. */
static int decode_beams(searcher *state) {
  for (int32_t i = 0; i < state->live; ++i) {
    int32_t slot = state->beams[i].slot;
    state->slots[i] = slot;
    state->lengths[i] = 1;
    state->rows[i] = i;
    state->ids[i] = tokens_of(state, slot)[state->length - 1];
  }
  return decode(state, state->live, state->ids);
}

/* The source, and what the sequence begins with, in slot 0. */
static int start(searcher *state) {
  const ashlar_generation *request = state->course.request;
  int32_t length = (int32_t)request->prompt_count;
  ashlar_batch source = {.sequences = 1,
                         .lengths = &length,
                         .ids = request->vectors ? NULL : request->prompt,
                         .vectors = request->vectors};
  ashlar_status status = state->plan->encoder >= 0
                             ? state->api->encode(state->session, &source)
                             : state->api->reset(state->session, 0);
  if (ashlar_check_status(state->api, status, state->error))
    return 1;
  state->length = (int64_t)state->course.start_count;
  memcpy(state->tokens, state->course.start,
         state->course.start_count * sizeof(int32_t));
  state->beams[0] = (beam){0, 0};
  state->live = 1;
  state->slots[0] = 0;
  for (int64_t at = 0; at < state->length; at += state->lengths[0]) {
    int64_t left = state->length - at;
    state->lengths[0] =
        (int32_t)(left < state->plan->max_tokens ? left
                                                 : state->plan->max_tokens);
    if (decode(state, 1, state->tokens + at))
      return 1;
  }
  state->rows[0] = state->lengths[0] - 1;
  return 0;
}

static int run(searcher *state) {
  if (state->length >= state->course.limit)
    return 0;
  if (start(state))
    return 1;
  while (1) {
    if (find_candidates(state))
      return 1;
    sort_out(state);
    if (!may_improve(state))
      return 0;
    if (go_on(state) || decode_beams(state))
      return 1;
  }
}

/*===-- The whole -------------------------------------------------------===*/

const char *ashlar_search_fault(const ashlar_search *search,
                                const ashlar_sampling *sampling, int stream) {
  if (search->beams > 1 && sampling->enabled)
    return "--beams does not go with --temperature, --top-k, --top-p and "
           "--seed";
  if (search->beams > 1 && stream)
    return "--beams does not go with --stream: the text is known at the end "
           "only";
  if (search->n_best > search->beams)
    return "--n-best: at most as many as --beams";
  if (search->beams == 1 && search->has_length_penalty)
    return "--length-penalty without --beams";
  return NULL;
}

static int check_room(const searcher *state) {
  const ashlar_plan *plan = state->plan;
  int32_t beams = state->search->beams;
  if (beams > plan->max_sequences)
    return ashlar_fail(state->error,
                       "%d beams need %d sequences; the artifact has %lld "
                       "(--max-sequences of compile)",
                       beams, beams, (long long)plan->max_sequences);
  if (beams > plan->max_tokens || beams > plan->max_tiles)
    return ashlar_fail(state->error,
                       "%d beams need calls of %d tokens; the artifact takes "
                       "%lld (--max-tokens of compile)",
                       beams, beams, (long long)plan->max_tokens);
  return 0;
}

static void *take(size_t count, size_t size, int *failed) {
  void *memory = calloc(count, size);
  *failed |= !memory;
  return memory;
}

static int allocate(searcher *state) {
  size_t beams = (size_t)state->search->beams;
  /* What a sequence holds at most: the prompt, too, where nothing follows. */
  size_t limit = (size_t)state->course.limit;
  if (limit < state->course.start_count)
    limit = state->course.start_count;
  size_t ends = state->course.request->stop_count;
  if (!state->course.request->ignore_end_tokens)
    ends += state->course.text->header->end_tokens.count;
  size_t most = (ends > 1 ? 1 + ends : 2) * beams;
  int failed = most > INT32_MAX;
  state->found.most = failed ? 0 : (int32_t)most;
  state->beams = take(beams, sizeof(*state->beams), &failed);
  state->tokens = take(beams * limit, sizeof(*state->tokens), &failed);
  state->found.list = take(most, sizeof(*state->found.list), &failed);
  state->next = take(beams, sizeof(*state->next), &failed);
  state->done = take(beams, sizeof(*state->done), &failed);
  state->logits =
      take(beams * (size_t)state->features, sizeof(*state->logits), &failed);
  state->slots = take(beams, sizeof(*state->slots), &failed);
  state->lengths = take(beams, sizeof(*state->lengths), &failed);
  state->rows = take(beams, sizeof(*state->rows), &failed);
  state->ids = take(beams, sizeof(*state->ids), &failed);
  for (size_t i = 0; !failed && i < beams; ++i)
    state->done[i].ids = take(limit, sizeof(int32_t), &failed);
  if (failed)
    return ashlar_fail(state->error, "out of memory for %zu beams", beams);
  return state->course.request->sampling.repetition_penalty > 0 &&
         ashlar_sampler_make(&state->sampler, state->features, state->error);
}

static void release(searcher *state) {
  for (int32_t i = 0; state->done && i < state->search->beams; ++i)
    free(state->done[i].ids);
  free(state->beams);
  free(state->tokens);
  free(state->found.list);
  free(state->next);
  free(state->done);
  free(state->logits);
  free(state->slots);
  free(state->lengths);
  free(state->rows);
  free(state->ids);
  ashlar_sampler_free(&state->sampler);
}

static void deliver(const searcher *state, ashlar_beam_sink sink, void *user,
                    ashlar_generated *result) {
  result->done = 1;
  result->stop = ashlar_course_stop(&state->course, state->course.limit);
  if (state->done_count == 0) { /* no token was asked for */
    sink(user, state->tokens, 0, 0);
    return;
  }
  result->count = (size_t)state->done[0].count;
  if (state->done[0].by_token)
    result->stop = ASHLAR_STOP_END_TOKEN;
  for (int32_t i = 0; i < state->done_count && i < state->search->n_best; ++i)
    if (sink(user, state->done[i].ids, (size_t)state->done[i].count,
             state->done[i].score))
      return;
}

int ashlar_beam_search(const ashlar_api *api, ashlar_session *session,
                       const ashlar_text *text,
                       const ashlar_generation *request,
                       const ashlar_search *search, ashlar_beam_sink sink,
                       void *user, ashlar_generated *result,
                       ashlar_error *error) {
  *result = (ashlar_generated){0};
  if (!ashlar_can_generate(api->plan))
    return ashlar_fail(error, "the model does not generate tokens: it has no "
                              "decoder with logits");
  searcher state = {.api = api,
                    .plan = api->plan,
                    .session = session,
                    .search = search,
                    .error = error,
                    .head = ashlar_logits_head(api->plan)};
  state.features = api->plan->heads[state.head].output_features;
  if (check_room(&state) ||
      ashlar_course_find(api->plan, text, request, &state.course, error))
    return 1;
  state.length = (int64_t)state.course.start_count;
  int failed = allocate(&state) || run(&state);
  if (!failed)
    deliver(&state, sink, user, result);
  release(&state);
  return failed;
}
