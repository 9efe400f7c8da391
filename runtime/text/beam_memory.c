/*===- beam_memory.c - What a beam search needs --------------------- C -*-===*/

#include "runtime/text/beam_internal.h"

#include <stdlib.h>

int ashlar_beam_check_room(const ashlar_searcher *state) {
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

int ashlar_beam_allocate(ashlar_searcher *state) {
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
  state->extents = take(beams, sizeof(*state->extents), &failed);
  for (size_t i = 0; !failed && i < beams; ++i)
    state->done[i].ids = take(limit, sizeof(int32_t), &failed);
  if (failed)
    return ashlar_fail(state->error, "out of memory for %zu beams", beams);
  return state->course.request->sampling.repetition_penalty > 0 &&
         ashlar_sampler_make(&state->sampler, state->features, state->error);
}

void ashlar_beam_release(ashlar_searcher *state) {
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
  free(state->extents);
  ashlar_sampler_free(&state->sampler);
}
