/*===- FakeModel.c - An artifact written by hand ---------------------- C
 * -*-===*/

#include "tests/runtime/FakeModel.h"

#include <stddef.h>
#include <xmmintrin.h>

/* The artifacts' runtimes are alike; which barrier is called does not matter.
 */
void alpha_barrier(struct ashlar_team *team);
int64_t alpha_take(struct ashlar_team *team, int64_t worker, int64_t parts);

const fake_weights fake_image __attribute__((aligned(4096))) = {
    .header = {.magic = {'A', 'S', 'H', 'L', 'A', 'R', 'W', '1'},
               .build_id = 0x1234,
               .bytes = FAKE_WEIGHTS_BYTES},
    .multiplier = FAKE_MULTIPLIER};

/* Tiles [w * T / W, (w + 1) * T / W) are worker w's. */
typedef struct share {
  int64_t first, end;
} share;

static share share_of(int64_t tiles, int64_t worker, int64_t workers) {
  return (share){worker * tiles / workers, (worker + 1) * tiles / workers};
}

static void note_run(fake_arena *arena, int64_t worker) {
  arena->state[worker] = _mm_getcsr();
  ++arena->runs[worker];
}

static int32_t own_key(const fake_arena *arena, const fake_weights *weights,
                       int64_t row, int takes_vectors) {
  int64_t id = arena->ids[row];
  if (takes_vectors) { /* what lies behind a row's features must be zero */
    id = (int64_t)arena->vectors[row][0];
    for (int64_t i = FAKE_HIDDEN; i < FAKE_STRIDE; ++i)
      id += (int64_t)arena->vectors[row][i];
  }
  int64_t sum =
      31 * id + 7 * (int64_t)arena->positions[row] + 3 * arena->types[row] + 1;
  return (int32_t)(sum * weights->multiplier & FAKE_MASK);
}

/* Sum over keys [begin, end) of one layer; `keys` is [segments][256]. */
static uint32_t sum_range(const int32_t (*keys)[ASHLAR_SEGMENT_KEYS],
                          const int32_t *segments, int64_t begin, int64_t end) {
  uint32_t sum = 0;
  for (int64_t j = begin; j < end; ++j)
    sum +=
        (uint32_t)
            keys[segments[j / ASHLAR_SEGMENT_KEYS]][j % ASHLAR_SEGMENT_KEYS] *
        (uint32_t)(j % 7 + 1);
  return sum;
}

static uint32_t sum_keys(const int32_t (*keys)[ASHLAR_SEGMENT_KEYS],
                         const int32_t *segments, int64_t count) {
  return sum_range(keys, segments, 0, count);
}

static void write_row(float *hidden, uint32_t sum, int32_t own, uint32_t cross,
                      const int32_t *row) {
  hidden[0] = (float)(sum & FAKE_MASK);
  hidden[1] = (float)own;
  hidden[2] = (float)(cross & FAKE_MASK);
  hidden[3] = (float)row[ASHLAR_ROW_INDEX];
  hidden[4] = (float)row[ASHLAR_ROW_SLOT];
}

static void decode(const void *weights, void *arena_base, void *cache_base,
                   struct ashlar_team *team, int64_t worker, int64_t workers) {
  fake_arena *arena = arena_base;
  fake_cache *cache = cache_base;
  note_run(arena, worker);
  int64_t tokens = arena->call[ASHLAR_CALL_TOKENS];
  for (int64_t layer = 0; layer < FAKE_LAYERS; ++layer) {
    /* Each row is a part: of a worker's own share first. */
    for (int64_t i; (i = alpha_take(team, worker, tokens)) < tokens;) {
      const int32_t *row = arena->rows[i];
      cache->own[layer][row[ASHLAR_ROW_SEGMENT]][row[ASHLAR_ROW_KEY]] =
          own_key(arena, weights, i, 0) + 1000 * (int32_t)layer;
      __atomic_fetch_add(&arena->taken[layer][i], 1, __ATOMIC_RELAXED);
    }
    alpha_barrier(team);
  }
  share tiles = share_of(arena->call[ASHLAR_CALL_TILES], worker, workers);
  for (int64_t t = tiles.first; t < tiles.end; ++t) {
    const int32_t *tile = arena->tiles[t];
    const int32_t *own = &arena->own_table[0][0] + tile[ASHLAR_TILE_SEGMENTS];
    const int32_t *cross =
        &arena->cross_table[0][0] + tile[ASHLAR_TILE_CROSS_SEGMENTS];
    for (int64_t i = 0; i < tile[ASHLAR_TILE_ROWS]; ++i) {
      int64_t row = tile[ASHLAR_TILE_ROW] + i;
      uint32_t sum = 0, cross_sum = 0;
      for (int64_t layer = 0; layer < FAKE_LAYERS; ++layer) {
        sum +=
            sum_keys((const int32_t (*)[ASHLAR_SEGMENT_KEYS])cache->own[layer],
                     own, tile[ASHLAR_TILE_INDEX] + i + 1);
        cross_sum += sum_keys(
            (const int32_t (*)[ASHLAR_SEGMENT_KEYS])cache->cross[layer], cross,
            tile[ASHLAR_TILE_CROSS_KEYS]);
      }
      write_row(arena->hidden[row], sum, own_key(arena, weights, row, 0),
                cross_sum, arena->rows[row]);
    }
  }
}

