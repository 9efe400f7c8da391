//===- Reading.cpp - The ways to read memory -----------------------------===//
//
// Which way is the fastest differs from machine to machine, and from hour to
// hour on one that is shared: the limit is the best of all.
//
//===----------------------------------------------------------------------===//

#include "tools/limits/Limits.h"

#include <immintrin.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

using namespace ashlar::limits;

static constexpr size_t line = 64;
static constexpr size_t ahead = 24 * line;

/// Reads `bytes` as `streams` equal parts side by side.
template <int streams, bool prefetch>
__attribute__((target("avx2"))) static void read(const char *data,
                                                 size_t bytes) {
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

const std::vector<ReadWay> &ashlar::limits::readWays() {
  static const std::vector<ReadWay> ways = {
      {"1.plain", read<1, false>}, {"1.prefetch", read<1, true>},
      {"2.plain", read<2, false>}, {"2.prefetch", read<2, true>},
      {"4.plain", read<4, false>}, {"4.prefetch", read<4, true>},
      {"8.plain", read<8, false>}, {"8.prefetch", read<8, true>},
  };
  return ways;
}

size_t ashlar::limits::cacheBytes() {
  return static_cast<size_t>(std::max(sysconf(_SC_LEVEL3_CACHE_SIZE), 0L));
}

size_t ashlar::limits::bytesBeyondCaches() {
  constexpr size_t least = size_t(256) << 20, most = size_t(2) << 30;
  size_t bytes = std::clamp(4 * cacheBytes(), least, most);
  size_t pages = static_cast<size_t>(std::max(sysconf(_SC_AVPHYS_PAGES), 0L));
  size_t page = static_cast<size_t>(std::max(sysconf(_SC_PAGESIZE), 0L));
  return std::max(std::min(bytes, pages * page / 4), size_t(16) << 20);
}

namespace {
struct Part {
  char *data;   // of the first thread
  size_t share; // from one thread's to the next one's
  size_t bytes; // of a thread
  void (*read)(const char *data, size_t bytes);
};
} // namespace

std::optional<ReadBuffer> ReadBuffer::create(size_t bytes, int threads) {
  size_t share = bytes / static_cast<size_t>(threads) / line * line;
  size_t room = share * static_cast<size_t>(threads) + ahead;
  void *mapped = mmap(nullptr, room, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    return std::nullopt;
  madvise(mapped, room, MADV_HUGEPAGE);
  ReadBuffer buffer(static_cast<char *>(mapped), room, share, threads);
  Part part = {buffer.data, share, share, nullptr};
  auto fill = [](void *context, int thread) {
    const Part &part = *static_cast<const Part *>(context);
    std::memset(part.data + static_cast<size_t>(thread) * part.share, 1,
                part.bytes);
  };
  if (timeThreads(threads, fill, &part) < 0)
    return std::nullopt;
  return buffer;
}

ReadBuffer::ReadBuffer(ReadBuffer &&other) noexcept
    : data(std::exchange(other.data, nullptr)), room(other.room),
      share(other.share), threads(other.threads) {}

ReadBuffer::~ReadBuffer() {
  if (data)
    munmap(data, room);
}

std::vector<double> ReadBuffer::measure(const ReadWay &way, int repeat,
                                        int pieces) const {
  size_t piece = share / static_cast<size_t>(pieces) / line * line;
  Part part = {data, share, piece, way.read};
  auto readPart = [](void *context, int thread) {
    const Part &part = *static_cast<const Part *>(context);
    part.read(part.data + static_cast<size_t>(thread) * part.share, part.bytes);
  };
  std::vector<double> rates;
  for (int round = 0; round < repeat * pieces + 1; ++round) {
    part.data = data + piece * static_cast<size_t>(round % pieces);
    double seconds = timeThreads(threads, readPart, &part);
    if (seconds < 0)
      return {};
    if (round > 0) // the first one wakes the CPUs
      rates.push_back(static_cast<double>(piece) * threads /
                      std::max(seconds, 1e-9));
  }
  return rates;
}
