/*===- abi.h - What generated code and the runtime agree on ---------- C -*-===*\
|*
|* The compiler emits one `ashlar_plan` per artifact and one function per entry;
|* for several levels of CPUs, a plan with functions of its own for each of them.
|* The runtime owns this header; compiler/Codegen includes it and a unit test
|* compares the LLVM layout of each struct with offsetof. Every field is 8 bytes
|* wide, so that the layout has no holes. Change anything here: raise
|* ASHLAR_ABI_VERSION.
|*
|* A call works in three regions: weights (read-only image), arena (everything
|* that lives for one call) and cache (keys and values of the sequences). The
|* runtime checks the caller's input, writes the call header and tables below
|* into the arena at the offsets that the plan states, and lets every worker run
|* the entry's function. Tables:
|*
|*   call header  int64[ASHLAR_CALL_WORDS]     see ashlar_call_word
|*   rows         int32[max_tokens][8]         see ashlar_row_word
|*   tiles        int32[max_tiles][8]          see ashlar_tile_word
|*   segments     int32[max_sequences][n]      physical segment of logical
|*                segment i of a slot; one table for each cache
|*
|* Keys and values lie in segments of ASHLAR_SEGMENT_KEYS keys. Layer l's segment
|* s of a cache begins at cache + kind.offset + l * kind.layer_stride +
|* s * kind.segment_stride. The compiler alone knows what is inside a segment.
|*
|* Layers with windows do not need all keys: in a ring a slot's segments are taken
|* again, the first for logical segment kept_segments, and so on. The compiler has
|* made it long enough for the rows of any call and for what they see.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_ABI_H
#define ASHLAR_RUNTIME_ABI_H

#include <stdint.h>

#define ASHLAR_ABI_VERSION 10
#define ASHLAR_SEGMENT_KEYS 256 /* keys of one segment of a cache */
#define ASHLAR_SPLIT_KEYS 1024  /* keys that attention sums up by themselves */
#define ASHLAR_MAX_WORKERS 256
#define ASHLAR_STACK_BYTES (1024 * 1024) /* of each worker's thread */

enum ashlar_call_word {
  ASHLAR_CALL_TOKENS = 0,    /* rows of this call; of a head: rows it reads */
  ASHLAR_CALL_TILES = 1,     /* entries of the tile table */
  ASHLAR_CALL_SEQUENCES = 2, /* sequences of this call */
  ASHLAR_CALL_RANK = 3,      /* reserved: 0 */
  ASHLAR_CALL_RANKS = 4,     /* reserved: 1 */
  ASHLAR_CALL_MAP = 5,       /* attention whose weights are kept: ashlar_map_keys */
  ASHLAR_CALL_MAP_LAYER = 6, /* the layer that it is in */
  ASHLAR_CALL_SPLITS = 7,    /* more than 1: so many splits of the keys, each in a
                                tile of its own, where attention can */
  ASHLAR_CALL_WORDS = 8
};

/* One row of a call: where its key and value go. The rows of an encoder that
   feeds a decoder have a second place: as keys of plan.cross_cache. */
enum ashlar_row_word {
  ASHLAR_ROW_SEGMENT = 0,       /* physical segment in the entry's own cache */
  ASHLAR_ROW_KEY = 1,           /* key in that segment, and in the ring's, 0..255 */
  ASHLAR_ROW_INDEX = 2,         /* index in its sequence, from 0 */
  ASHLAR_ROW_SLOT = 3,          /* the sequence's slot */
  ASHLAR_ROW_CROSS_SEGMENT = 4, /* physical segment in the cross cache, or 0 */
  ASHLAR_ROW_CROSS_KEY = 5,     /* key in that segment, or 0 */
  ASHLAR_ROW_KEYS = 6,          /* tokens of its sequence, this call's included */
  ASHLAR_ROW_RING_SEGMENT = 7,  /* physical segment in the entry's ring, or 0 */
  ASHLAR_ROW_EXTENT = 8,        /* what angles take for the sequence's length */
  ASHLAR_ROW_WORDS = 9
};

/* Up to plan.tile_rows successive rows of one sequence: a unit of attention. */
enum ashlar_tile_word {
  ASHLAR_TILE_ROW = 0,            /* first row in the call */
  ASHLAR_TILE_ROWS = 1,           /* 1..tile_rows */
  ASHLAR_TILE_INDEX = 2,          /* index in its sequence of the first row */
  ASHLAR_TILE_KEYS = 3,           /* keys of the sequence, this call's included */
  ASHLAR_TILE_SEGMENTS = 4,       /* first entry in the self segment tables */
  ASHLAR_TILE_CROSS_KEYS = 5,     /* keys of the slot's source; 0 without one */
  ASHLAR_TILE_CROSS_SEGMENTS = 6, /* first entry in the cross segment table */
  ASHLAR_TILE_EXTENT = 7,         /* what masks take for the sequence's length */
  ASHLAR_TILE_WORDS = 8
};

