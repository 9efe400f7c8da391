/*===- run.c - Inputs by name to outputs by name -------------------- C -*-===*/

#include "runtime/text/run.h"
#include "runtime/choose_plan.h"
#include "runtime/patches.h"
#include "runtime/text/run_internal.h"

#include <stdlib.h>
#include <string.h>

size_t ashlar_output_names(const ashlar_plan *plan,
                           const char *names[ASHLAR_MAX_NAMES]) {
  size_t count = 0;
  if (plan->encoder >= 0)
    names[count++] = plan->stacks[plan->encoder].output;
  if (plan->decoder >= 0)
    names[count++] = plan->stacks[plan->decoder].output;
  for (int64_t i = 0; i < plan->head_count && count < ASHLAR_MAX_NAMES; ++i)
    names[count++] = plan->heads[i].output;
  return count;
}

/*===-- Outputs
 * ------------------------------------------------------------===*/

static int find_output(ashlar_runner *state, const char *name,
                       ashlar_output *found) {
  const ashlar_plan *plan = state->plan;
  *found = (ashlar_output){.stack = -1, .head = -1};
  if (state->attention && strcmp(name, "attention") == 0) {
    found->is_attention = 1;
    found->stack = plan->maps[state->attention->map].stack;
    return 0;
  }
  for (int64_t i = 0; i < plan->stack_count; ++i)
    if (strcmp(plan->stacks[i].output, name) == 0)
      found->stack = i;
  for (int64_t i = 0; i < plan->head_count; ++i)
    if (strcmp(plan->heads[i].output, name) == 0) {
      found->head = (int32_t)i;
      found->stack = plan->decoder >= 0 ? plan->decoder : plan->encoder;
    }
  if (found->stack >= 0)
    return 0;
  const char *names[ASHLAR_MAX_NAMES];
  char list[320];
  ashlar_join_names(names, ashlar_output_names(plan, names), list,
                    sizeof(list));
  return ashlar_fail(state->error, "%s: no output of this model; it has: %s",
                     name, list);
}

static int make_output(ashlar_runner *state, ashlar_output *wanted) {
  const ashlar_plan *plan = state->plan;
  const ashlar_feed *feed = ashlar_feed_of(state, wanted->stack);
  if (wanted->is_attention)
    return ashlar_attention_make(state, wanted->array);
  int64_t shape[3] = {feed->batch, feed->columns,
                      plan->stacks[wanted->stack].hidden};
  int32_t rank = 3;
  if (wanted->head >= 0) {
    const ashlar_head_plan *head = &plan->heads[wanted->head];
    shape[2] = head->output_features;
    if (head->first_row_only) {
      shape[1] = shape[2];
      rank = 2;
    }
    rank -= (int32_t)head->scalar;
  }
  return ashlar_array_make(wanted->array, ASHLAR_FLOAT32, rank, shape,
                           state->error);
}

/*===-- Groups
 * -------------------------------------------------------------===*/

/* Rows that the call still has room for. */
static int64_t room(const ashlar_runner *state) {
  int64_t rows = state->plan->max_tokens - state->tokens;
  int64_t tiles = state->plan->max_tiles - state->tiles;
  if (tiles > rows / state->plan->tile_rows)
    return rows;
  int64_t tiled = tiles * state->plan->tile_rows;
  return tiled < rows ? tiled : rows;
}

/* Feeds the group's sequences to the decoder, as much at a time as fits. */
static int run_chunks(ashlar_runner *state, const ashlar_feed *feed) {
  for (int32_t i = 0; i < state->group; ++i)
    while (state->sequences[i].left > 0) {
      int64_t most = room(state);
      if (most > 0 && ashlar_call_add(state, feed, i, most))
        return 1;
      if (state->sequences[i].left > 0 && ashlar_call_run(state, feed))
        return 1;
    }
  return state->calls > 0 ? ashlar_call_run(state, feed) : 0;
}

static void start(ashlar_runner *state, const ashlar_feed *feed) {
  for (int32_t i = 0; i < state->group; ++i) {
    ashlar_sequence *of = &state->sequences[i];
    *of = (ashlar_sequence){.row = of->row,
                            .left = ashlar_feed_count(feed, of->row)};
  }
}