static void decode_through_windows(const void *weights, fake_arena *arena,
                                   fake_long_cache *cache, int keeps_all,
                                   struct ashlar_team *team, int64_t worker,
                                   int64_t workers) {
  note_run(arena, worker);
  share rows = share_of(arena->call[ASHLAR_CALL_TOKENS], worker, workers);
  for (int64_t layer = 0; layer < FAKE_LAYERS; ++layer)
    for (int64_t i = rows.first; i < rows.end; ++i) {
      const int32_t *row = arena->rows[i];
      int32_t key = own_key(arena, weights, i, 0) + 1000 * (int32_t)layer;
      cache->ring[layer][row[ASHLAR_ROW_RING_SEGMENT]][row[ASHLAR_ROW_KEY]] =
          key;
      if (keeps_all)
        cache->all[layer][row[ASHLAR_ROW_SEGMENT]][row[ASHLAR_ROW_KEY]] = key;
    }
  alpha_barrier(team);
  share tiles = share_of(arena->call[ASHLAR_CALL_TILES], worker, workers);
  for (int64_t t = tiles.first; t < tiles.end; ++t) {
    const int32_t *tile = arena->tiles[t];
    const int32_t *ring = &arena->ring_table[0][0] + tile[ASHLAR_TILE_SEGMENTS];
    const int32_t *all = &arena->long_table[0][0] + tile[ASHLAR_TILE_SEGMENTS];
    for (int64_t i = 0; i < tile[ASHLAR_TILE_ROWS]; ++i) {
      int64_t row = tile[ASHLAR_TILE_ROW] + i;
      int64_t end = tile[ASHLAR_TILE_INDEX] + i + 1;
      int64_t begin = end > FAKE_WINDOW ? end - FAKE_WINDOW : 0;
      uint32_t sum = 0, sum_of_all = 0;
      for (int64_t layer = 0; layer < FAKE_LAYERS; ++layer) {
        sum += sum_range(
            (const int32_t (*)[ASHLAR_SEGMENT_KEYS])cache->ring[layer], ring,
            begin, end);
        if (keeps_all)
          sum_of_all += sum_keys(
              (const int32_t (*)[ASHLAR_SEGMENT_KEYS])cache->all[layer], all,
              end);
      }
      write_row(arena->hidden[row], sum, own_key(arena, weights, row, 0),
                sum_of_all, arena->rows[row]);
    }
  }
}

static void decode_windows(const void *weights, void *arena, void *cache,
                           struct ashlar_team *team, int64_t worker,
                           int64_t workers) {
  decode_through_windows(weights, arena, cache, 0, team, worker, workers);
}

static void decode_mixture(const void *weights, void *arena, void *cache,
                           struct ashlar_team *team, int64_t worker,
                           int64_t workers) {
  decode_through_windows(weights, arena, cache, 1, team, worker, workers);
}

static void encode_rows(const void *weights, fake_arena *arena,
                        fake_cache *cache, int takes_vectors,
                        struct ashlar_team *team, int64_t worker,
                        int64_t workers) {
  note_run(arena, worker);
  share rows = share_of(arena->call[ASHLAR_CALL_TOKENS], worker, workers);
  for (int64_t layer = 0; layer < FAKE_LAYERS; ++layer) {
    for (int64_t i = rows.first; i < rows.end; ++i) {
      const int32_t *row = arena->rows[i];
      int32_t key =
          own_key(arena, weights, i, takes_vectors) + 1000 * (int32_t)layer;
      arena->keys[layer][row[ASHLAR_ROW_SEGMENT]][row[ASHLAR_ROW_KEY]] = key;
      if (cache)
        cache->cross[layer][row[ASHLAR_ROW_CROSS_SEGMENT]]
                    [row[ASHLAR_ROW_CROSS_KEY]] = key;
    }
    alpha_barrier(team);
  }
  share tiles = share_of(arena->call[ASHLAR_CALL_TILES], worker, workers);
  for (int64_t t = tiles.first; t < tiles.end; ++t) {
    const int32_t *tile = arena->tiles[t];
    const int32_t *own = &arena->arena_table[0][0] + tile[ASHLAR_TILE_SEGMENTS];
    for (int64_t i = 0; i < tile[ASHLAR_TILE_ROWS]; ++i) {
      int64_t row = tile[ASHLAR_TILE_ROW] + i;
      uint32_t sum = 0;
      for (int64_t layer = 0; layer < FAKE_LAYERS; ++layer)
        sum +=
            sum_keys((const int32_t (*)[ASHLAR_SEGMENT_KEYS])arena->keys[layer],
                     own, tile[ASHLAR_TILE_KEYS]);
      write_row(arena->hidden[row], sum,
                own_key(arena, weights, row, takes_vectors), 0,
                arena->rows[row]);
    }
  }
}

