/*===- run_internal.h - Shared by the files of `run` ---------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_RUN_INTERNAL_H
#define ASHLAR_RUNTIME_TEXT_RUN_INTERNAL_H

#include "runtime/text/run.h"
#include "runtime/text/vectors.h"

/* A stack and the arrays that feed it; null = not given. */
typedef struct ashlar_feed {
  int64_t stack; /* index in plan.stacks; -1 = the model has no such stack */
  const ashlar_stack_plan *plan;
  const ashlar_array *values; /* ids [B, S] or vectors (vectors.h) */
  const char *values_name;
  const ashlar_array *mask;
  const ashlar_array *positions;
  const ashlar_array *types;
  const ashlar_array *marks;
  int64_t batch;   /* B */
  int64_t columns; /* S; of vectors: tokens */
  int64_t extent; /* of the batch's sequences: columns, or what positions say */
} ashlar_feed;

typedef struct ashlar_feeds {
  ashlar_feed encoder;
  ashlar_feed decoder;
} ashlar_feeds;

/* Sorts the inputs to the stacks and checks their types and shapes. */
int ashlar_bind_inputs(const ashlar_plan *plan,
                       const ashlar_named_array *inputs, size_t count,
                       ashlar_feeds *feeds, ashlar_error *error);

/* Whether the token at (row, column) takes part. */
int ashlar_feed_keeps(const ashlar_feed *feed, int64_t row, int64_t column);
/* A mask's element, checked to be 0 or 1, at (row, column). */
int ashlar_feed_is_set(const ashlar_array *array, int64_t row, int64_t column);
int64_t ashlar_feed_count(const ashlar_feed *feed, int64_t row);

/* An integer input at (row, column), checked to lie in [0, limit). */
int ashlar_feed_integer(const ashlar_array *array, const char *name,
                        int64_t row, int64_t column, int64_t limit,
                        int32_t *value, ashlar_error *error);

/* "a, b, c" */
void ashlar_join_names(const char *const *names, size_t count, char *text,
                       size_t bytes);

/* An output that was asked for. */
typedef struct ashlar_output {
  int64_t stack; /* whose result it is, or whose result the head reads */
  int32_t head;  /* -1: the stack's result itself, or its attention */
  int is_attention;
  ashlar_array *array;
} ashlar_output;

/* A sequence of the group that is under way. */
typedef struct ashlar_sequence {
  int64_t row;     /* in the batch */
  int64_t column;  /* next one to look at */
  int64_t fed;     /* tokens so far */
  int64_t left;    /* tokens to come */
  int64_t padding; /* ids before `column` that positions do not count */
} ashlar_sequence;

typedef struct ashlar_runner {
  const ashlar_api *api;
  const ashlar_plan *plan;
  ashlar_session *session;
  ashlar_feeds feeds;
  ashlar_output *outputs;
  size_t output_count;
  const ashlar_attention *attention; /* what is kept of calls, or null */
  ashlar_error *error;
  ashlar_sequence *sequences; /* [max_sequences], the group */
  int32_t group;              /* how many of them */
  /* The call being put together. */
  int32_t *slots;                   /* [max_sequences] */
  int32_t *lengths;                 /* [max_sequences] */
  int32_t *extents;                 /* [max_sequences] */
  int32_t *ids, *positions, *types; /* [max_tokens] */
  int32_t *marks;                   /* [max_tokens] */
  float *vectors;                   /* of max_tokens */
  float *pixels;                    /* [images of a call, channels, ...] */
  int64_t *rows, *columns;          /* [max_tokens]: where results go */
  int32_t *numbers;                 /* [max_tokens]: 0, 1, 2, ... */
  int32_t calls;                    /* sequences of the call */
  int64_t tokens;                   /* rows of the call */
  int64_t tiles;
  int64_t segments;
  int own_positions; /* they are not those that the runtime makes */
} ashlar_runner;

static inline const ashlar_feed *ashlar_feed_of(const ashlar_runner *state,
                                                int64_t stack) {
  return stack == state->plan->decoder ? &state->feeds.decoder
                                       : &state->feeds.encoder;
}

/* Memory for the output "attention". */
int ashlar_attention_make(const ashlar_runner *state, ashlar_array *array);
/* Adds the rows of a call. */
void ashlar_attention_collect(const ashlar_runner *state, ashlar_array *array);

/* Adds up to `most` tokens of the sequence in `slot` to the call. */
int ashlar_call_add(ashlar_runner *state, const ashlar_feed *feed, int32_t slot,
                    int64_t most);

/* Runs the call, puts its results into the outputs and empties it. */
int ashlar_call_run(ashlar_runner *state, const ashlar_feed *feed);

static inline int64_t divide_up(int64_t count, int64_t by) {
  return (count + by - 1) / by;
}

#endif /* ASHLAR_RUNTIME_TEXT_RUN_INTERNAL_H */
