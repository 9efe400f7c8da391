/*===- FakeModel.c - An artifact written by hand ---------------------- C
 * -*-===*/

#include "tests/runtime/FakeModel.h"

#include <stddef.h>
#include <xmmintrin.h>

/* The artifacts' runtimes are alike; which barrier is called does not matter.
 */
void alpha_barrier(struct ashlar_team *team);
int64_t alpha_take(struct ashlar_team *team);

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

/* Sum over keys [0, count) of one layer; `keys` is [segments][256]. */
static uint32_t sum_keys(const int32_t (*keys)[ASHLAR_SEGMENT_KEYS],
                         const int32_t *segments, int64_t count) {
  uint32_t sum = 0;
  for (int64_t j = 0; j < count; ++j)
    sum +=
        (uint32_t)
            keys[segments[j / ASHLAR_SEGMENT_KEYS]][j % ASHLAR_SEGMENT_KEYS] *
        (uint32_t)(j % 7 + 1);
  return sum;
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
    /* Each row is a part that whoever is free takes. */
    for (int64_t i; (i = alpha_take(team)) < tokens;) {
      const int32_t *row = arena->rows[i];
      cache->own[layer][row[ASHLAR_ROW_SEGMENT]][row[ASHLAR_ROW_KEY]] =
          own_key(arena, weights, i, 0) + 1000 * (int32_t)layer;
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

#define AT(field) ((int64_t)offsetof(fake_arena, field))

#define STACK(entry, name_of_input, ids, vectors, kind)                        \
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
   .cache_kind = kind}

static const ashlar_stack_plan decoder_stack[] = {
    STACK(decode, "input_ids", AT(ids), -1, 0)};
static const ashlar_stack_plan encoder_stack[] = {
    STACK(encode, "input_ids", AT(ids), -1, 0)};
static const ashlar_stack_plan vectors_stack[] = {
    STACK(encode_vectors, "src", -1, AT(vectors), 0)};
static const ashlar_stack_plan pair_stacks[] = {
    STACK(encode_source, "input_ids", AT(ids), -1, 1),
    STACK(decode, "decoder_input_ids", AT(ids), -1, 0)};

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
   .table_offset = AT(cross_table),                                            \
   .capacity = FAKE_SOURCE}

static const ashlar_cache_plan decoder_caches[] = {OWN_CACHE};
static const ashlar_cache_plan encoder_caches[] = {ARENA_CACHE};
static const ashlar_cache_plan pair_caches[] = {OWN_CACHE, ARENA_CACHE,
                                                CROSS_CACHE};

#define PLAN(image, bytes_of_cache, the_encoder, the_decoder, the_stacks,      \
             the_caches, cross)                                                \
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
   .max_context = FAKE_CONTEXT,                                                \
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

/* What the compiler would emit into each of the two artifacts. */
const ashlar_plan alpha_artifact_plan =
    PLAN(&fake_image, CACHE_BYTES, -1, 0, decoder_stack, decoder_caches, -1);
const ashlar_plan beta_artifact_plan =
    PLAN(&fake_image, 0, 0, -1, encoder_stack, encoder_caches, -1);
