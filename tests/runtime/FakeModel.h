/*===- FakeModel.h - An artifact written by hand -------------------- C -*-===*\
|*
|* What the compiler must emit, small enough to read: plans and worker functions
|* of a decoder, an encoder, and a pair of both. The "model" is arithmetic on
|* integers that fit a float exactly, so that every result can be compared
|* bit for bit with a plain computation (Reference.h):
|*
|*   key(row)    = (31 id + 7 position + 3 type + 1) * weight, modulo 2^20
|*   result(row) = { sum over layers and visible keys j of
|*                   (key(j) + 1000 layer) * (j % 7 + 1), own key, the same sum
|*                   over the source's keys, index in the sequence, slot }
|*
|* The sums go through row, tile and segment tables and the caches, as attention
|* does; the factor (j % 7 + 1) makes a key in a wrong place visible.
|*
|* With windows, the first sum is over the last FAKE_WINDOW keys, of a ring, and
the
|* second over all keys, of a cache beside it, where there is one.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_TESTS_RUNTIME_FAKEMODEL_H
#define ASHLAR_TESTS_RUNTIME_FAKEMODEL_H

#ifdef __cplusplus
extern "C" {
#endif

#include "runtime/abi.h"
#include "runtime/api.h"
#include "runtime/ashlar.h"

#include <stdbool.h>

enum {
  FAKE_TOKENS = 400,
  FAKE_CONTEXT = 600,
  FAKE_SOURCE = 300,
  FAKE_SEQUENCES = 5,
  FAKE_TILE_ROWS = 7,
  FAKE_TILES =
      (FAKE_TOKENS + FAKE_SEQUENCES * (FAKE_TILE_ROWS - 1)) / FAKE_TILE_ROWS,
  FAKE_VOCABULARY = 1000,
  FAKE_POSITIONS = 590,
  FAKE_TYPES = 3,
  FAKE_LAYERS = 2,
  FAKE_HIDDEN = 5,
  FAKE_STRIDE = 8,
  FAKE_HEAD_ROWS = 4,
  FAKE_LOGITS = 3,
  FAKE_MASK = 0xfffff,

  /* One key is one int32. */
  FAKE_SEGMENT_BYTES = ASHLAR_SEGMENT_KEYS * 4,
  FAKE_OWN_SLOT = 3,   /* segments of a decoder's slot */
  FAKE_CROSS_SLOT = 2, /* of a source */
  FAKE_ARENA_SLOT = 2, /* of an encoder's sequence */
  FAKE_ARENA_SEGMENTS = 6,

  /* With windows: 49 keys and 400 rows touch three segments at most. */
  FAKE_WINDOW = 50,
  FAKE_LONG_CONTEXT = 2000,
  FAKE_LONG_SLOT = 8,
  FAKE_RING_SLOT = 3,

  FAKE_WEIGHTS_BYTES = 8192,
  FAKE_MULTIPLIER = 5
};

/* The arena, region by region. */
typedef struct fake_arena {
  int64_t call[ASHLAR_CALL_WORDS];
  int32_t rows[FAKE_TOKENS][ASHLAR_ROW_WORDS];
  int32_t tiles[FAKE_TILES][ASHLAR_TILE_WORDS];
  int32_t own_table[FAKE_SEQUENCES][FAKE_OWN_SLOT];
  int32_t cross_table[FAKE_SEQUENCES][FAKE_CROSS_SLOT];
  int32_t arena_table[FAKE_SEQUENCES][FAKE_ARENA_SLOT];
  int32_t long_table[FAKE_SEQUENCES][FAKE_LONG_SLOT];
  int32_t ring_table[FAKE_SEQUENCES][FAKE_LONG_SLOT];
  int32_t ids[FAKE_TOKENS];
  int32_t positions[FAKE_TOKENS];
  int32_t types[FAKE_TOKENS];
  float vectors[FAKE_TOKENS][FAKE_STRIDE];
  float hidden[FAKE_TOKENS][FAKE_STRIDE];
  float head_input[FAKE_HEAD_ROWS][FAKE_STRIDE];
  float head_output[FAKE_HEAD_ROWS][4];
  float pooled[FAKE_TOKENS][4];
  int32_t keys[FAKE_LAYERS][FAKE_ARENA_SEGMENTS][ASHLAR_SEGMENT_KEYS];
  /* What each worker saw: its floating point state, its runs. */
  uint32_t state[ASHLAR_MAX_WORKERS];
  int64_t runs[ASHLAR_MAX_WORKERS];
  /* How often a row was a part that a worker took. */
  int32_t taken[FAKE_LAYERS][FAKE_TOKENS];
} fake_arena;

