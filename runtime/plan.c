/*===- plan.c - Does the plan hold together? ------------------------ C -*-===*\
|*
|* The compiler wrote the plan; a damaged or mismatched artifact is found here,
|* before anything is written through its offsets.
|*
\*===----------------------------------------------------------------------===*/

#include "runtime/internal.h"

/* Table indices are int32; products of two such numbers fit 64 bits. */
static bool is_count(int64_t value) { return value >= 0 && value <= INT32_MAX; }

/* rows * row_bytes bytes at `offset`, within `total`? */
static bool fits(int64_t offset, int64_t rows, int64_t row_bytes,
                 int64_t total) {
  if (offset < 0 || offset % 4 || rows < 0 || row_bytes < 0 || offset > total)
    return false;
  return row_bytes == 0 || rows <= (total - offset) / row_bytes;
}

static bool in_arena(const ashlar_plan *plan, int64_t offset, int64_t rows,
                     int64_t row_bytes) {
  return fits(offset, rows, row_bytes, plan->arena_bytes);
}

/* Vectors of the call's rows, where the stack takes them. */
static bool vectors_fit(const ashlar_plan *plan,
                        const ashlar_stack_plan *stack) {
  if (stack->vectors_offset == -1)
    return true;
  return stack->vector_features >= 1 &&
         stack->vector_stride >= stack->vector_features &&
         stack->vector_rows >= 1 && is_count(stack->vector_rows) &&
         in_arena(plan, stack->vectors_offset,
                  plan->max_tokens * stack->vector_rows,
                  stack->vector_stride * 4);
}

/* -1: the model has no such input. */
static bool input_fits(const ashlar_plan *plan, int64_t offset,
                       int64_t row_bytes) {
  return offset == -1 || in_arena(plan, offset, plan->max_tokens, row_bytes);
}

/* Images of a stack whose rows hold `features` numbers. */
static bool image_is_sound(const ashlar_image_plan *image, int64_t features) {
  if (image->channels == 0)
    return true;
  if (!is_count(image->channels) || !is_count(image->height) ||
      !is_count(image->width) || !is_count(image->prefix) ||
      image->patch_height < 1 || image->patch_height > image->height ||
      image->patch_width < 1 || image->patch_width > image->width)
    return false;
  int64_t pixels = image->height * image->width;
  int64_t patches = (image->height / image->patch_height) *
                    (image->width / image->patch_width);
  return is_count(pixels) && is_count(image->channels * pixels) &&
         features ==
             image->channels * image->patch_height * image->patch_width &&
         image->rows == image->prefix + patches;
}

/* What rows append to. A tile names its first entry in the tables of both: they
   are alike. */
static bool own_caches_are_sound(const ashlar_plan *plan,
                                 const ashlar_stack_plan *stack) {
  if (stack->cache_kind < -1 || stack->cache_kind >= plan->cache_count ||
      stack->ring_kind < -1 || stack->ring_kind >= plan->cache_count)
    return false;
  const ashlar_cache_plan *all = ashlar_rt_cache_of(plan, stack->cache_kind);
  const ashlar_cache_plan *ring = ashlar_rt_cache_of(plan, stack->ring_kind);
  if (all && ashlar_rt_is_ring(all))
    return false;
  if (!ring)
    return true;
  return !ring->in_arena && ashlar_rt_is_ring(ring) &&
         (!all || all->slot_segments == ring->slot_segments);
}

static bool stack_is_sound(const ashlar_plan *plan,
                           const ashlar_stack_plan *stack) {
  if (!stack->function || !is_count(stack->vector_stride) ||
      stack->hidden < 1 || !is_count(stack->hidden_stride) ||
      stack->hidden_stride < stack->hidden)
    return false;
  /* Ids or vectors: exactly one. */
  if ((stack->ids_offset < 0) == (stack->vectors_offset < 0))
    return false;
  if (stack->image.channels != 0 &&
      (stack->vectors_offset < 0 || stack->vector_rows != 1 ||
       !image_is_sound(&stack->image, stack->vector_features)))
    return false;
  if (!is_count(stack->first_position))
    return false;
  if (stack->marks_input &&
      (stack->marks_rule < ASHLAR_MARK_NONE ||
       stack->marks_rule > ASHLAR_MARK_BEFORE ||
       !in_arena(plan, stack->marks_offset, plan->max_tokens + 1, 4) ||
       (stack->marks_rule == ASHLAR_MARK_BEFORE && stack->ids_offset < 0)))
    return false;
  if (!own_caches_are_sound(plan, stack))
    return false;
  return input_fits(plan, stack->ids_offset, 4) && vectors_fit(plan, stack) &&
         input_fits(plan, stack->positions_offset, 4) &&
         input_fits(plan, stack->types_offset, 4) &&
         in_arena(plan, stack->hidden_offset, plan->max_tokens,
                  stack->hidden_stride * 4);
}

static bool head_is_sound(const ashlar_plan *plan,
                          const ashlar_head_plan *head) {
  if (!head->function || head->max_rows < 1 || !is_count(head->max_rows) ||
      !is_count(head->input_stride) || !is_count(head->output_stride))
    return false;
  if (head->input_features < 1 || head->input_features > head->input_stride ||
      head->output_features < 1 || head->output_features > head->output_stride)
    return false;
  int64_t last = plan->decoder >= 0 ? plan->decoder : plan->encoder;
  if (head->row_token < ASHLAR_ROW_LAST ||
      (head->row_token != ASHLAR_ROW_FIRST &&
       head->row_token != ASHLAR_ROW_LAST && plan->stacks[last].ids_offset < 0))
    return false;
  if (head->pools && (plan->decoder >= 0 || head->max_rows < plan->max_tokens ||
                      head->input_offset != plan->stacks[last].hidden_offset ||
                      head->input_stride != plan->stacks[last].hidden_stride))
    return false;
  return head->input_features == plan->stacks[last].hidden &&
         in_arena(plan, head->input_offset, head->max_rows,
                  head->input_stride * 4) &&
         in_arena(plan, head->output_offset, head->max_rows,
                  head->output_stride * 4);
}

