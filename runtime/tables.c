/*===- tables.c - Write a call into the arena ----------------------- C -*-===*\
|*
|* Header, rows, tiles, segment tables and inputs of a call that check.c has let
|* through, as abi.h describes them. All of it is written anew in each call: the
|* compiler may use the place for something else afterwards.
|*
\*===----------------------------------------------------------------------===*/

#include "runtime/internal.h"
#include "runtime/patches.h"
#include "runtime/positions.h"

#include <string.h>

/* Where writing has got to. */
typedef struct call_cursor {
  int64_t row;
  int64_t tile;
  int64_t arena_segment; /* next free segment of the in-arena cache */
} call_cursor;

/* One sequence of the call, and the place of its keys. */
typedef struct call_sequence {
  int32_t slot;
  int64_t begin;  /* index of its first row in the whole sequence */
  int64_t length; /* rows in this call */
  int64_t extent; /* what masks take for its length */
  const ashlar_cache_plan *cache; /* of all keys; null: the stack has none */
  const ashlar_cache_plan *ring;  /* of windows; null: the stack has none */
  const ashlar_cache_plan *cross; /* null: neither reads nor writes sources */
  int64_t cross_keys;
  bool writes_cross;
} call_sequence;

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int32_t *table_at(ashlar_session *session, int64_t offset) {
  return (int32_t *)(session->arena + offset);
}

static int32_t *segments_of(ashlar_session *session,
                            const ashlar_cache_plan *cache, int32_t slot) {
  return table_at(session, cache->table_offset) + slot * cache->slot_segments;
}

/* Segments in the arena are handed out one after the other. */
static void assign_segments(ashlar_session *session,
                            const ashlar_cache_plan *cache, int32_t slot,
                            int64_t keys, call_cursor *cursor) {
  int32_t *segments = segments_of(session, cache, slot);
  int64_t count = ashlar_rt_segments_for(keys);
  for (int64_t i = 0; i < count; ++i)
    segments[i] =
        (int32_t)(cache->in_arena ? cursor->arena_segment++
                                  : ashlar_rt_kept_segment(cache, slot, i));
}

static void write_rows(ashlar_session *session, const call_sequence *sequence,
                       int64_t first_row) {
  const int32_t *own = 0, *ring = 0, *cross = 0;
  if (sequence->cache)
    own = segments_of(session, sequence->cache, sequence->slot);
  if (sequence->ring)
    ring = segments_of(session, sequence->ring, sequence->slot);
  if (sequence->writes_cross)
    cross = segments_of(session, sequence->cross, sequence->slot);
  int32_t *row = table_at(session, session->plan->rows_offset) +
                 first_row * ASHLAR_ROW_WORDS;
  for (int64_t i = 0; i < sequence->length; ++i, row += ASHLAR_ROW_WORDS) {
    int64_t index = sequence->begin + i;
    int64_t segment = index / ASHLAR_SEGMENT_KEYS;
    int32_t key = (int32_t)(index % ASHLAR_SEGMENT_KEYS);
    memset(row, 0, ASHLAR_ROW_WORDS * sizeof *row);
    row[ASHLAR_ROW_SEGMENT] = own ? own[segment] : 0;
    row[ASHLAR_ROW_KEY] = own || ring ? key : 0;
    row[ASHLAR_ROW_INDEX] = (int32_t)index;
    row[ASHLAR_ROW_SLOT] = sequence->slot;
    row[ASHLAR_ROW_CROSS_SEGMENT] = cross ? cross[segment] : 0;
    row[ASHLAR_ROW_CROSS_KEY] = cross ? key : 0;
    row[ASHLAR_ROW_KEYS] = (int32_t)(sequence->begin + sequence->length);
    row[ASHLAR_ROW_RING_SEGMENT] = ring ? ring[segment] : 0;
    row[ASHLAR_ROW_EXTENT] = (int32_t)sequence->extent;
  }
}

static void write_tiles(ashlar_session *session, const call_sequence *sequence,
                        call_cursor *cursor) {
  const ashlar_plan *plan = session->plan;
  /* A slot has as many entries in the table of a ring beside it. */
  const ashlar_cache_plan *cache =
      sequence->cache ? sequence->cache : sequence->ring;
  int64_t own = cache ? sequence->slot * cache->slot_segments : 0;
  int64_t cross = sequence->cross_keys > 0
                      ? sequence->slot * sequence->cross->slot_segments
                      : 0;
  for (int64_t i = 0; i < sequence->length; i += plan->tile_rows) {
    int64_t left = sequence->length - i;
    int32_t *tile = table_at(session, plan->tiles_offset) +
                    cursor->tile++ * ASHLAR_TILE_WORDS;
    tile[ASHLAR_TILE_ROW] = (int32_t)(cursor->row + i);
    tile[ASHLAR_TILE_ROWS] =
        (int32_t)(left < plan->tile_rows ? left : plan->tile_rows);
    tile[ASHLAR_TILE_INDEX] = (int32_t)(sequence->begin + i);
    tile[ASHLAR_TILE_KEYS] = (int32_t)(sequence->begin + sequence->length);
    tile[ASHLAR_TILE_SEGMENTS] = (int32_t)own;
    tile[ASHLAR_TILE_CROSS_KEYS] = (int32_t)sequence->cross_keys;
    tile[ASHLAR_TILE_CROSS_SEGMENTS] = (int32_t)cross;
    tile[ASHLAR_TILE_EXTENT] = (int32_t)sequence->extent;
  }
}