struct ashlar_team; /* the runtime's own: workers and their barrier */

/* Emitted code calls these two, nothing else: the barrier behind each phase, and
   for the `parts` parts of a phase one that no worker has taken, or a number
   that is no part's. A worker takes those of its own share one behind the other,
   and then others': cores that are slower, or that others use too, so take
   fewer. */
void ashlar_barrier(struct ashlar_team *team);
int64_t ashlar_take(struct ashlar_team *team, int64_t worker, int64_t parts);

/* One worker's share of an entry. `worker` in [0, workers). */
typedef void (*ashlar_worker_function)(const void *weights, void *arena,
                                       void *cache, struct ashlar_team *team,
                                       int64_t worker, int64_t workers);

/* Images [channels, height, width] whose patches are the rows of a sequence. */
typedef struct ashlar_image_plan {
  int64_t channels; /* 0 = the stack takes no images */
  int64_t height;
  int64_t width;
  int64_t patch_height;
  int64_t patch_width;
  int64_t prefix; /* rows before those of the patches; the runtime clears them */
  int64_t rows;   /* of an image: prefix, then a row for each whole patch */
} ashlar_image_plan;

/* Rows of a sequence that are marked where the caller marks none. */
enum ashlar_mark_rule {
  ASHLAR_MARK_NONE = 0,
  ASHLAR_MARK_FIRST = 1, /* the first one */
  ASHLAR_MARK_BEFORE = 2 /* those before the first one with id marks_token; none
                            where there is no such one */
};

/* Who asks for a sequence's extent (ashlar_batch): a sum of these. */
enum ashlar_extent_use {
  ASHLAR_EXTENT_MASKS = 1,
  ASHLAR_EXTENT_ANGLES = 2 /* rotary frequencies that depend on the length */
};

/* What the rows of a stack's call hold. Offsets are bytes from the arena's
   beginning; -1 = the model has no such input. Inputs of `max_tokens` elements. */
typedef struct ashlar_stack_plan {
  ashlar_worker_function function;
  const char *input;         /* "input_ids", "src", ... */
  const char *output;        /* "last_hidden_state", ... */
  int64_t ids_offset;        /* int32[max_tokens] */
  int64_t vectors_offset;    /* float[max_tokens * vector_rows][vector_stride],
                                instead of ids */
  int64_t vector_stride;     /* in elements */
  int64_t vector_features;   /* of a vector; of images, the numbers of a patch */
  int64_t vector_rows;       /* vectors of one row of the call */
  int64_t vectors_by_feature; /* front end: arrays are [B, features, vectors] */
  int64_t positions_offset;  /* int32[max_tokens] */
  int64_t types_offset;      /* int32[max_tokens] */
  int64_t vocabulary;
  int64_t positions;         /* position ids lie in [0, positions); 0 = any */
  int64_t first_position;    /* of a sequence's first row, if none are given */
  int64_t positions_by_token; /* front end: they count rows, not columns */
  int64_t token_types;
  int64_t hidden;            /* features of a row */
  int64_t hidden_offset;     /* float[max_tokens][hidden_stride], the result */
  int64_t hidden_stride;     /* in elements */
  int64_t cache_kind;        /* index in plan.caches of that which keeps all keys of
                                the rows, or -1 */
  int64_t ring_kind;         /* the same of a ring, for layers with windows, or -1 */
  int64_t reads_extents;     /* who asks for a sequence's extent: ashlar_extent_use */
  int64_t recompute_length;  /* front end: a sequence that reaches so many tokens is
                                computed anew; 0 = none is */
  const char *marks_input;   /* null = masks ask for no marks */
  int64_t marks_offset;      /* int32[max_tokens + 1], of the call's rows: entry r is
                                the number of marked ones among the first r */
  int64_t marks_rule;        /* where the caller gives none: an ashlar_mark_rule */
  int64_t marks_token;       /* of ASHLAR_MARK_BEFORE */
  ashlar_image_plan image;
} ashlar_stack_plan;

/* A head reads rows of the last stack's result. */
enum ashlar_row_choice {
  ASHLAR_ROW_FIRST = -1,
  ASHLAR_ROW_HIGHEST_TOKEN = -2, /* the first row of the highest id */
  ASHLAR_ROW_LAST = -3
};

typedef struct ashlar_head_plan {
  ashlar_worker_function function;
  const char *output;     /* "logits", "pooler_output" */
  int64_t first_row_only; /* 1: it reads one row of each sequence: */
  int64_t row_token;      /* the first with this id, or an ashlar_row_choice */
  int64_t pools;          /* 1: it reads a call's whole sequences, at once: its
                             input is where the stack's result lies, and the
                             call's tables are as the stack had them */
  int64_t max_rows;       /* rows of one call of `function` */
  int64_t input_offset;   /* float[max_rows][input_stride] */
  int64_t input_stride;
  int64_t input_features;
  int64_t output_offset;  /* float[max_rows][output_stride] */
  int64_t output_stride;
  int64_t output_features;
  int64_t scalar; /* 1: front end: the result has no axis of features */
} ashlar_head_plan;