static void encode(const void *weights, void *arena, void *cache,
                   struct ashlar_team *team, int64_t worker, int64_t workers) {
  encode_rows(weights, arena, 0, 0, team, worker, workers);
}

static void encode_source(const void *weights, void *arena, void *cache,
                          struct ashlar_team *team, int64_t worker,
                          int64_t workers) {
  encode_rows(weights, arena, cache, 0, team, worker, workers);
}

/* Its inputs' place serves for something else in the end, as the compiler's
   plan of the arena may have it. */
static void encode_vectors(const void *weights, void *arena_base, void *cache,
                           struct ashlar_team *team, int64_t worker,
                           int64_t workers) {
  fake_arena *arena = arena_base;
  encode_rows(weights, arena, 0, 1, team, worker, workers);
  alpha_barrier(team);
  share rows = share_of(FAKE_TOKENS, worker, workers);
  for (int64_t i = rows.first; i < rows.end; ++i)
    for (int64_t j = 0; j < FAKE_STRIDE; ++j)
      arena->vectors[i][j] = 9;
}

/* logits(row) = hidden[1] * (j + 1) + hidden[4] */
static void project(const void *weights, void *arena_base, void *cache,
                    struct ashlar_team *team, int64_t worker, int64_t workers) {
  fake_arena *arena = arena_base;
  note_run(arena, worker);
  share rows = share_of(arena->call[ASHLAR_CALL_TOKENS], worker, workers);
  for (int64_t i = rows.first; i < rows.end; ++i)
    for (int64_t j = 0; j < FAKE_LOGITS; ++j)
      arena->head_output[i][j] =
          arena->head_input[i][1] * (float)(j + 1) + arena->head_input[i][4];
}

/* A sequence begins where a row's index is 0. */
static void pool(const void *weights, void *arena_base, void *cache,
                 struct ashlar_team *team, int64_t worker, int64_t workers) {
  fake_arena *arena = arena_base;
  note_run(arena, worker);
  if (worker)
    return;
  int64_t sequence = -1;
  for (int64_t i = 0; i < arena->call[ASHLAR_CALL_TOKENS]; ++i) {
    if (arena->rows[i][ASHLAR_ROW_INDEX] == 0) {
      float *next = arena->pooled[++sequence];
      next[0] = next[1] = 0;
      next[2] = (float)arena->call[ASHLAR_CALL_TILES];
    }
    arena->pooled[sequence][0] += arena->hidden[i][1];
    arena->pooled[sequence][1] += arena->hidden[i][3];
  }
}

#define AT(field) ((int64_t)offsetof(fake_arena, field))

#define STACK(entry, name_of_input, ids, vectors, kind, ring)                  \
  {.function = entry,                                                          \
   .input = name_of_input,                                                     \
   .output = "last_hidden_state",                                              \
   .ids_offset = ids,                                                          \
   .vectors_offset = vectors,                                                  \
   .vector_stride = FAKE_STRIDE,                                               \
   .vector_features = FAKE_HIDDEN,                                             \
   .vector_rows = 1,                                                           \
   .positions_offset = AT(positions),                                          \
   .types_offset = AT(types),                                                  \
   .vocabulary = FAKE_VOCABULARY,                                              \
   .positions = FAKE_POSITIONS,                                                \
   .token_types = FAKE_TYPES,                                                  \
   .hidden = FAKE_HIDDEN,                                                      \
   .hidden_offset = AT(hidden),                                                \
   .hidden_stride = FAKE_STRIDE,                                               \
   .cache_kind = kind,                                                         \
   .ring_kind = ring}

static const ashlar_stack_plan decoder_stack[] = {
    STACK(decode, "input_ids", AT(ids), -1, 0, -1)};