static call_sequence describe(const ashlar_session *session, int64_t stack,
                              const ashlar_batch *batch, int32_t index) {
  const ashlar_plan *plan = session->plan;
  int32_t slot = ashlar_rt_slot_of(batch, index);
  bool encodes = stack == plan->encoder;
  call_sequence sequence = {
      .slot = slot,
      .begin = ashlar_rt_begin_of(session, stack, slot),
      .length = ashlar_rt_length_of(&plan->stacks[stack], batch, index),
      .cache = ashlar_rt_cache_of(plan, plan->stacks[stack].cache_kind),
      .ring = ashlar_rt_cache_of(plan, plan->stacks[stack].ring_kind),
      .cross = ashlar_rt_cache_of(plan, plan->cross_cache),
  };
  sequence.extent =
      batch->extents ? batch->extents[index] : sequence.begin + sequence.length;
  sequence.writes_cross = sequence.cross && encodes;
  sequence.cross_keys =
      sequence.cross && !encodes ? session->slots[slot].source : 0;
  return sequence;
}

static void write_sequence(ashlar_session *session,
                           const call_sequence *sequence, call_cursor *cursor) {
  int64_t keys = sequence->begin + sequence->length;
  if (sequence->cache)
    assign_segments(session, sequence->cache, sequence->slot, keys, cursor);
  if (sequence->ring)
    assign_segments(session, sequence->ring, sequence->slot, keys, cursor);
  if (sequence->cross)
    assign_segments(session, sequence->cross, sequence->slot,
                    sequence->writes_cross ? sequence->length
                                           : sequence->cross_keys,
                    cursor);
  write_rows(session, sequence, cursor->row);
  write_tiles(session, sequence, cursor);
}

void ashlar_rt_copy_rows(float *to, int64_t to_stride, const float *from,
                         int64_t features) {
  memcpy(to, from, (size_t)features * sizeof *to);
  memset(to + features, 0, (size_t)(to_stride - features) * sizeof *to);
}

/* Every image has as many rows, so their rows begin at even distances. */
static void write_images(float *rows, const ashlar_stack_plan *stack,
                         const ashlar_batch *batch) {
  const ashlar_image_plan *image = &stack->image;
  for (int64_t i = 0; i < batch->sequences; ++i)
    ashlar_unfold_image(
        image, batch->pixel_values + i * ashlar_image_floats(image),
        rows + i * image->rows * stack->vector_stride, stack->vector_stride);
}

static void write_inputs(ashlar_session *session,
                         const ashlar_stack_plan *stack,
                         const ashlar_batch *batch, int64_t rows) {
  size_t bytes = (size_t)rows * sizeof(int32_t);
  if (stack->ids_offset >= 0)
    memcpy(session->arena + stack->ids_offset, batch->ids, bytes);
  if (stack->vectors_offset >= 0) {
    float *vectors = (float *)(session->arena + stack->vectors_offset);
    int64_t features = stack->vector_features;
    if (batch->pixel_values)
      write_images(vectors, stack, batch);
    for (int64_t i = 0; batch->vectors && i < rows * stack->vector_rows; ++i)
      ashlar_rt_copy_rows(vectors + i * stack->vector_stride,
                          stack->vector_stride, batch->vectors + i * features,
                          features);
  }
  if (stack->types_offset >= 0) {
    if (batch->token_type_ids)
      memcpy(session->arena + stack->types_offset, batch->token_type_ids,
             bytes);
    else
      memset(session->arena + stack->types_offset, 0, bytes);
  }
}

/* Position ids of one sequence, which begins at `row` of the call. What came in
   earlier calls counts as tokens. */
static void write_positions(ashlar_session *session,
                            const ashlar_stack_plan *plan,
                            const ashlar_batch *batch,
                            const call_sequence *sequence, int64_t row) {
  int32_t *positions = table_at(session, plan->positions_offset) + row;
  int64_t next = plan->first_position + sequence->begin;
  int64_t padding = ashlar_padding_id(plan);
  for (int64_t i = 0; i < sequence->length; ++i)
    if (batch->position_ids)
      positions[i] = batch->position_ids[row + i];
    else if (padding >= 0 && batch->ids[row + i] == padding)
      positions[i] = (int32_t)padding;
    else
      positions[i] = (int32_t)next++;
}

