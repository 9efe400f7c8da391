/*===- beam.c - Beam search ----------------------------------------- C -*-===*/

#include "runtime/choose_plan.h"
#include "runtime/text/beam_internal.h"

#include <string.h>

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
    return "--length-penalty is for several beams: --beams=2 or more";
  if (search->beams == 1 && search->early_stopping != ASHLAR_TEXT_NONE)
    return "--early-stopping is for several beams: --beams=2 or more";
  return NULL;
}

int32_t ashlar_early_stopping_named(const char *name) {
  static const char *const names[] = {"false", "true", "never"};
  for (int32_t i = 0; i < 3; ++i)
    if (strcmp(name, names[i]) == 0)
      return i;
  return ASHLAR_TEXT_NONE;
}

/* `search` with the model's own settings where it gives none. */
static ashlar_search settle(const ashlar_search *search,
                            const ashlar_text_header *model) {
  ashlar_search all = *search;
  if (!all.has_length_penalty)
    all.length_penalty = model->length_penalty;
  if (all.early_stopping == ASHLAR_TEXT_NONE)
    all.early_stopping = (int32_t)model->early_stopping;
  if (all.n_best == 0)
    all.n_best = model->num_return_sequences < (uint32_t)all.beams
                     ? (int32_t)model->num_return_sequences
                     : all.beams;
  return all;
}

/*===-- Steps -----------------------------------------------------------===*/

/* A slot that no candidate to come needs: there are as many as beams. */
static int32_t free_slot(const ashlar_searcher *state) {
  int32_t slot = 0;
  while (slot + 1 < state->search->beams && state->slots[slot])
    ++slot;
  return slot;
}

/* The first continuation of a beam stays in its slot; others get a copy. */
static int go_on(ashlar_searcher *state) {
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
      memcpy(ashlar_beam_tokens(state, slot), ashlar_beam_tokens(state, origin),
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
    state->beams[i] = (ashlar_beam){state->next[i].score, slot};
    ashlar_beam_tokens(state, slot)[state->length] = state->next[i].token;
  }
  state->live = state->next_count;
  ++state->length;
  return 0;
}

static int decode(ashlar_searcher *state, int32_t sequences,
                  const int32_t *ids) {
  for (int32_t i = 0; i < sequences; ++i)
    state->extents[i] = (int32_t)state->length;
  ashlar_batch batch = {.sequences = sequences,
                        .slots = state->slots,
                        .lengths = state->lengths,
                        .ids = ids,
                        .extents = ashlar_last_stack(state->plan)->reads_extents
                                       ? state->extents
                                       : NULL};
  return ashlar_check_status(
      state->api, state->api->decode(state->session, &batch), state->error);
}

/* The first `count` tokens of a slot, as many at a time as fit. */
static int feed(ashlar_searcher *state, int32_t slot, int64_t count) {
  state->slots[0] = slot;
  for (int64_t at = 0; at < count; at += state->lengths[0]) {
    int64_t left = count - at, most = state->plan->max_tokens;
    state->lengths[0] = (int32_t)(left < most ? left : most);
    if (decode(state, 1, ashlar_beam_tokens(state, slot) + at))
      return 1;
  }
  return 0;
}

/* All but the beams' last tokens once more, with the angles of their length. */
static int start_anew(ashlar_searcher *state) {
  for (int32_t i = 0; i < state->live; ++i) {
    int32_t slot = state->beams[i].slot;
    if (ashlar_check_status(state->api, state->api->reset(state->session, slot),
                            state->error) ||
        feed(state, slot, state->length - 1))
      return 1;
  }
  return 0;
}

/* The beams' last tokens. */
static int decode_beams(ashlar_searcher *state) {
  if (ashlar_recomputes(ashlar_last_stack(state->plan), state->length - 1,
                        state->length) &&
      start_anew(state))
    return 1;
  for (int32_t i = 0; i < state->live; ++i) {
    int32_t slot = state->beams[i].slot;
    state->slots[i] = slot;
    state->lengths[i] = 1;
    state->rows[i] = i;
    state->ids[i] = ashlar_beam_tokens(state, slot)[state->length - 1];
  }
  return decode(state, state->live, state->ids);
}

/* The source, and what the sequence begins with, in slot 0. */
static int start(ashlar_searcher *state) {
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
  state->beams[0] = (ashlar_beam){0, 0};
  state->live = 1;
  if (feed(state, 0, state->length))
    return 1;
  state->rows[0] = state->lengths[0] - 1;
  return 0;
}

static int run(ashlar_searcher *state) {
  if (state->length >= state->course.limit)
    return 0;
  if (start(state))
    return 1;
  while (1) {
    if (ashlar_beam_find(state))
      return 1;
    ashlar_beam_sort_out(state);
    if (!ashlar_beam_may_improve(state))
      return 0;
    if (state->length + 1 >= state->course.limit) {
      ashlar_beam_cut(state);
      return 0;
    }
    if (go_on(state) || decode_beams(state))
      return 1;
  }
}

/*===-- The whole -------------------------------------------------------===*/

static void deliver(const ashlar_searcher *state, ashlar_beam_sink sink,
                    void *user, ashlar_generated *result) {
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
  const ashlar_plan *plan = ashlar_plan_of(api);
  *result = (ashlar_generated){0};
  if (!ashlar_can_generate(plan))
    return ashlar_fail(error, "the model does not generate tokens: it has no "
                              "decoder with logits");
  ashlar_search settled = settle(search, text->header);
  ashlar_searcher state = {.api = api,
                           .plan = plan,
                           .session = session,
                           .search = &settled,
                           .error = error,
                           .head = ashlar_logits_head(plan)};
  state.features = plan->heads[state.head].output_features;
  if (ashlar_beam_check_room(&state) ||
      ashlar_course_find(plan, text, request, &state.course, error))
    return 1;
  state.length = (int64_t)state.course.start_count;
  int failed = ashlar_beam_allocate(&state) || run(&state);
  if (!failed)
    deliver(&state, sink, user, result);
  ashlar_beam_release(&state);
  return failed;
}
