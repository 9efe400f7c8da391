//===- Threads.cpp - Threads that begin together -------------------------===//

#include "tools/limits/Limits.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>

using namespace ashlar::limits;

static std::vector<int> listCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set))
        cpus.push_back(cpu);
  return cpus;
}

int ashlar::limits::allowedCpus() {
  return std::max<int>(1, static_cast<int>(listCpus().size()));
}

double ashlar::limits::medianOf(std::vector<double> rates) {
  auto middle = rates.begin() + static_cast<ptrdiff_t>(rates.size() / 2);
  std::nth_element(rates.begin(), middle, rates.end());
  return *middle;
}

namespace {
enum class Signal { Wait, Go, GoHome };

struct Round {
  Work work;
  void *context;
  std::vector<int> cpus; // of each thread; empty: the system chooses
  std::atomic<int> ready{0};
  std::atomic<Signal> signal{Signal::Wait};
};

struct Member {
  Round *round = nullptr;
  int number = 0;
  pthread_t thread{};
  double begin = 0, end = 0;
};
} // namespace

static double now() {
  auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

static void pinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *runMember(void *argument) {
  auto &self = *static_cast<Member *>(argument);
  Round &round = *self.round;
  if (!round.cpus.empty())
    pinTo(round.cpus[static_cast<size_t>(self.number) % round.cpus.size()]);
  ++round.ready;
  Signal signal;
  while ((signal = round.signal.load(std::memory_order_acquire)) ==
         Signal::Wait)
    sched_yield();
  if (signal == Signal::GoHome)
    return nullptr;
  self.begin = now();
  round.work(round.context, self.number);
  self.end = now();
  return nullptr;
}

double ashlar::limits::timeThreads(int threads, Work work, void *context) {
  Round round;
  round.work = work;
  round.context = context;
  // With a thread for each CPU, each gets its own. With fewer the system
  // chooses: it knows which CPUs share a core.
  std::vector<int> cpus = listCpus();
  if (static_cast<size_t>(threads) >= cpus.size())
    round.cpus = std::move(cpus);
  std::vector<Member> team(static_cast<size_t>(threads));
  int started = 0;
  for (Member &member : team) {
    member.round = &round;
    member.number = started;
    if (pthread_create(&member.thread, nullptr, runMember, &member) != 0)
      break;
    ++started;
  }
  while (round.ready.load() < started)
    sched_yield();
  round.signal.store(started == threads ? Signal::Go : Signal::GoHome,
                     std::memory_order_release);
  for (int i = 0; i < started; ++i)
    pthread_join(team[static_cast<size_t>(i)].thread, nullptr);
  if (started < threads)
    return -1;
  double begin = team.front().begin, end = team.front().end;
  for (const Member &member : team) {
    begin = std::min(begin, member.begin);
    end = std::max(end, member.end);
  }
  return end - begin;
}

std::vector<double> ashlar::limits::measureRates(double amount, int threads,
                                                 int repeat, Work work,
                                                 void *context) {
  std::vector<double> rates;
  for (int i = 0; i < repeat + 1; ++i) {
    double seconds = timeThreads(threads, work, context);
    if (seconds < 0)
      return {};
    if (i > 0)
      rates.push_back(amount / std::max(seconds, 1e-9));
  }
  return rates;
}
