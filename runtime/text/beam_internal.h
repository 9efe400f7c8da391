/*===- beam_internal.h - Between the parts of beam search ----------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_BEAM_INTERNAL_H
#define ASHLAR_RUNTIME_TEXT_BEAM_INTERNAL_H

#include "runtime/text/beam.h"
#include "runtime/text/beam_heap.h"
#include "runtime/text/course.h"

/* A sequence that goes on. */
typedef struct ashlar_beam {
  double score; /* sum of log probabilities */
  int32_t slot;
} ashlar_beam;

/* A sequence that has come to its end. */
typedef struct ashlar_ended {
  double score;
  int32_t *ids; /* [count] new tokens */
  int64_t count;
  int by_token;
} ashlar_ended;

typedef struct ashlar_searcher {
  const ashlar_api *api;
  const ashlar_plan *plan;
  ashlar_session *session;
  const ashlar_search *search;
  ashlar_error *error;
  ashlar_course course;
  int32_t head;
  int64_t features;
  int64_t length;     /* tokens of each beam */
  ashlar_beam *beams; /* [search.beams], the best first */
  int32_t live;       /* how many of them */
  int32_t *tokens;    /* [search.beams, limit], by slot */
  ashlar_beam_heap found;
  ashlar_candidate *next; /* [search.beams]: what goes on */
  int32_t next_count;
  ashlar_ended *done; /* [search.beams], the best first */
  int32_t done_count;
  float *logits;                         /* [search.beams, features] */
  int32_t *slots, *lengths, *rows, *ids; /* [search.beams] */
  int32_t *extents;                      /* [search.beams] */
  ashlar_sampler sampler;                /* for the penalty */
} ashlar_searcher;

/* The tokens of the beam that lives in `slot`. */
static inline int32_t *ashlar_beam_tokens(const ashlar_searcher *state,
                                          int32_t slot) {
  return state->tokens + slot * state->course.limit;
}

/* The best continuations of all beams; a forced token is certain. */
int ashlar_beam_find(ashlar_searcher *state);

/* Sorts the candidates into those that end and those that go on. */
void ashlar_beam_sort_out(ashlar_searcher *state);

/* Whether to go on: a beam could still become better than the worst that is
   kept. */
int ashlar_beam_may_improve(const ashlar_searcher *state);

/* Ends what would go on: no further token has room. */
void ashlar_beam_cut(ashlar_searcher *state);

/* Whether the artifact has room for so many beams. */
int ashlar_beam_check_room(const ashlar_searcher *state);
int ashlar_beam_allocate(ashlar_searcher *state);
void ashlar_beam_release(ashlar_searcher *state);

#endif /* ASHLAR_RUNTIME_TEXT_BEAM_INTERNAL_H */
