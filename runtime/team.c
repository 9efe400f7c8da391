/*===- team.c - Workers and their barrier --------------------------- C -*-===*\
|*
|* The calling thread is worker 0; the others are threads that sleep between
|* calls. Both waits, for work and in the barrier, look at a word for some
|* microseconds and then sleep on it (futex), so that more workers than cores
|* get along, and so do other programs on the machine. How long the barrier
|* looks follows from how it went: a core that someone else uses makes looking
|* vain.
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
#include <time.h>
#include <unistd.h>
#include <xmmintrin.h>

/* Looks at a word before sleeping on it, about 40 ns each, where every worker
   has a CPU. With fewer CPUs there is nobody to look at. */
#define MOST_SPINS 2000
#define LEAST_SPINS 64
#define PROBE_EVERY 16

/* Shares of a phase that a worker takes parts of, its own being the first; of
   more, looking would take longer than it gains. */
#define MOST_SHARES 8
/* A worker has few parts of a phase. */
#define TAKEN_BITS 16

/* Flush denormals to zero, read them as zero, round to nearest, no traps. */
#define WORKER_MXCSR 0x9fc0u

static void futex(_Atomic uint32_t *word, int operation, uint32_t value) {
  syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* Looks up to `limit` times; true once *word is not `old` any more. */
static bool spin(_Atomic uint32_t *word, uint32_t old, int32_t limit) {
  for (int32_t i = 0; i < limit; ++i) {
    if (atomic_load_explicit(word, memory_order_acquire) != old)
      return true;
    _mm_pause();
  }
  return false;
}

static void sleep_while(_Atomic uint32_t *word, uint32_t old,
                        _Atomic uint32_t *sleepers) {
  atomic_fetch_add(sleepers, 1);
  while (atomic_load(word) == old)
    futex(word, FUTEX_WAIT_PRIVATE, old);
  atomic_fetch_sub(sleepers, 1);
}

/* Vain looking halves the next limit, success doubles it, and now and then a
   full try finds out whether the machine has become quiet. */
static void wait_for_others(struct ashlar_team *team, uint32_t generation) {
  int32_t most = team->most_spins;
  int32_t limit = atomic_load_explicit(&team->spins, memory_order_relaxed);
  bool probe = generation % PROBE_EVERY == 0;
  bool met = spin(&team->generation, generation, probe ? most : limit);
  int32_t next = !met ? limit / 2 : probe ? most : limit * 2;
  next = next < LEAST_SPINS ? LEAST_SPINS : next;
  next = next > most ? most : next;
  if (next != limit)
    atomic_store_explicit(&team->spins, next, memory_order_relaxed);
  if (!met)
    sleep_while(&team->generation, generation, &team->barrier_sleepers);
}

static void change_and_wake(_Atomic uint32_t *word,
                            _Atomic uint32_t *sleepers) {
  atomic_fetch_add(word, 1);
  if (atomic_load(sleepers) > 0)
    futex(word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

/* Notes the time. One worker at a time: the caller before a run, and then the
   last to arrive at each barrier, behind which the others wait. */
static void mark(struct ashlar_team *team) {
  ashlar_marks *marks = team->marks;
  if (!marks)
    return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (marks->count < marks->capacity)
    marks->times[marks->count] =
        (int64_t)now.tv_sec * 1000000000 + (int64_t)now.tv_nsec;
  ++marks->count;
}

/* Waits for all workers; the last one, which waits for none, notes the time if
   this is the end of a phase. */
static inline void meet(struct ashlar_team *team, bool ends_phase) {
  if (team->workers == 1) {
    if (ends_phase)
      mark(team);
    ++team->phase;
    return;
  }
  uint32_t old = atomic_load_explicit(&team->generation, memory_order_relaxed);
  uint32_t before =
      atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel);
  if (before + 1 < (uint32_t)team->workers) {
    wait_for_others(team, old);
    return;
  }
  if (ends_phase)
    mark(team);
  atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
  ++team->phase;
  change_and_wake(&team->generation, &team->barrier_sleepers);
}

void ashlar_barrier(struct ashlar_team *team) { meet(team, true); }

/* One of the parts of `worker`'s share, or -1. */
static int64_t take_of(struct ashlar_team *team, int64_t worker,
                       int64_t parts) {
  int64_t first = parts * worker / team->workers;
  int64_t count = parts * (worker + 1) / team->workers - first;
  _Atomic uint64_t *taken = &team->members[worker].taken;
  uint64_t phase = team->phase << TAKEN_BITS;
  uint64_t old = atomic_load_explicit(taken, memory_order_relaxed);
  for (;;) {
    /* What an earlier phase left counts for nothing. */
    int64_t before = old >= phase ? (int64_t)(old - phase) : 0;
    if (before >= count)
      return -1;
    if (atomic_compare_exchange_weak_explicit(
            taken, &old, phase + (uint64_t)before + 1, memory_order_relaxed,
            memory_order_relaxed))
      return first + before;
  }
}

int64_t ashlar_take(struct ashlar_team *team, int64_t worker, int64_t parts) {
  int64_t shares = team->workers < MOST_SHARES ? team->workers : MOST_SHARES;
  for (int64_t i = 0; i < shares; ++i) {
    int64_t part = take_of(team, (worker + i) % team->workers, parts);
    if (part >= 0)
      return part;
  }
  return parts;
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
  meet(team, false);
}

static void *work(void *argument) {
  const ashlar_rt_worker *self = argument;
  struct ashlar_team *team = self->team;
  for (uint32_t done = 0;; ++done) {
    if (!spin(&team->epoch, done, team->most_spins))
      sleep_while(&team->epoch, done, &team->idle_sleepers);
    if (team->stop)
      return 0;
    run_share(team, self->index);
  }
}

void ashlar_rt_team_run(struct ashlar_team *team, const ashlar_rt_job *job) {
  team->job = *job;
  mark(team);
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
  pthread_attr_setstacksize(&attributes, ASHLAR_STACK_BYTES);
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
  created->most_spins = workers <= ashlar_rt_allowed_cpus() ? MOST_SPINS : 0;
  atomic_init(&created->spins, created->most_spins);
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
