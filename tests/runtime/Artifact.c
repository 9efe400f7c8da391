/*===- Artifact.c - The runtime of one artifact --------------------- C -*-===*\
|*
|* Stands for what the compiler does with objects: all of the runtime in one
|* piece, its names prefixed, so that two artifacts link into one program.
|* Compiled once as alpha and once as beta (-DARTIFACT=...). What alpha asks the
|* system for goes through counters that can refuse.
|*
\*===----------------------------------------------------------------------===*/

/* As the runtime's files define it, whatever the command line said. */
#undef _GNU_SOURCE
#define _GNU_SOURCE

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(ARTIFACT, name)

#define ashlar_artifact_plan NAME(_artifact_plan)
#define ashlar_barrier NAME(_barrier)
#define ashlar_take NAME(_take)
#define ashlar_close NAME(_close)
#define ashlar_copy_slot NAME(_copy_slot)
#define ashlar_decode NAME(_decode)
#define ashlar_encode NAME(_encode)
#define ashlar_get_api NAME(_get_api)
#define ashlar_head NAME(_head)
#define ashlar_hidden NAME(_hidden)
#define ashlar_length NAME(_length)
#define ashlar_open NAME(_open)
#define ashlar_reset NAME(_reset)
#define ashlar_session_create NAME(_session_create)
#define ashlar_session_destroy NAME(_session_destroy)
#define ashlar_session_marks NAME(_session_marks)
#define ashlar_status_text NAME(_status_text)
#define ashlar_rt_allowed_cpus NAME(_rt_allowed_cpus)
#define ashlar_rt_cgroup_cpus NAME(_rt_cgroup_cpus)
#define ashlar_rt_check_batch NAME(_rt_check_batch)
#define ashlar_rt_copy_rows NAME(_rt_copy_rows)
#define ashlar_rt_choose_plan NAME(_rt_choose_plan)
#define ashlar_rt_cpu_level NAME(_rt_cpu_level)
#define ashlar_rt_cpu_level_of NAME(_rt_cpu_level_of)
#define ashlar_rt_cpu_request_tiles NAME(_rt_cpu_request_tiles)
#define ashlar_rt_default_threads NAME(_rt_default_threads)
#define ashlar_rt_open NAME(_rt_open)
#define ashlar_rt_physical_cores NAME(_rt_physical_cores)
#define ashlar_rt_plan_is_sound NAME(_rt_plan_is_sound)
#define ashlar_rt_team_create NAME(_rt_team_create)
#define ashlar_rt_team_destroy NAME(_rt_team_destroy)
#define ashlar_rt_team_is_foreign NAME(_rt_team_is_foreign)
#define ashlar_rt_team_run NAME(_rt_team_run)
#define ashlar_rt_watch NAME(_rt_watch)
#define ashlar_rt_weights_close NAME(_rt_weights_close)
#define ashlar_rt_weights_open NAME(_rt_weights_open)
#define ashlar_rt_write_call NAME(_rt_write_call)
#define ashlar_rt_write_header NAME(_rt_write_header)

#include "runtime/internal.h"
#include "tests/runtime/FakeModel.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#if COUNTS_REQUESTS
fake_system fake_requests = {.fail_in = -1};

static int refused(void) {
  __atomic_fetch_add(&fake_requests.requests, 1, __ATOMIC_RELAXED);
  return fake_requests.fail_in > 0 && --fake_requests.fail_in == 0;
}

static void change_live(int by) {
  __atomic_fetch_add(&fake_requests.live, by, __ATOMIC_RELAXED);
}

static void *counted(void *memory) {
  change_live(memory != 0);
  return memory;
}

static void *counted_calloc(size_t count, size_t bytes) {
  return refused() ? 0 : counted(calloc(count, bytes));
}

static void *counted_aligned_alloc(size_t alignment, size_t bytes) {
  return refused() ? 0 : counted(aligned_alloc(alignment, bytes));
}

static void counted_free(void *memory) {
  change_live(-(memory != 0));
  free(memory);
}

static void *counted_mmap(void *at, size_t bytes, int protection, int flags,
                          int file, off_t offset) {
  if (refused())
    return MAP_FAILED;
  void *memory = mmap(at, bytes, protection, flags, file, offset);
  change_live(memory != MAP_FAILED);
  return memory;
}

static int counted_munmap(void *memory, size_t bytes) {
  change_live(-1);
  return munmap(memory, bytes);
}

static int counted_pthread_create(pthread_t *thread,
                                  const pthread_attr_t *attributes,
                                  void *(*function)(void *), void *argument) {
  if (refused())
    return 11; /* EAGAIN */
  int error = pthread_create(thread, attributes, function, argument);
  change_live(error == 0);
  return error;
}

static int counted_pthread_join(pthread_t thread, void **result) {
  change_live(-1);
  return pthread_join(thread, result);
}

#define calloc counted_calloc
#define aligned_alloc counted_aligned_alloc
#define free counted_free
#define mmap counted_mmap
#define munmap counted_munmap
#define pthread_create counted_pthread_create
#define pthread_join counted_pthread_join
#endif

#include "runtime/api.c"
#include "runtime/call.c"
#include "runtime/check.c"
#include "runtime/cores.c"
#include "runtime/cpu.c"
#include "runtime/head.c"
#include "runtime/model.c"
#include "runtime/plan.c"
#include "runtime/session.c"
#include "runtime/status.c"
#include "runtime/tables.c"
#include "runtime/team.c"
#include "runtime/weights.c"

/* internal.h hides its names; tests want some of them. */
int NAME(_plan_is_sound)(const ashlar_plan *plan) {
  return ashlar_rt_plan_is_sound(plan);
}
