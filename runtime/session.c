/*===- session.c - Memory and workers of one user ------------------- C -*-===*\
|*
|* The only place that allocates after `open`.
|*
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include "runtime/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* In huge pages where the system gives them: rows lie further apart than small
   pages, so that a tile's rows would take an entry of the TLB each. */
static void *map_memory(int64_t bytes) {
  void *memory = mmap(0, (size_t)bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return 0;
  madvise(memory, (size_t)bytes, MADV_HUGEPAGE);
  return memory;
}

/* The caller's memory, cleared (garbage could be NaN, and 0 x NaN is NaN), or
   our own. No bytes need no memory. */
static ashlar_status take_region(void *callers, size_t callers_bytes,
                                 int64_t bytes, char **region, bool *owned) {
  if (callers) {
    if ((uintptr_t)callers % ASHLAR_ALIGNMENT ||
        callers_bytes < (uint64_t)bytes)
      return ASHLAR_INVALID_ARGUMENT;
    memset(callers, 0, (size_t)bytes);
    *region = callers;
    return ASHLAR_OK;
  }
  if (bytes == 0)
    return ASHLAR_OK;
  *region = map_memory(bytes);
  *owned = *region != 0;
  return *region ? ASHLAR_OK : ASHLAR_OUT_OF_MEMORY;
}

static ashlar_status set_up(ashlar_session *session,
                            const ashlar_session_options *options) {
  const ashlar_plan *plan = session->plan;
  session->slots = calloc((size_t)plan->max_sequences, sizeof *session->slots);
  session->first_rows =
      calloc((size_t)plan->max_sequences, sizeof *session->first_rows);
  session->chosen_rows =
      calloc((size_t)plan->max_sequences, sizeof *session->chosen_rows);
  if (!session->slots || !session->first_rows || !session->chosen_rows)
    return ASHLAR_OUT_OF_MEMORY;
  ashlar_status status =
      take_region(options->arena, options->arena_bytes, plan->arena_bytes,
                  &session->arena, &session->owns_arena);
  if (status == ASHLAR_OK)
    status =
        take_region(options->cache, options->cache_bytes, plan->cache_bytes,
                    &session->cache, &session->owns_cache);
  if (status != ASHLAR_OK)
    return status;
  int32_t threads =
      options->threads ? options->threads : ashlar_rt_default_threads();
  return ashlar_rt_team_create(threads, &session->team);
}

ashlar_status ashlar_session_create(const ashlar_model *model,
                                    const ashlar_session_options *options,
                                    ashlar_session **session) {
  if (!session)
    return ASHLAR_INVALID_ARGUMENT;
  *session = 0;
  const ashlar_session_options defaults = {0, 0, 0, 0, 0};
  if (!options)
    options = &defaults;
  if (!model || options->threads < 0 || options->threads > ASHLAR_MAX_WORKERS)
    return ASHLAR_INVALID_ARGUMENT;
  ashlar_session *created = calloc(1, sizeof *created);
  if (!created)
    return ASHLAR_OUT_OF_MEMORY;
  created->plan = model->plan;
  created->weights = model->weights;
  created->result_stack = -1;
  created->map = -1;
  ashlar_status status = set_up(created, options);
  if (status != ASHLAR_OK) {
    ashlar_session_destroy(created);
    return status;
  }
  *session = created;
  return ASHLAR_OK;
}

void ashlar_session_destroy(ashlar_session *session) {
  if (!session)
    return;
  ashlar_rt_team_destroy(session->team);
  if (session->owns_arena)
    munmap(session->arena, (size_t)session->plan->arena_bytes);
  if (session->owns_cache)
    munmap(session->cache, (size_t)session->plan->cache_bytes);
  free(session->first_rows);
  free(session->chosen_rows);
  free(session->slots);
  free(session);
}

ashlar_status ashlar_reset(ashlar_session *session, int32_t slot) {
  if (!session || slot < -1 || slot >= session->plan->max_sequences)
    return ASHLAR_INVALID_ARGUMENT;
  int64_t first = slot < 0 ? 0 : slot;
  int64_t last = slot < 0 ? session->plan->max_sequences - 1 : slot;
  for (int64_t i = first; i <= last; ++i) {
    session->slots[i].length = 0;
    session->slots[i].source = 0;
  }
  return ASHLAR_OK;
}

/* What is kept of the first `keys` keys of a slot; a segment is the compiler's
   own and goes whole. */
static void copy_keys(ashlar_session *session, const ashlar_cache_plan *cache,
                      int32_t from, int32_t to, int64_t keys) {
  int64_t segments = ashlar_rt_segments_for(keys);
  if (segments > cache->kept_segments)
    segments = cache->kept_segments;
  int64_t target = ashlar_rt_kept_segment(cache, to, 0);
  int64_t source = ashlar_rt_kept_segment(cache, from, 0);
  for (int64_t layer = 0; layer < cache->layers; ++layer) {
    char *base = session->cache + cache->offset + layer * cache->layer_stride;
    memcpy(base + target * cache->segment_stride,
           base + source * cache->segment_stride,
           (size_t)(segments * cache->segment_stride));
  }
}

ashlar_status ashlar_copy_slot(ashlar_session *session, int32_t from,
                               int32_t to) {
  if (!session || from < 0 || from >= session->plan->max_sequences || to < 0 ||
      to >= session->plan->max_sequences)
    return ASHLAR_INVALID_ARGUMENT;
  const ashlar_plan *plan = session->plan;
  if (plan->decoder < 0)
    return ASHLAR_NOT_SUPPORTED;
  if (from == to)
    return ASHLAR_OK;
  ashlar_rt_slot *source = &session->slots[from], *target = &session->slots[to];
  const ashlar_stack_plan *stack = &plan->stacks[plan->decoder];
  const ashlar_cache_plan *own = ashlar_rt_cache_of(plan, stack->cache_kind);
  const ashlar_cache_plan *ring = ashlar_rt_cache_of(plan, stack->ring_kind);
  const ashlar_cache_plan *cross = ashlar_rt_cache_of(plan, plan->cross_cache);
  if (own)
    copy_keys(session, own, from, to, source->length);
  if (ring)
    copy_keys(session, ring, from, to, source->length);
  if (cross && (source->source_number != target->source_number ||
                source->source != target->source))
    copy_keys(session, cross, from, to, source->source);
  target->length = source->length;
  target->source = source->source;
  target->source_number = source->source_number;
  return ASHLAR_OK;
}

ashlar_status ashlar_session_marks(ashlar_session *session,
                                   ashlar_marks *marks) {
  if (!session ||
      (marks && (marks->capacity < 0 || (marks->capacity && !marks->times))))
    return ASHLAR_INVALID_ARGUMENT;
  session->team->marks = marks;
  return ASHLAR_OK;
}

int64_t ashlar_length(const ashlar_session *session, int32_t slot) {
  if (!session || slot < 0 || slot >= session->plan->max_sequences)
    return -1;
  return session->slots[slot].length;
}
