//===- limits.cpp - What this machine can do at most ---------------------===//
//
//   limits [--threads=N] [--bytes=N] [--repeat=N]
//
// prints, each line the median of N repetitions:
//
//   fma.avx512 366.1          GFLOP/s of float32 multiply-adds in registers
//   bf16.amx 5500.2           of bfloat16: AMX tiles, AVX-512
//   int8.amx 11050.8          of bytes: AMX tiles, AVX-512 VNNI
//   read.4.prefetch 33.2      GB/s of reading BYTES, 4 streams for each thread,
//                             with software prefetch or without (plain)
//
// The best of the reads is the limit of decoding, the best of the arithmetic at
// a precision that of prefill. What this CPU lacks has no line. Threads are
// pinned, one to each CPU that this process may use.
//
//===----------------------------------------------------------------------===//

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace {

struct Options {
  int threads = 0;
  size_t bytes = size_t(3) << 30;
  int repeat = 5;
};

using Work = std::function<void(int thread)>;

//===----------------------------------------------------------------------===//
// Threads and time
//===----------------------------------------------------------------------===//

double now() {
  auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

std::vector<int> allowedCpus() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof(set), &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set))
      cpus.push_back(cpu);
  return cpus;
}

void pinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/// Seconds from the common start of `threads` pinned threads to the end of the
/// slowest. The calling thread sleeps meanwhile.
double timed(int threads, const Work &work) {
  static const std::vector<int> cpus = allowedCpus();
  std::atomic<int> waiting{threads};
  std::atomic<bool> started{false};
  std::vector<double> begins(threads), ends(threads);
  std::vector<std::thread> team;
  for (int thread = 0; thread < threads; ++thread)
    team.emplace_back([&, thread] {
      pinTo(cpus[thread % cpus.size()]);
      --waiting;
      while (!started.load(std::memory_order_acquire))
        _mm_pause();
      begins[thread] = now();
      work(thread);
      ends[thread] = now();
    });
  while (waiting.load() > 0)
    std::this_thread::yield();
  started.store(true, std::memory_order_release);
  for (std::thread &thread : team)
    thread.join();
  return *std::max_element(ends.begin(), ends.end()) -
         *std::min_element(begins.begin(), begins.end());
}

/// Median of `amount` (of all threads together) per second, in 1e9.
double rate(const Options &options, double amount, const Work &work) {
  timed(options.threads, work);
  std::vector<double> rates;
  for (int i = 0; i < options.repeat; ++i)
    rates.push_back(amount / timed(options.threads, work) * 1e-9);
  std::nth_element(rates.begin(), rates.begin() + rates.size() / 2,
                   rates.end());
  return rates[rates.size() / 2];
}

//===----------------------------------------------------------------------===//
// Arithmetic: independent chains, enough to fill the pipelines
//===----------------------------------------------------------------------===//

constexpr int64_t steps = 4000000;

/// 24 accumulators: `instruction` zmm30, zmm31, zmm0 to zmm23.
#define ASHLAR_CHAINS_512(name, target_, instruction)                          \
  __attribute__((target(target_))) void name(int) {                            \
    for (int64_t i = 0; i < steps; ++i)                                        \
      asm volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19," \
                   "20,21,22,23\n" instruction " %%zmm30, %%zmm31, %%zmm\\r\n" \
                   ".endr" ::                                                  \
                       : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",       \
                         "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",     \
                         "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", \
                         "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",          \
                         "xmm23");                                             \
  }
ASHLAR_CHAINS_512(multiplyAdd512, "avx512f", "vfmadd231ps")
ASHLAR_CHAINS_512(dotBf16, "avx512f,avx512bf16", "vdpbf16ps")
ASHLAR_CHAINS_512(dotInt8, "avx512f,avx512vnni", "vpdpbusd")

__attribute__((target("avx2,fma"))) void multiplyAdd256(int) {
  for (int64_t i = 0; i < steps; ++i)
    asm volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n"
                 "vfmadd231ps %%ymm14, %%ymm15, %%ymm\\r\n"
                 ".endr" ::
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
}

/// The palette of AMX: eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t columnBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// Four accumulators, two tiles of each operand, all zero.
#define ASHLAR_CHAINS_AMX(name, target_, instruction)                          \
  __attribute__((target(target_))) void name(int) {                            \
    TileConfig config;                                                         \
    asm volatile("ldtilecfg %0\n"                                              \
                 ".irp r,0,1,2,3,4,5,6,7\n"                                    \
                 "tilezero %%tmm\\r\n"                                         \
                 ".endr" ::"m"(config));                                       \
    for (int64_t i = 0; i < steps; ++i)                                        \
      asm volatile(instruction " %%tmm6, %%tmm4, %%tmm0\n" instruction         \
                               " %%tmm7, %%tmm4, %%tmm1\n" instruction         \
                               " %%tmm6, %%tmm5, %%tmm2\n" instruction         \
                               " %%tmm7, %%tmm5, %%tmm3\n" ::);                \
    asm volatile("tilerelease" ::);                                            \
  }
