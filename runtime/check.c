/*===- check.c - Everything a caller can get wrong ------------------ C -*-===*\
|*
|* Each number is checked before the first byte of the session changes: a
|* refused call loses neither the sequences nor the last result.
|*
\*===----------------------------------------------------------------------===*/

#include "runtime/internal.h"

/* Which arrays there are, against which the stack reads. */
static ashlar_status check_arrays(const ashlar_plan *plan,
                                  const ashlar_stack_plan *stack,
                                  const ashlar_batch *batch) {
  bool takes_images = stack->image.channels > 0;
  bool takes_ids = stack->ids_offset >= 0;
  bool takes_vectors = !takes_images && !takes_ids;
  if (batch->sequences < 1 || batch->sequences > plan->max_sequences ||
      (!batch->lengths && !takes_images))
    return ASHLAR_INVALID_ARGUMENT;
  if ((takes_ids && !batch->ids) || (takes_vectors && !batch->vectors) ||
      (takes_images && !batch->pixel_values))
    return ASHLAR_INVALID_ARGUMENT;
  if ((!takes_ids && batch->ids) || (!takes_vectors && batch->vectors) ||
      (!takes_images && batch->pixel_values) ||
      (batch->position_ids && stack->positions_offset < 0) ||
      (batch->token_type_ids && stack->types_offset < 0) ||
      (batch->extents && !stack->reads_extents) ||
      (batch->marks && !stack->marks_input))
    return ASHLAR_NOT_SUPPORTED;
  return ASHLAR_OK;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rows that an encoder takes of one sequence. */
static ashlar_status check_source(const ashlar_plan *plan,
                                  const ashlar_cache_plan *cache,
                                  int64_t length) {
  const ashlar_cache_plan *cross = ashlar_rt_cache_of(plan, plan->cross_cache);
  if (cross && length > least(plan->max_source, cross->capacity))
    return ASHLAR_SOURCE_TOO_LONG;
  return cache && length > cache->capacity ? ASHLAR_TOO_MANY_TOKENS : ASHLAR_OK;
}

static ashlar_status check_context(const ashlar_plan *plan,
                                   const ashlar_stack_plan *stack,
                                   const ashlar_rt_slot *slot, int64_t length) {
  if (plan->cross_cache >= 0 && slot->source < 1)
    return ASHLAR_NO_SOURCE;
  int64_t capacity = plan->max_context;
  const ashlar_cache_plan *cache = ashlar_rt_cache_of(plan, stack->cache_kind);
  const ashlar_cache_plan *ring = ashlar_rt_cache_of(plan, stack->ring_kind);
  if (cache)
    capacity = least(capacity, cache->capacity);
  if (ring)
    capacity = least(capacity, ring->capacity);
  return slot->length + length > capacity ? ASHLAR_CONTEXT_FULL : ASHLAR_OK;
}

/* Slots and lengths; *rows becomes their sum. */
static ashlar_status check_sequences(ashlar_session *session, int64_t stack,
                                     const ashlar_batch *batch, int64_t *rows) {
  const ashlar_plan *plan = session->plan;
  const ashlar_stack_plan *of = &plan->stacks[stack];
  const ashlar_cache_plan *cache = ashlar_rt_cache_of(plan, of->cache_kind);
  uint64_t check = ++session->checks;
  int64_t total = 0, tiles = 0, segments = 0;
  for (int32_t i = 0; i < batch->sequences; ++i) {
    int64_t length = ashlar_rt_length_of(of, batch, i);
    int32_t slot = ashlar_rt_slot_of(batch, i);
    bool whole = of->image.channels == 0 || length == of->image.rows;
    if (length < 1 || !whole || slot < 0 || slot >= plan->max_sequences ||
        session->slots[slot].seen == check)
      return ASHLAR_INVALID_ARGUMENT;
    int64_t tokens = ashlar_rt_begin_of(session, stack, slot) + length;
    if (batch->extents && batch->extents[i] < tokens)
      return ASHLAR_INVALID_ARGUMENT;
    session->slots[slot].seen = check;
    ashlar_status status =
        stack == plan->encoder
            ? check_source(plan, cache, length)
            : check_context(plan, of, &session->slots[slot], length);
    if (status != ASHLAR_OK)
      return status;
    total += length;
    tiles += (length + plan->tile_rows - 1) / plan->tile_rows;
    segments += ashlar_rt_segments_for(length);
  }
  *rows = total;
  if (total > plan->max_tokens || tiles > plan->max_tiles ||
      (cache && cache->in_arena && segments > cache->segments))
    return ASHLAR_TOO_MANY_TOKENS;
  return ASHLAR_OK;
}

static bool all_below(const int32_t *values, int64_t count, int64_t limit) {
  for (int64_t i = 0; i < count; ++i)
    if (values[i] < 0 || values[i] >= limit)
      return false;
  return true;
}

static ashlar_status check_positions(const ashlar_session *session,
                                     int64_t stack, const ashlar_batch *batch,
                                     int64_t rows) {
  const ashlar_stack_plan *plan = &session->plan->stacks[stack];
  int64_t limit = plan->positions > 0 ? plan->positions : INT64_MAX;
  if (plan->positions_offset < 0)
    return ASHLAR_OK;
  if (batch->position_ids)
    return all_below(batch->position_ids, rows, limit)
               ? ASHLAR_OK
               : ASHLAR_INVALID_POSITION;
  for (int32_t i = 0; i < batch->sequences; ++i) {
    int32_t slot = ashlar_rt_slot_of(batch, i);
    if (ashlar_rt_begin_of(session, stack, slot) +
            ashlar_rt_length_of(plan, batch, i) >
        limit - plan->first_position)
      return ASHLAR_INVALID_POSITION;
  }
  return ASHLAR_OK;
}

ashlar_status ashlar_rt_check_batch(ashlar_session *session, int64_t stack,
                                    const ashlar_batch *batch) {
  const ashlar_stack_plan *plan = &session->plan->stacks[stack];
  int64_t rows = 0;
  ashlar_status status = check_arrays(session->plan, plan, batch);
  if (status == ASHLAR_OK)
    status = check_sequences(session, stack, batch, &rows);
  if (status == ASHLAR_OK)
    status = check_positions(session, stack, batch, rows);
  if (status != ASHLAR_OK)
    return status;
  if (batch->marks && !all_below(batch->marks, rows, 2))
    return ASHLAR_INVALID_ARGUMENT;
  if (batch->ids && !all_below(batch->ids, rows, plan->vocabulary))
    return ASHLAR_INVALID_TOKEN;
  if (batch->token_type_ids &&
      !all_below(batch->token_type_ids, rows, plan->token_types))
    return ASHLAR_INVALID_TYPE;
  return ASHLAR_OK;
}