typedef struct fake_cache {
  int32_t own[FAKE_LAYERS][FAKE_SEQUENCES * FAKE_OWN_SLOT][ASHLAR_SEGMENT_KEYS];
  int32_t cross[FAKE_LAYERS][FAKE_SEQUENCES * FAKE_CROSS_SLOT]
               [ASHLAR_SEGMENT_KEYS];
} fake_cache;

typedef struct fake_long_cache {
  int32_t ring[FAKE_LAYERS][FAKE_SEQUENCES * FAKE_RING_SLOT]
              [ASHLAR_SEGMENT_KEYS];
  int32_t all[FAKE_LAYERS][FAKE_SEQUENCES * FAKE_LONG_SLOT]
             [ASHLAR_SEGMENT_KEYS];
} fake_long_cache;

typedef struct fake_weights {
  ashlar_weights_header header;
  int32_t multiplier;
  char rest[FAKE_WEIGHTS_BYTES - sizeof(ashlar_weights_header) - 4];
} fake_weights;

extern const fake_weights fake_image;

/* Plans for ashlar_rt_open. Heads: 0 "logits", 1 "pooler_output". */
extern const ashlar_plan fake_decoder;
extern const ashlar_plan fake_encoder;
extern const ashlar_plan fake_pair;     /* encoder and decoder */
extern const ashlar_plan fake_vectors;  /* an encoder of vectors */
extern const ashlar_plan fake_external; /* fake_decoder without its weights */
extern const ashlar_plan fake_windows;  /* a decoder with a ring alone */
extern const ashlar_plan fake_mixture;  /* with a ring and all keys */
/* For fake_encoder: of each sequence the sums of the rows' own keys and indices,
   and how many tiles the call has. */
extern const ashlar_head_plan fake_pooling_head;

/* The two artifacts of the test program: `alpha` carries a decoder's plan,
   `beta` an encoder's. Tests also look inside alpha's runtime. */
const ashlar_api *alpha_get_api(void);
const ashlar_api *beta_get_api(void);
ashlar_status alpha_rt_open(const ashlar_plan *plan,
                            const ashlar_weights_source *weights,
                            ashlar_model **model);
const ashlar_plan *alpha_rt_choose_plan(const ashlar_plan *plan);
bool alpha_rt_cpu_request_tiles(void);
int alpha_plan_is_sound(const ashlar_plan *plan);
int64_t alpha_rt_cpu_level(void);
int64_t alpha_rt_cpu_level_of(const uint32_t leaf1[4], const uint32_t leaf7[4],
                              const uint32_t leaf7_1[4],
                              const uint32_t extended1[4], uint64_t xcr0);
int32_t alpha_rt_default_threads(void);
int32_t alpha_rt_physical_cores(const char *root, const uint64_t *mask,
                                int32_t words);
int32_t alpha_rt_cgroup_cpus(const char *root);

/* What the runtime asks the system for goes through these counters. A request
   fails when `fail_in` counts down from 1 to 0; -1: never. */
typedef struct fake_system {
  int64_t requests; /* memory and threads asked for so far */
  int64_t live;     /* pieces of memory and threads not yet given back */
  int64_t fail_in;
} fake_system;
extern fake_system fake_requests;

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_TESTS_RUNTIME_FAKEMODEL_H */