/* Whether the encoder can take a sequence more in the call under way. */
static int fits(const ashlar_runner *state, int64_t tokens) {
  const ashlar_plan *plan = state->plan;
  int64_t kind = plan->stacks[plan->encoder].cache_kind;
  const ashlar_cache_plan *cache = kind < 0 ? NULL : &plan->caches[kind];
  if (cache && cache->in_arena &&
      state->segments + divide_up(tokens, ASHLAR_SEGMENT_KEYS) >
          cache->segments)
    return 0;
  return state->tokens + tokens <= plan->max_tokens &&
         state->tiles + divide_up(tokens, plan->tile_rows) <= plan->max_tiles;
}

/* Feeds whole sequences to the encoder, as many at a time as fit. */
static int run_encoder(ashlar_runner *state, const ashlar_feed *feed) {
  for (int32_t i = 0; i < state->group; ++i) {
    int64_t tokens = state->sequences[i].left;
    if (state->calls > 0 && !fits(state, tokens) &&
        ashlar_call_run(state, feed))
      return 1;
    if (ashlar_call_add(state, feed, i, tokens))
      return 1;
  }
  return ashlar_call_run(state, feed);
}

static int run_group(ashlar_runner *state) {
  const ashlar_feed *encoder = &state->feeds.encoder;
  const ashlar_feed *decoder = &state->feeds.decoder;
  if (encoder->stack >= 0) {
    start(state, encoder);
    if (run_encoder(state, encoder))
      return 1;
  }
  if (!decoder->values)
    return 0;
  if (encoder->stack < 0 &&
      ashlar_check_status(state->api, state->api->reset(state->session, -1),
                          state->error))
    return 1;
  start(state, decoder);
  return run_chunks(state, decoder);
}

/* Tokens of a sequence, or an error when the artifact is too small for it. */
static int check_length(ashlar_runner *state, const ashlar_feed *feed,
                        int64_t row, int64_t *tokens) {
  int is_decoder = feed->stack == state->plan->decoder;
  int64_t most =
      is_decoder ? state->plan->max_context : ashlar_encoder_limit(state->plan);
  *tokens = ashlar_feed_count(feed, row);
  if (*tokens <= most)
    return 0;
  const char *option = is_decoder                       ? "--max-context"
                       : most < state->plan->max_tokens ? "--max-source"
                                                        : "--max-tokens";
  if (feed->plan->vector_rows > 1)
    return ashlar_vectors_too_many(feed->plan, feed->values_name, *tokens, most,
                                   option, state->error);
  return ashlar_fail(state->error,
                     "%s: sequence %lld has %lld tokens; the artifact takes "
                     "%lld at most (%s of compile)",
                     feed->values_name, (long long)row, (long long)*tokens,
                     (long long)most, option);
}

/* All rows of the batch, as many at once as the session has slots. A row
   without tokens, or without a source, stays zero. */
static int run_batch(ashlar_runner *state) {
  const ashlar_feed *encoder = &state->feeds.encoder;
  const ashlar_feed *decoder = &state->feeds.decoder;
  int64_t batch = encoder->stack >= 0 ? encoder->batch : decoder->batch;
  for (int64_t row = 0; row < batch; ++row) {
    int64_t source = 1, target = 1;
    if ((encoder->stack >= 0 && check_length(state, encoder, row, &source)) ||
        (decoder->values && check_length(state, decoder, row, &target)))
      return 1;
    if (source == 0 || (encoder->stack < 0 && target == 0))
      continue;
    state->sequences[state->group++].row = row;
    if (state->group < state->plan->max_sequences)
      continue;
    if (run_group(state))
      return 1;
    state->group = 0;
  }
  return state->group > 0 ? run_group(state) : 0;
}

/*===-- Memory
 * -------------------------------------------------------------===*/

static void *take(size_t count, size_t size, int *failed) {
  void *memory = calloc(count + 1, size);
  *failed |= !memory;
  return memory;
}