static bool cache_is_sound(const ashlar_plan *plan,
                           const ashlar_cache_plan *cache) {
  if (!is_count(cache->layers) || !is_count(cache->segments) ||
      !is_count(cache->slot_segments) || !is_count(cache->capacity) ||
      cache->kept_segments < 1 || cache->kept_segments > cache->slot_segments ||
      cache->segment_stride < 0 || cache->layer_stride < 0)
    return false;
  if (cache->capacity > cache->slot_segments * ASHLAR_SEGMENT_KEYS)
    return false;
  if (!cache->in_arena &&
      cache->segments < plan->max_sequences * cache->kept_segments)
    return false;
  /* Rows of one call do not take each other's places. */
  if (ashlar_rt_is_ring(cache) &&
      cache->kept_segments * ASHLAR_SEGMENT_KEYS < plan->max_tokens)
    return false;
  int64_t total = cache->in_arena ? plan->arena_bytes : plan->cache_bytes;
  return in_arena(plan, cache->table_offset, plan->max_sequences,
                  cache->slot_segments * 4) &&
         fits(cache->offset, cache->layers, cache->layer_stride, total) &&
         (cache->layers == 0 ||
          fits(0, cache->segments, cache->segment_stride, cache->layer_stride));
}

/* An encoder starts anew in each call; a decoder's and the cross cache last. */
static bool stacks_fit_caches(const ashlar_plan *plan) {
  if (plan->encoder < -1 || plan->encoder >= plan->stack_count ||
      plan->decoder < -1 || plan->decoder >= plan->stack_count ||
      (plan->encoder < 0 && plan->decoder < 0) ||
      plan->encoder == plan->decoder)
    return false;
  if (plan->decoder >= 0) {
    int64_t kind = plan->stacks[plan->decoder].cache_kind;
    if (kind < -1 || kind >= plan->cache_count ||
        (kind >= 0 && plan->caches[kind].in_arena))
      return false;
  }
  if (plan->cross_cache < -1 || plan->cross_cache >= plan->cache_count)
    return false;
  return plan->cross_cache < 0 || (plan->encoder >= 0 && plan->decoder >= 0 &&
                                   !plan->caches[plan->cross_cache].in_arena);
}

/* Of all attention whose weights can be kept, one is at a time. */
static bool map_is_sound(const ashlar_plan *plan, const ashlar_map_plan *map) {
  if (map->stack < 0 || map->stack >= plan->stack_count ||
      (map->keys != ASHLAR_MAP_OWN && map->keys != ASHLAR_MAP_SOURCE) ||
      !is_count(map->first_layer) || !is_count(map->layers) ||
      map->layer_step < 1 || !is_count(map->layer_step) || map->heads < 1 ||
      !is_count(map->heads) || !is_count(plan->map_keys) ||
      !is_count(plan->map_rows) || plan->map_rows < plan->max_tokens)
    return false;
  return in_arena(plan, plan->map_offset, map->heads * plan->map_rows,
                  plan->map_keys * 4);
}

static bool sizes_are_sound(const ashlar_plan *plan) {
  return plan->arena_bytes > 0 && plan->cache_bytes >= 0 &&
         plan->weights_bytes >= (int64_t)sizeof(ashlar_weights_header) &&
         plan->max_tokens >= 1 && is_count(plan->max_tokens) &&
         is_count(plan->max_context) && is_count(plan->max_source) &&
         plan->max_sequences >= 1 && is_count(plan->max_sequences) &&
         is_count(plan->max_tiles) && plan->tile_rows >= 1 &&
         is_count(plan->tile_rows) && is_count(plan->split_rows) &&
         is_count(plan->arrivals);
}

bool ashlar_rt_plan_is_sound(const ashlar_plan *plan) {
  if (plan->abi_version != ASHLAR_ABI_VERSION || !sizes_are_sound(plan) ||
      !stacks_fit_caches(plan))
    return false;
  if (plan->call_offset % 8 ||
      !in_arena(plan, plan->call_offset, ASHLAR_CALL_WORDS, 8) ||
      !in_arena(plan, plan->rows_offset, plan->max_tokens,
                ASHLAR_ROW_WORDS * 4) ||
      !in_arena(plan, plan->tiles_offset, plan->max_tiles,
                ASHLAR_TILE_WORDS * 4))
    return false;
  if (plan->split_rows > 0 &&
      !in_arena(plan, plan->arrivals_offset, plan->arrivals, 4))
    return false;
  for (int64_t i = 0; i < plan->stack_count; ++i)
    if (!stack_is_sound(plan, &plan->stacks[i]))
      return false;
  for (int64_t i = 0; i < plan->cache_count; ++i)
    if (!cache_is_sound(plan, &plan->caches[i]))
      return false;
  for (int64_t i = 0; i < plan->head_count; ++i)
    if (!head_is_sound(plan, &plan->heads[i]))
      return false;
  for (int64_t i = 0; i < plan->map_count; ++i)
    if (!map_is_sound(plan, &plan->maps[i]))
      return false;
  return true;
}