static const ashlar_stack_plan windows_stack[] = {
    STACK(decode_windows, "input_ids", AT(ids), -1, -1, 0)};
static const ashlar_stack_plan mixture_stack[] = {
    STACK(decode_mixture, "input_ids", AT(ids), -1, 1, 0)};
static const ashlar_stack_plan encoder_stack[] = {
    STACK(encode, "input_ids", AT(ids), -1, 0, -1)};
static const ashlar_stack_plan vectors_stack[] = {
    STACK(encode_vectors, "src", -1, AT(vectors), 0, -1)};
static const ashlar_stack_plan pair_stacks[] = {
    STACK(encode_source, "input_ids", AT(ids), -1, 1, -1),
    STACK(decode, "decoder_input_ids", AT(ids), -1, 0, -1)};

#define HEAD(name, first_only)                                                 \
  {.function = project,                                                        \
   .output = name,                                                             \
   .first_row_only = first_only,                                               \
   .row_token = ASHLAR_ROW_FIRST,                                              \
   .max_rows = FAKE_HEAD_ROWS,                                                 \
   .input_offset = AT(head_input),                                             \
   .input_stride = FAKE_STRIDE,                                                \
   .input_features = FAKE_HIDDEN,                                              \
   .output_offset = AT(head_output),                                           \
   .output_stride = 4,                                                         \
   .output_features = FAKE_LOGITS}

const ashlar_head_plan fake_pooling_head = {
    .function = pool,
    .output = "pooled",
    .first_row_only = 1,
    .row_token = ASHLAR_ROW_FIRST,
    .pools = 1,
    .max_rows = FAKE_TOKENS,
    .input_offset = AT(hidden),
    .input_stride = FAKE_STRIDE,
    .input_features = FAKE_HIDDEN,
    .output_offset = AT(pooled),
    .output_stride = 4,
    .output_features = FAKE_LOGITS};

static const ashlar_head_plan heads[] = {HEAD("logits", 0),
                                         HEAD("pooler_output", 1)};

#define OWN_CACHE                                                              \
  {.in_arena = 0,                                                              \
   .offset = offsetof(fake_cache, own),                                        \
   .layers = FAKE_LAYERS,                                                      \
   .layer_stride = FAKE_SEQUENCES * FAKE_OWN_SLOT * FAKE_SEGMENT_BYTES,        \
   .segments = FAKE_SEQUENCES * FAKE_OWN_SLOT,                                 \
   .segment_stride = FAKE_SEGMENT_BYTES,                                       \
   .slot_segments = FAKE_OWN_SLOT,                                             \
   .kept_segments = FAKE_OWN_SLOT,                                             \
   .table_offset = AT(own_table),                                              \
   .capacity = FAKE_CONTEXT}
#define ARENA_CACHE                                                            \
  {.in_arena = 1,                                                              \
   .offset = AT(keys),                                                         \
   .layers = FAKE_LAYERS,                                                      \
   .layer_stride = FAKE_ARENA_SEGMENTS * FAKE_SEGMENT_BYTES,                   \
   .segments = FAKE_ARENA_SEGMENTS,                                            \
   .segment_stride = FAKE_SEGMENT_BYTES,                                       \
   .slot_segments = FAKE_ARENA_SLOT,                                           \
   .kept_segments = FAKE_ARENA_SLOT,                                           \
   .table_offset = AT(arena_table),                                            \
   .capacity = FAKE_TOKENS}
#define CROSS_CACHE                                                            \
  {.in_arena = 0,                                                              \
   .offset = offsetof(fake_cache, cross),                                      \
   .layers = FAKE_LAYERS,                                                      \
   .layer_stride = FAKE_SEQUENCES * FAKE_CROSS_SLOT * FAKE_SEGMENT_BYTES,      \
   .segments = FAKE_SEQUENCES * FAKE_CROSS_SLOT,                               \
   .segment_stride = FAKE_SEGMENT_BYTES,                                       \
   .slot_segments = FAKE_CROSS_SLOT,                                           \
   .kept_segments = FAKE_CROSS_SLOT,                                           \
   .table_offset = AT(cross_table),                                            \
   .capacity = FAKE_SOURCE}

#define LONG_CACHE(field, segments_of_slot, table)                             \
  {.in_arena = 0,                                                              \
   .offset = offsetof(fake_long_cache, field),                                 \
   .layers = FAKE_LAYERS,                                                      \
   .layer_stride = FAKE_SEQUENCES * segments_of_slot * FAKE_SEGMENT_BYTES,     \
   .segments = FAKE_SEQUENCES * segments_of_slot,                              \
   .segment_stride = FAKE_SEGMENT_BYTES,                                       \
   .slot_segments = FAKE_LONG_SLOT,                                            \
   .kept_segments = segments_of_slot,                                          \
   .table_offset = AT(table),                                                  \
   .capacity = FAKE_LONG_CONTEXT}

