/*===- internal.h - What the runtime's own files share -------------- C -*-===*\
|*
|* Nothing here is visible outside an artifact: the compiler links the runtime
|* with the generated code and keeps only the functions of ashlar.h and api.h.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_INTERNAL_H
#define ASHLAR_RUNTIME_INTERNAL_H

#include "runtime/abi.h"
#include "runtime/ashlar.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* Caller's memory is aligned so, and what must not share a cache line. */
#define ASHLAR_ALIGNMENT 64

#pragma GCC visibility push(hidden)

/* The compiler emits it: that of the highest level. */
extern const ashlar_plan ashlar_artifact_plan;

struct ashlar_model {
  const ashlar_plan *plan;
  const void *weights;
  void *mapping; /* ours to unmap, or null */
  size_t mapping_bytes;
};

/* One run of an entry; every worker reads it. */
typedef struct ashlar_rt_job {
  ashlar_worker_function function;
  const void *weights;
  void *arena;
  void *cache;
} ashlar_rt_job;

typedef struct ashlar_rt_worker {
  /* Of its share of a phase's parts: how many are taken, in the lower 16 bits,
     and the number of that phase. */
  _Alignas(ASHLAR_ALIGNMENT) _Atomic uint64_t taken;
  _Alignas(ASHLAR_ALIGNMENT) struct ashlar_team *team;
  int32_t index;
  pthread_t thread; /* worker 0 is the caller: unused */
} ashlar_rt_worker;

/* Words that workers write lie on cache lines of their own. */
struct ashlar_team {
  _Alignas(ASHLAR_ALIGNMENT) _Atomic uint32_t arrived;
  _Alignas(ASHLAR_ALIGNMENT) _Atomic uint32_t generation; /* barriers passed */
  _Atomic uint32_t barrier_sleepers;
  uint64_t phase; /* the same, without end; changes while all others wait */
  _Alignas(ASHLAR_ALIGNMENT) _Atomic uint32_t epoch; /* jobs begun */
  _Atomic uint32_t idle_sleepers;
  _Alignas(ASHLAR_ALIGNMENT) _Atomic int32_t spins; /* the barrier's, now */
  _Alignas(ASHLAR_ALIGNMENT) int32_t workers;
  int32_t most_spins; /* looks at a word before sleeping on it */
  bool stop;
  pid_t process; /* whose threads the workers are */
  ashlar_rt_job job;
  ashlar_marks *marks;        /* the caller's, or null */
  ashlar_rt_worker members[]; /* [workers] */
};

typedef struct ashlar_rt_slot {
  int64_t length; /* tokens of the decoder's sequence */
  int64_t source; /* rows of the source; 0 = none */
  uint64_t seen;  /* the last check that met this slot: finds duplicates */
  uint64_t source_number; /* equal numbers: equal sources */
} ashlar_rt_slot;

struct ashlar_session {
  const ashlar_plan *plan;
  const void *weights;
  char *arena;
  char *cache;
  bool owns_arena;
  bool owns_cache;
  struct ashlar_team *team;
  ashlar_rt_slot *slots; /* [max_sequences] */
  uint64_t checks;       /* see ashlar_rt_slot.seen */
  uint64_t sources;      /* encoded so far */
  int64_t map;           /* index in plan.maps of what is kept, or -1 */
  int64_t map_layer;

  /* The last call: what `hidden` and `head` read. */
  int64_t result_stack; /* index in plan.stacks, or -1: no call yet */
  int64_t result_rows;
  int64_t result_tiles;
  int64_t result_sequences;
  int32_t *first_rows;  /* [max_sequences] */
  int32_t *chosen_rows; /* the same for a head that reads others */
};

/* model.c: the first of `plan` and those below it that this machine runs; the
   last one where it runs none. */
const ashlar_plan *ashlar_rt_choose_plan(const ashlar_plan *plan);
/* `open` of any plan, and of none below it. */
ashlar_status ashlar_rt_open(const ashlar_plan *plan,
                             const ashlar_weights_source *weights,
                             ashlar_model **model);

/* plan.c: can this runtime work with the plan? */
bool ashlar_rt_plan_is_sound(const ashlar_plan *plan);

