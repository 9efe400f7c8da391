/*===- front_arrays.c - Arrays that an executable goes on from ------ C -*-===*\
|*
|* --in without --out: a source of vectors for each line of output.
|*
\*===----------------------------------------------------------------------===*/

#include "runtime/text/front_internal.h"
#include "runtime/text/vectors.h"

#include <stdlib.h>
#include <string.h>

typedef struct source {
  ashlar_front_state *state;
  const ashlar_stack_plan *stack;
  ashlar_array vectors; /* of the encoder */
  ashlar_array start;   /* ids that the output begins with; rank 0: none */
  int64_t tokens;
} source;

static int read_array(source *from, const ashlar_binding *binding) {
  ashlar_front_state *state = from->state;
  const char *start = state->plan->stacks[state->plan->decoder].input;
  int is_source = strcmp(binding->name, from->stack->input) == 0;
  if (!is_source && strcmp(binding->name, start) != 0)
    return ashlar_fail(&state->error,
                       "--in %s: without --out it takes %s and %s",
                       binding->name, from->stack->input, start);
  ashlar_error cause;
  ashlar_array *array = is_source ? &from->vectors : &from->start;
  if (array->rank)
    return ashlar_fail(&state->error, "%s: given twice", binding->name);
  if (ashlar_npy_read(binding->file, array, &cause))
    return ashlar_fail(&state->error, "%.200s: %.300s", binding->file,
                       cause.message);
  if (is_source)
    return ashlar_vectors_check(from->stack, binding->name, array,
                                &from->tokens, &state->error);
  if ((array->element == ASHLAR_INT32 || array->element == ASHLAR_INT64) &&
      array->rank == 2 && array->shape[1] > 0)
    return 0;
  return ashlar_fail(&state->error,
                     "%s: expected int64 or int32 [batch, tokens]",
                     binding->name);
}

/* The ids of a row; out of range stays out of range, for the check to come. */
static void read_ids(const ashlar_array *array, int64_t row, int32_t *ids) {
  for (int64_t i = 0; i < array->shape[1]; ++i) {
    int64_t id = ashlar_array_integer(array, row * array->shape[1] + i);
    ids[i] = id == (int32_t)id ? (int32_t)id : -1;
  }
}

static int run_rows(source *from, float *vectors, int32_t *ids) {
  for (int64_t row = 0; row < from->vectors.shape[0]; ++row) {
    ashlar_vectors_read(from->stack, &from->vectors, row, 0, from->tokens,
                        vectors);
    if (ids)
      read_ids(&from->start, row, ids);
    if (ashlar_front_source(from->state, vectors, (size_t)from->tokens, ids,
                            ids ? (size_t)from->start.shape[1] : 0))
      return 1;
  }
  return 0;
}

static int read_all(source *from) {
  ashlar_front_state *state = from->state;
  for (size_t i = 0; i < state->options.input_count; ++i)
    if (read_array(from, &state->options.inputs[i]))
      return 1;
  if (!from->vectors.rank)
    return ashlar_fail(&state->error, "--in does not give %s",
                       from->stack->input);
  if (from->start.rank && from->start.shape[0] != from->vectors.shape[0])
    return ashlar_fail(&state->error, "%s has %lld sequences, %s has %lld",
                       from->stack->input, (long long)from->vectors.shape[0],
                       state->plan->stacks[state->plan->decoder].input,
                       (long long)from->start.shape[0]);
  return 0;
}

int ashlar_front_arrays(ashlar_front_state *state) {
  source from = {.state = state,
                 .stack = &state->plan->stacks[state->plan->encoder]};
  int failed = read_all(&from);
  float *vectors = NULL;
  int32_t *ids = NULL;
  if (!failed) {
    size_t size = (size_t)ashlar_vectors_size(from.stack);
    vectors = calloc((size_t)from.tokens + 1, size * sizeof(*vectors));
    ids = from.start.rank ? calloc((size_t)from.start.shape[1], sizeof(*ids))
                          : NULL;
    if (!vectors || (from.start.rank && !ids))
      failed =
          ashlar_fail(&state->error, "out of memory for %s", from.stack->input);
  }
  failed = failed || run_rows(&from, vectors, ids);
  free(vectors);
  free(ids);
  ashlar_array_free(&from.vectors);
  ashlar_array_free(&from.start);
  return failed;
}