/* Rows of a sequence from `begin` on that are marked where the caller marks
   none: those before the result. */
static int64_t end_of_marked(const ashlar_stack_plan *stack, const int32_t *ids,
                             int64_t begin, int64_t end) {
  if (stack->marks_rule == ASHLAR_MARK_FIRST)
    return begin + 1;
  if (stack->marks_rule == ASHLAR_MARK_BEFORE)
    for (int64_t row = begin; row < end; ++row)
      if (ids[row] == stack->marks_token)
        return row;
  return begin;
}

/* Of the rows [begin, end), one sequence. */
static void write_marks(ashlar_session *session, const ashlar_stack_plan *stack,
                        const ashlar_batch *batch, int64_t begin, int64_t end) {
  int32_t *before = table_at(session, stack->marks_offset);
  int64_t marked = end_of_marked(stack, batch->ids, begin, end);
  if (begin == 0)
    before[0] = 0;
  for (int64_t row = begin; row < end; ++row)
    before[row + 1] =
        before[row] + (batch->marks ? batch->marks[row] : row < marked);
}

void ashlar_rt_write_header(ashlar_session *session, int64_t tokens,
                            int64_t tiles, int64_t sequences) {
  int64_t *call = (int64_t *)(session->arena + session->plan->call_offset);
  memset(call, 0, ASHLAR_CALL_WORDS * sizeof *call);
  call[ASHLAR_CALL_TOKENS] = tokens;
  call[ASHLAR_CALL_TILES] = tiles;
  call[ASHLAR_CALL_SEQUENCES] = sequences;
  call[ASHLAR_CALL_RANKS] = 1;
  call[ASHLAR_CALL_SPLITS] = 1;
}

/* A few rows with many keys: more tiles, so that every worker has some. */
static void split_keys(ashlar_session *session, int64_t rows, int64_t keys) {
  const ashlar_plan *plan = session->plan;
  if (rows > plan->split_rows || session->team->workers < 2 ||
      keys <= ASHLAR_SPLIT_KEYS)
    return;
  int64_t *call = (int64_t *)(session->arena + plan->call_offset);
  call[ASHLAR_CALL_SPLITS] = (keys + ASHLAR_SPLIT_KEYS - 1) / ASHLAR_SPLIT_KEYS;
  memset(table_at(session, plan->arrivals_offset), 0,
         (size_t)plan->arrivals * sizeof(int32_t));
}

ashlar_status ashlar_rt_watch(ashlar_session *session, int64_t map,
                              int64_t layer) {
  if (!session || map < -1 || map >= session->plan->map_count)
    return ASHLAR_INVALID_ARGUMENT;
  if (map >= 0) {
    const ashlar_map_plan *of = &session->plan->maps[map];
    int64_t distance = layer - of->first_layer;
    if (distance < 0 || distance % of->layer_step ||
        distance / of->layer_step >= of->layers)
      return ASHLAR_INVALID_ARGUMENT;
  }
  session->map = map;
  session->map_layer = layer;
  return ASHLAR_OK;
}

/* What attention of this call is to keep. */
static void write_map(ashlar_session *session, int64_t stack) {
  if (session->map < 0)
    return;
  const ashlar_map_plan *map = &session->plan->maps[session->map];
  int64_t *call = (int64_t *)(session->arena + session->plan->call_offset);
  if (map->stack != stack)
    return;
  call[ASHLAR_CALL_MAP] = map->keys;
  call[ASHLAR_CALL_MAP_LAYER] = session->map_layer;
}

void ashlar_rt_write_call(ashlar_session *session, int64_t stack,
                          const ashlar_batch *batch) {
  const ashlar_stack_plan *plan = &session->plan->stacks[stack];
  call_cursor cursor = {0, 0, 0};
  int64_t most_keys = 0;
  for (int32_t i = 0; i < batch->sequences; ++i) {
    call_sequence sequence = describe(session, stack, batch, i);
    write_sequence(session, &sequence, &cursor);
    if (plan->positions_offset >= 0)
      write_positions(session, plan, batch, &sequence, cursor.row);
    if (plan->marks_input)
      write_marks(session, plan, batch, cursor.row,
                  cursor.row + sequence.length);
    session->first_rows[i] = (int32_t)cursor.row;
    cursor.row += sequence.length;
    most_keys = larger(most_keys, sequence.begin + sequence.length);
    most_keys = larger(most_keys, sequence.cross_keys);
  }
  write_inputs(session, plan, batch, cursor.row);
  ashlar_rt_write_header(session, cursor.row, cursor.tile, batch->sequences);
  split_keys(session, cursor.row, most_keys);
  write_map(session, stack);
  session->result_stack = stack;
  session->result_rows = cursor.row;
  session->result_tiles = cursor.tile;
  session->result_sequences = batch->sequences;
}
