/*===- team.c - Workers and their barrier ----------------------------- C
-*-===*\
|*
|* The calling thread is worker 0; the others are threads that sleep between
|* calls. Both waits, for work and in the barrier, look at a word for some
|* microseconds and then sleep on it (futex), so that more workers than cores
|* get along, and so do other programs on the machine.
|*
|* Lost wake-ups: a sleeper counts itself and then looks at the word again (in
|* the kernel); a waker changes the word and then looks at the count. All four
|* are sequentially consistent, so one of the two sees the other.
|*
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include "runtime/internal.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

/* Looks before sleeping, about 40 ns each: two wake-ups' worth of time if every
   worker has a CPU, and next to nothing if not. */
#define SPINS_ALONE 1000
#define SPINS_CROWDED 50
#define STACK_BYTES (1024 * 1024)

/* Flush denormals to zero, read them as zero, round to nearest, no traps. */
#define WORKER_MXCSR 0x9fc0u

static void futex(_Atomic uint32_t *word, int operation, uint32_t value) {
  syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* Returns when *word is not `old` any more. */
static void wait_while(_Atomic uint32_t *word, uint32_t old,
                       _Atomic uint32_t *sleepers, int32_t spins) {
  for (int32_t i = 0; i < spins; ++i) {
    if (atomic_load_explicit(word, memory_order_acquire) != old)
      return;
    _mm_pause();
  }
  atomic_fetch_add(sleepers, 1);
  while (atomic_load(word) == old)
    futex(word, FUTEX_WAIT_PRIVATE, old);
  atomic_fetch_sub(sleepers, 1);
}

static void change_and_wake(_Atomic uint32_t *word,
                            _Atomic uint32_t *sleepers) {
  atomic_fetch_add(word, 1);
  if (atomic_load(sleepers) > 0)
    futex(word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

void ashlar_barrier(struct ashlar_team *team) {
  if (team->workers == 1)
    return;
  uint32_t old = atomic_load_explicit(&team->generation, memory_order_relaxed);
  uint32_t before =
      atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel);
  if (before + 1 < (uint32_t)team->workers) {
    wait_while(&team->generation, old, &team->barrier_sleepers, team->spins);
    return;
  }
  atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
  change_and_wake(&team->generation, &team->barrier_sleepers);
}

/* Not inlined: arithmetic of the entry must not move across the changes of the
   floating point state around this call. */
static __attribute__((noinline)) void
enter(const ashlar_rt_job *job, struct ashlar_team *team, int32_t worker) {
  job->function(job->weights, job->arena, job->cache, team, worker,
                team->workers);
}

static void run_share(struct ashlar_team *team, int32_t worker) {
  unsigned int state = _mm_getcsr();
  _mm_setcsr(WORKER_MXCSR);
  enter(&team->job, team, worker);
  _mm_setcsr(state);
  ashlar_barrier(team);
}

static void *work(void *argument) {
  const ashlar_rt_worker *self = argument;
  struct ashlar_team *team = self->team;
  for (uint32_t done = 0;; ++done) {
    wait_while(&team->epoch, done, &team->idle_sleepers, team->spins);
    if (team->stop)
      return 0;
    run_share(team, self->index);
  }
}

void ashlar_rt_team_run(struct ashlar_team *team, const ashlar_rt_job *job) {
  team->job = *job;
  if (team->workers > 1)
    change_and_wake(&team->epoch, &team->idle_sleepers);
  run_share(team, 0);
}

bool ashlar_rt_team_is_foreign(const struct ashlar_team *team) {
  return team->workers > 1 && team->process != getpid();
}

/* Starts workers 1..; returns how many workers there are then. */
static int32_t start_threads(struct ashlar_team *team, int32_t workers) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0)
    return 1;
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  /* The host's signals are handled by the host's threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int32_t started = 1;
  for (; started < workers; ++started) {
    ashlar_rt_worker *member = &team->members[started];
    member->team = team;
    member->index = started;
    if (pthread_create(&member->thread, &attributes, work, member) != 0)
      break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return started;
}

static void stop_threads(struct ashlar_team *team, int32_t started) {
  team->stop = true;
  change_and_wake(&team->epoch, &team->idle_sleepers);
  for (int32_t i = 1; i < started; ++i)
    pthread_join(team->members[i].thread, NULL);
}

ashlar_status ashlar_rt_team_create(int32_t workers,
                                    struct ashlar_team **team) {
  size_t bytes =
      sizeof(struct ashlar_team) + (size_t)workers * sizeof(ashlar_rt_worker);
  bytes = (bytes + ASHLAR_ALIGNMENT - 1) / ASHLAR_ALIGNMENT * ASHLAR_ALIGNMENT;
  struct ashlar_team *created = aligned_alloc(ASHLAR_ALIGNMENT, bytes);
  if (!created)
    return ASHLAR_OUT_OF_MEMORY;
  memset(created, 0, bytes);
  created->workers = workers;
  created->spins =
      workers <= ashlar_rt_allowed_cpus() ? SPINS_ALONE : SPINS_CROWDED;
  created->process = getpid();
  int32_t started = start_threads(created, workers);
  if (started < workers) {
    stop_threads(created, started);
    free(created);
    return ASHLAR_THREAD_ERROR;
  }
  *team = created;
  return ASHLAR_OK;
}

void ashlar_rt_team_destroy(struct ashlar_team *team) {
  if (!team)
    return;
  if (!ashlar_rt_team_is_foreign(team))
    stop_threads(team, team->workers);
  free(team);
}