/* in_arena caches live for one call (encoders); the others for a sequence. */
typedef struct ashlar_cache_plan {
  int64_t in_arena;
  int64_t offset;         /* bytes from the cache's (or arena's) beginning */
  int64_t layers;
  int64_t layer_stride;   /* bytes */
  int64_t segments;       /* physical segments */
  int64_t segment_stride; /* bytes */
  int64_t slot_segments;  /* entries of one slot in the segment table */
  int64_t kept_segments;  /* physical segments of one slot; fewer: a ring */
  int64_t table_offset;   /* int32[max_sequences][slot_segments], in the arena */
  int64_t capacity;       /* keys of one slot */
} ashlar_cache_plan;

/* A tensor that `compile --taps` keeps: float[layers][rows][stride],
   with as many rows for each token as the tensor has. */
typedef struct ashlar_tap_plan {
  const char *name;
  int64_t stack; /* index in plan.stacks, or -1 - index in plan.heads */
  int64_t first_layer;
  int64_t layers;     /* first_layer, first_layer + layer_step, ...; 0: in none */
  int64_t layer_step;
  int64_t offset;
  int64_t layer_stride; /* bytes */
  int64_t stride;       /* elements */
  int64_t features;
} ashlar_tap_plan;

/* Weights of attention that `compile --taps` can keep, of one layer at a time:
   float[heads][plan.map_rows][plan.map_keys] at plan.map_offset. */
enum ashlar_map_keys {
  ASHLAR_MAP_NONE = 0,
  ASHLAR_MAP_OWN = 1,   /* keys of the same sequence */
  ASHLAR_MAP_SOURCE = 2 /* keys of its source */
};

typedef struct ashlar_map_plan {
  int64_t stack; /* index in plan.stacks */
  int64_t keys;  /* an ashlar_map_keys */
  int64_t first_layer;
  int64_t layers; /* first_layer, first_layer + layer_step, ... */
  int64_t layer_step;
  int64_t heads;
} ashlar_map_plan;

/* CPU features that the code needs, tested by `open`. */
enum ashlar_cpu_level {
  ASHLAR_CPU_X86_64_V3 = 3,
  ASHLAR_CPU_X86_64_V4 = 4,
  ASHLAR_CPU_X86_64_V4_VNNI = 5,
  ASHLAR_CPU_SAPPHIRE_RAPIDS = 6 /* AMX: tiles, bf16, int8 */
};

typedef struct ashlar_plan {
  int64_t abi_version;
  const char *name;     /* the --name prefix */
  const char *manifest; /* JSON, NUL-terminated */
  int64_t manifest_bytes;
  int64_t cpu_level;
  int64_t uses_tiles; /* the code has AMX instructions: `open` asks for them */
  const struct ashlar_plan *lower; /* the same model's for CPUs that this is not for:
                                      the next lower level's, or null */
  uint64_t build_id; /* the same in code and weights */

  const void *weights; /* in this artifact, or null: --weights=external */
  int64_t weights_bytes;

  int64_t arena_bytes;
  int64_t cache_bytes;

  int64_t max_tokens;
  int64_t max_context;   /* tokens of one sequence of a decoder */
  int64_t max_source;    /* tokens of one source */
  int64_t max_sequences; /* slots */

  int64_t call_offset;  /* the call header */
  int64_t rows_offset;
  int64_t tiles_offset;
  int64_t max_tiles;
  int64_t tile_rows;
  int64_t split_rows;      /* most rows of a call whose keys may be split; 0 = none */
  int64_t arrivals_offset; /* int32[arrivals]: tiles of a row's splits that are
                              done. Zero when a call begins and when it ends */
  int64_t arrivals;

  int64_t cross_cache; /* index in caches, or -1 */

  int64_t encoder; /* index in stacks, or -1 */
  int64_t decoder;
  int64_t stack_count;
  const ashlar_stack_plan *stacks;
  int64_t head_count;
  const ashlar_head_plan *heads;
  int64_t cache_count;
  const ashlar_cache_plan *caches;
  int64_t tap_count;
  const ashlar_tap_plan *taps;
  int64_t map_offset; /* in the arena */
  int64_t map_rows;   /* max_tokens or more */
  int64_t map_keys;
  int64_t map_count;
  const ashlar_map_plan *maps;

  const void *text; /* tables of the text front end, or null */
  int64_t text_bytes;
} ashlar_plan;

/* The first 64 bytes of the weight image. */
typedef struct ashlar_weights_header {
  char magic[8]; /* "ASHLARW1" */
  uint64_t build_id;
  int64_t bytes; /* of the whole image, this header included */
  int64_t reserved[5];
} ashlar_weights_header;

#endif /* ASHLAR_RUNTIME_ABI_H */