static int allocate(ashlar_runner *state) {
  const ashlar_plan *plan = state->plan;
  size_t tokens = (size_t)plan->max_tokens;
  size_t slots = (size_t)plan->max_sequences;
  size_t width = 0, pixels = 0;
  for (int64_t i = 0; i < plan->stack_count; ++i) {
    const ashlar_stack_plan *stack = &plan->stacks[i];
    if (stack->image.channels > 0)
      pixels = (size_t)ashlar_image_floats(&stack->image) *
               (tokens / (size_t)stack->image.rows);
    else if (stack->ids_offset < 0 &&
             (size_t)ashlar_vectors_size(stack) > width)
      width = (size_t)ashlar_vectors_size(stack);
  }
  int failed = 0;
  state->sequences = take(slots, sizeof(*state->sequences), &failed);
  state->slots = take(slots, sizeof(*state->slots), &failed);
  state->extents = take(slots, sizeof(*state->extents), &failed);
  state->lengths = take(slots, sizeof(*state->lengths), &failed);
  state->ids = take(tokens, sizeof(*state->ids), &failed);
  state->positions = take(tokens, sizeof(*state->positions), &failed);
  state->types = take(tokens, sizeof(*state->types), &failed);
  state->marks = take(tokens, sizeof(*state->marks), &failed);
  state->vectors = take(tokens * width, sizeof(*state->vectors), &failed);
  state->pixels = take(pixels, sizeof(*state->pixels), &failed);
  state->rows = take(tokens, sizeof(*state->rows), &failed);
  state->columns = take(tokens, sizeof(*state->columns), &failed);
  state->numbers = take(tokens, sizeof(*state->numbers), &failed);
  if (failed)
    return ashlar_fail(state->error, "out of memory for calls of %zu tokens",
                       tokens);
  for (size_t i = 0; i < tokens; ++i)
    state->numbers[i] = (int32_t)i;
  return 0;
}

static void release(ashlar_runner *state) {
  free(state->sequences);
  free(state->slots);
  free(state->extents);
  free(state->lengths);
  free(state->ids);
  free(state->positions);
  free(state->types);
  free(state->marks);
  free(state->vectors);
  free(state->pixels);
  free(state->rows);
  free(state->columns);
  free(state->numbers);
}

/* Inputs that the outputs need; a decoder that none needs is not run. */
static int check_needs(ashlar_runner *state) {
  ashlar_feed *encoder = &state->feeds.encoder;
  ashlar_feed *decoder = &state->feeds.decoder;
  int needs_decoder = 0;
  for (size_t i = 0; i < state->output_count; ++i)
    needs_decoder |= state->outputs[i].stack == decoder->stack;
  if (encoder->stack >= 0 && !encoder->values)
    return ashlar_fail(state->error, "%s: missing", encoder->values_name);
  if (needs_decoder && decoder->stack >= 0 && !decoder->values)
    return ashlar_fail(state->error, "%s: missing", decoder->values_name);
  if (!needs_decoder)
    decoder->values = NULL;
  return 0;
}

/* The calls of the batch, which keep the attention that is wanted. */
static int run_watched(ashlar_runner *state) {
  const ashlar_attention *attention = state->attention;
  if (!attention)
    return run_batch(state);
  if (ashlar_check_status(
          state->api,
          state->api->watch(state->session, attention->map, attention->layer),
          state->error))
    return 1;
  int failed = run_batch(state);
  state->api->watch(state->session, -1, 0);
  return failed;
}

static int run(ashlar_runner *state, const ashlar_named_array *inputs,
               size_t input_count, ashlar_named_array *outputs) {
  if (ashlar_bind_inputs(state->plan, inputs, input_count, &state->feeds,
                         state->error))
    return 1;
  for (size_t i = 0; i < state->output_count; ++i) {
    if (find_output(state, outputs[i].name, &state->outputs[i]))
      return 1;
    state->outputs[i].array = &outputs[i].array;
  }
  if (check_needs(state))
    return 1;
  for (size_t i = 0; i < state->output_count; ++i)
    if (make_output(state, &state->outputs[i]))
      return 1;
  return allocate(state) || run_watched(state);
}

int ashlar_run(const ashlar_api *api, ashlar_session *session,
               const ashlar_named_array *inputs, size_t input_count,
               ashlar_named_array *outputs, size_t output_count,
               const ashlar_attention *attention, ashlar_error *error) {
  for (size_t i = 0; i < output_count; ++i)
    outputs[i].array = (ashlar_array){0};
  ashlar_output *wanted = calloc(output_count + 1, sizeof(*wanted));
  if (!wanted)
    return ashlar_fail(error, "out of memory");
  ashlar_runner state = {.api = api,
                         .plan = ashlar_plan_of(api),
                         .session = session,
                         .outputs = wanted,
                         .output_count = output_count,
                         .attention = attention,
                         .error = error};
  int failed = run(&state, inputs, input_count, outputs);
  release(&state);
  free(wanted);
  for (size_t i = 0; failed && i < output_count; ++i)
    ashlar_array_free(&outputs[i].array);
  return failed;
}