/* cpu.c: the highest ashlar_cpu_level of this machine, or 0. */
int64_t ashlar_rt_cpu_level(void);
/* Asks the system for AMX's registers, for all threads of the process. */
bool ashlar_rt_cpu_request_tiles(void);
int64_t ashlar_rt_cpu_level_of(const uint32_t leaf1[4], const uint32_t leaf7[4],
                               const uint32_t leaf7_1[4],
                               const uint32_t extended1[4], uint64_t xcr0);

/* cores.c. `root` stands before /proc and /sys: "" except in tests. */
int32_t ashlar_rt_default_threads(void);
int32_t ashlar_rt_allowed_cpus(void);
int32_t ashlar_rt_physical_cores(const char *root, const uint64_t *mask,
                                 int32_t words);
/* Whole CPUs that the cgroups grant; INT32_MAX = no limit. */
int32_t ashlar_rt_cgroup_cpus(const char *root);

/* weights.c: finds or maps the image and checks its header; unmaps it. */
ashlar_status ashlar_rt_weights_open(const ashlar_weights_source *source,
                                     ashlar_model *model);
void ashlar_rt_weights_close(ashlar_model *model);

/* team.c. `workers` counts the calling thread. */
ashlar_status ashlar_rt_team_create(int32_t workers, struct ashlar_team **team);
void ashlar_rt_team_destroy(struct ashlar_team *team);
bool ashlar_rt_team_is_foreign(const struct ashlar_team *team);
void ashlar_rt_team_run(struct ashlar_team *team, const ashlar_rt_job *job);

/* A call begins: forgets the times of the last one. */
static inline void ashlar_rt_clear_marks(struct ashlar_team *team) {
  if (team->marks)
    team->marks->count = 0;
}

/* check.c: changes nothing that a later call could notice. */
ashlar_status ashlar_rt_check_batch(ashlar_session *session, int64_t stack,
                                    const ashlar_batch *batch);

/* tables.c: writes header, tables and inputs of a checked call. */
void ashlar_rt_write_call(ashlar_session *session, int64_t stack,
                          const ashlar_batch *batch);
void ashlar_rt_write_header(ashlar_session *session, int64_t tokens,
                            int64_t tiles, int64_t sequences);
void ashlar_rt_copy_rows(float *to, int64_t to_stride, const float *from,
                         int64_t features);

/* tables.c: calls keep the weights of attention `map` (index in plan.maps) in
   `layer` from now on; -1 = of none. */
ashlar_status ashlar_rt_watch(ashlar_session *session, int64_t map,
                              int64_t layer);

/* Slot of the batch's sequence `index`. */
static inline int32_t ashlar_rt_slot_of(const ashlar_batch *batch,
                                        int32_t index) {
  return batch->slots ? batch->slots[index] : index;
}

/* Its rows in this call. */
static inline int64_t ashlar_rt_length_of(const ashlar_stack_plan *stack,
                                          const ashlar_batch *batch,
                                          int32_t index) {
  return batch->lengths ? batch->lengths[index] : stack->image.rows;
}

/* Tokens that the sequence in `slot` holds before this call. */
static inline int64_t ashlar_rt_begin_of(const ashlar_session *session,
                                         int64_t stack, int32_t slot) {
  return stack == session->plan->encoder ? 0 : session->slots[slot].length;
}

/* The one place that decides where keys lie outside the arena: each slot owns a
   run of segments. In a ring logical segments take turns on them. */
static inline int64_t ashlar_rt_kept_segment(const ashlar_cache_plan *cache,
                                             int32_t slot, int64_t segment) {
  return slot * cache->kept_segments + segment % cache->kept_segments;
}

static inline bool ashlar_rt_is_ring(const ashlar_cache_plan *cache) {
  return cache->kept_segments < cache->slot_segments;
}

static inline int64_t ashlar_rt_segments_for(int64_t keys) {
  return (keys + ASHLAR_SEGMENT_KEYS - 1) / ASHLAR_SEGMENT_KEYS;
}

static inline const ashlar_cache_plan *
ashlar_rt_cache_of(const ashlar_plan *plan, int64_t kind) {
  return kind < 0 ? 0 : &plan->caches[kind];
}

#pragma GCC visibility pop

#endif /* ASHLAR_RUNTIME_INTERNAL_H */