static const ashlar_cache_plan windows_caches[] = {
    LONG_CACHE(ring, FAKE_RING_SLOT, ring_table)};
static const ashlar_cache_plan mixture_caches[] = {
    LONG_CACHE(ring, FAKE_RING_SLOT, ring_table),
    LONG_CACHE(all, FAKE_LONG_SLOT, long_table)};
static const ashlar_cache_plan decoder_caches[] = {OWN_CACHE};
static const ashlar_cache_plan encoder_caches[] = {ARENA_CACHE};
static const ashlar_cache_plan pair_caches[] = {OWN_CACHE, ARENA_CACHE,
                                                CROSS_CACHE};

#define PLAN(image, bytes_of_cache, the_encoder, the_decoder, the_stacks,      \
             the_caches, cross)                                                \
  CONTEXT_PLAN(image, bytes_of_cache, FAKE_CONTEXT, the_encoder, the_decoder,  \
               the_stacks, the_caches, cross)
#define CONTEXT_PLAN(image, bytes_of_cache, context, the_encoder, the_decoder, \
                     the_stacks, the_caches, cross)                            \
  {.abi_version = ASHLAR_ABI_VERSION,                                          \
   .name = "fake",                                                             \
   .manifest = "{}",                                                           \
   .manifest_bytes = 2,                                                        \
   .cpu_level = 0,                                                             \
   .build_id = 0x1234,                                                         \
   .weights = image,                                                           \
   .weights_bytes = FAKE_WEIGHTS_BYTES,                                        \
   .arena_bytes = sizeof(fake_arena),                                          \
   .cache_bytes = bytes_of_cache,                                              \
   .max_tokens = FAKE_TOKENS,                                                  \
   .max_context = context,                                                     \
   .max_source = FAKE_SOURCE,                                                  \
   .max_sequences = FAKE_SEQUENCES,                                            \
   .call_offset = AT(call),                                                    \
   .rows_offset = AT(rows),                                                    \
   .tiles_offset = AT(tiles),                                                  \
   .max_tiles = FAKE_TILES,                                                    \
   .tile_rows = FAKE_TILE_ROWS,                                                \
   .cross_cache = cross,                                                       \
   .encoder = the_encoder,                                                     \
   .decoder = the_decoder,                                                     \
   .stack_count = sizeof(the_stacks) / sizeof(the_stacks[0]),                  \
   .stacks = the_stacks,                                                       \
   .head_count = 2,                                                            \
   .heads = heads,                                                             \
   .cache_count = sizeof(the_caches) / sizeof(the_caches[0]),                  \
   .caches = the_caches}

#define CACHE_BYTES ((int64_t)sizeof(fake_cache))
const ashlar_plan fake_decoder =
    PLAN(&fake_image, CACHE_BYTES, -1, 0, decoder_stack, decoder_caches, -1);
const ashlar_plan fake_external =
    PLAN(0, CACHE_BYTES, -1, 0, decoder_stack, decoder_caches, -1);
const ashlar_plan fake_encoder =
    PLAN(&fake_image, 0, 0, -1, encoder_stack, encoder_caches, -1);
const ashlar_plan fake_vectors =
    PLAN(&fake_image, 0, 0, -1, vectors_stack, encoder_caches, -1);
const ashlar_plan fake_pair =
    PLAN(&fake_image, CACHE_BYTES, 0, 1, pair_stacks, pair_caches, 2);

#define LONG_BYTES ((int64_t)sizeof(fake_long_cache))
const ashlar_plan fake_windows =
    CONTEXT_PLAN(&fake_image, LONG_BYTES, FAKE_LONG_CONTEXT, -1, 0,
                 windows_stack, windows_caches, -1);
const ashlar_plan fake_mixture =
    CONTEXT_PLAN(&fake_image, LONG_BYTES, FAKE_LONG_CONTEXT, -1, 0,
                 mixture_stack, mixture_caches, -1);

/* What the compiler would emit into each of the two artifacts. */
const ashlar_plan alpha_artifact_plan =
    PLAN(&fake_image, CACHE_BYTES, -1, 0, decoder_stack, decoder_caches, -1);
const ashlar_plan beta_artifact_plan =
    PLAN(&fake_image, 0, 0, -1, encoder_stack, encoder_caches, -1);