ASHLAR_CHAINS_AMX(tilesBf16, "amx-tile,amx-bf16", "tdpbf16ps")
ASHLAR_CHAINS_AMX(tilesInt8, "amx-tile,amx-int8", "tdpbssd")

/// Linux gives the tiles' state to processes that ask for it.
bool askForTiles() {
  constexpr int requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}

void measureArithmetic(const Options &options) {
  bool tiles = __builtin_cpu_supports("amx-tile") && askForTiles();
  struct {
    const char *name;
    bool there;
    double operations; // of a step
    void (*run)(int);
  } kinds[] = {
      {"fma.avx512", __builtin_cpu_supports("avx512f") != 0, 24 * 16 * 2,
       multiplyAdd512},
      {"fma.avx2",
       __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
       12 * 8 * 2, multiplyAdd256},
      {"bf16.avx512", __builtin_cpu_supports("avx512bf16") != 0, 24 * 32 * 2,
       dotBf16},
      {"bf16.amx", tiles && __builtin_cpu_supports("amx-bf16"),
       4 * 16 * 16 * 32 * 2, tilesBf16},
      {"int8.avx512", __builtin_cpu_supports("avx512vnni") != 0, 24 * 64 * 2,
       dotInt8},
      {"int8.amx", tiles && __builtin_cpu_supports("amx-int8"),
       4 * 16 * 16 * 64 * 2, tilesInt8},
  };
  for (const auto &kind : kinds)
    if (kind.there)
      std::printf(
          "%s %.1f\n", kind.name,
          rate(options, kind.operations * steps * options.threads, kind.run));
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

constexpr size_t line = 64;
constexpr size_t ahead = 24 * line;

/// Reads `bytes` as `streams` equal parts side by side.
template <int streams, bool prefetch>
__attribute__((target("avx2"))) void read(const char *data, size_t bytes) {
  size_t part = bytes / streams / line * line;
  __m256i sums[streams] = {};
  for (size_t i = 0; i < part; i += line)
    for (int s = 0; s < streams; ++s) {
      const char *place = data + s * part + i;
      if (prefetch)
        _mm_prefetch(place + ahead, _MM_HINT_T0);
      const auto *halves = reinterpret_cast<const __m256i *>(place);
      sums[s] = _mm256_xor_si256(
          sums[s], _mm256_xor_si256(_mm256_load_si256(halves),
                                    _mm256_load_si256(halves + 1)));
    }
  for (const __m256i &sum : sums)
    asm volatile("" ::"x"(sum));
}

void measureReading(const Options &options) {
  size_t share = options.bytes / options.threads / line * line;
  size_t room = share * options.threads + ahead;
  void *mapped = mmap(nullptr, room, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    std::fprintf(stderr, "error: no memory for %zu bytes\n", room);
    std::exit(1);
  }
  madvise(mapped, room, MADV_HUGEPAGE);
  std::memset(mapped, 1, room);
  const char *data = static_cast<char *>(mapped);
  struct {
    const char *name;
    void (*run)(const char *, size_t);
  } kinds[] = {
      {"1.plain", read<1, false>}, {"1.prefetch", read<1, true>},
      {"2.plain", read<2, false>}, {"2.prefetch", read<2, true>},
      {"4.plain", read<4, false>}, {"4.prefetch", read<4, true>},
      {"8.plain", read<8, false>}, {"8.prefetch", read<8, true>},
  };
  for (const auto &kind : kinds)
    std::printf("read.%s %.2f\n", kind.name,
                rate(options, double(share) * options.threads, [&](int thread) {
                  kind.run(data + thread * share, share);
                }));
  munmap(mapped, room);
}

bool parse(const char *argument, const char *name, long long least,
           long long &value) {
  size_t length = std::strlen(name);
  if (std::strncmp(argument, name, length) || argument[length] != '=')
    return false;
  char *end = nullptr;
  value = std::strtoll(argument + length + 1, &end, 10);
  return *end == '\0' && value >= least;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  options.threads = static_cast<int>(allowedCpus().size());
  for (int i = 1; i < argc; ++i) {
    long long value = 0;
    if (parse(argv[i], "--threads", 1, value)) {
      options.threads = static_cast<int>(value);
    } else if (parse(argv[i], "--bytes", 1 << 20, value)) {
      options.bytes = static_cast<size_t>(value);
    } else if (parse(argv[i], "--repeat", 1, value)) {
      options.repeat = static_cast<int>(value);
    } else {
      std::fprintf(stderr,
                   "usage: limits [--threads=N] [--bytes=N] [--repeat=N]\n");
      return 2;
    }
  }
  if (!__builtin_cpu_supports("avx2")) {
    std::fprintf(stderr, "error: this CPU has no AVX2\n");
    return 1;
  }
  measureArithmetic(options);
  measureReading(options);
}
