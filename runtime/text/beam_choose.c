/*===- beam_choose.c - Which sequences go on, which end ------------- C -*-===*/

#include "runtime/text/beam_internal.h"

#include <math.h> /* isnan, INFINITY: macros, nothing of libm */
#include <string.h>

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

static int offer_all(ashlar_searcher *state, int32_t index, float *logits) {
  const ashlar_beam *of = &state->beams[index];
  double penalty = state->course.request->sampling.repetition_penalty;
  if (take_logarithms(logits, state->features, state->error))
    return 1;
  if (penalty > 0)
    ashlar_penalize(&state->sampler, penalty,
                    ashlar_beam_tokens(state, of->slot), (size_t)state->length,
                    logits);
  ashlar_course_suppress(&state->course, state->length, logits,
                         state->features);
  for (int64_t i = 0; i < state->features; ++i)
    if (logits[i] > -INFINITY)
      ashlar_beam_heap_offer(
          &state->found,
          (ashlar_candidate){of->score + (double)logits[i], index, (int32_t)i});
  return 0;
}

int ashlar_beam_find(ashlar_searcher *state) {
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

static int64_t fresh(const ashlar_searcher *state) {
  return state->length - (int64_t)state->course.start_count;
}

static double rate(const ashlar_searcher *state, double score, int64_t count) {
  return score / ashlar_power((double)count, state->search->length_penalty);
}

/* Keeps the sequence of `from` if it is among the best that have ended. */
static void keep(ashlar_searcher *state, const ashlar_candidate *from,
                 int by_token) {
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
          (size_t)(last - at) * sizeof(ashlar_ended));
  memcpy(ids,
         ashlar_beam_tokens(state, state->beams[from->beam].slot) +
             state->course.start_count,
         (size_t)(count - 1) * sizeof(int32_t));
  ids[count - 1] = from->token;
  state->done[at] = (ashlar_ended){score, ids, count, by_token};
}

void ashlar_beam_sort_out(ashlar_searcher *state) {
  int32_t beams = state->search->beams;
  state->next_count = 0;
  for (int32_t i = 0; i < state->found.count; ++i) {
    const ashlar_candidate *from = &state->found.list[i];
    if (ashlar_course_ends(&state->course, from->token)) {
      if (i < beams)
        keep(state, from, /*by_token=*/1);
    } else if (state->next_count < beams) {
      state->next[state->next_count++] = *from;
    }
  }
}

void ashlar_beam_cut(ashlar_searcher *state) {
  for (int32_t i = 0; i < state->next_count; ++i)
    keep(state, &state->next[i], /*by_token=*/0);
}

/* New tokens at which a beam's score is the most that it can become: negative
   sums suffer least from the length that the penalty likes best. */
static int64_t best_length(const ashlar_searcher *state) {
  int any_length = state->search->early_stopping == ASHLAR_EARLY_STOPPING_NEVER;
  return any_length && state->search->length_penalty > 0
             ? state->course.limit - (int64_t)state->course.start_count
             : fresh(state) + 1;
}

/* As transformers 4.47 has it, what has just ended counts as what could still
   come. */
int ashlar_beam_may_improve(const ashlar_searcher *state) {
  if (state->next_count == 0)
    return 0;
  if (state->done_count < state->search->beams)
    return 1;
  if (state->search->early_stopping == ASHLAR_EARLY_STOPPING_TRUE)
    return 0;
  return rate(state, state->found.list[0].score, best_length(state)) >
         state->done[state->done_count - 1].score;
}
