//===- limits.cpp - What this machine can do at most ---------------------===//
//
//   limits [--threads=N] [--bytes=N] [--repeat=N]
//
// prints, each line the median of N repetitions (of 10 N short ones without
// memory):
//
//   fma.avx512 366.1          GFLOP/s of multiply-adds between registers
//   amx.int8 6500.0           the same of other precisions
//   read.4.prefetch 33.2      GB/s of reading BYTES, 4 streams for each thread,
//                             with software prefetch or without (plain)
//
// The best of the reads is the limit of decoding, the multiply-adds that of
// prefill. Threads are pinned where there is one for each CPU that this process
// may use.
//
//===----------------------------------------------------------------------===//

#include "tools/limits/Limits.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace ashlar::limits;

namespace {

struct Options {
  int threads = allowedCpus();
  size_t bytes = size_t(3) << 30;
  int repeat = 5;
};

void print(const char *kind, const char *name, std::vector<double> rates) {
  if (rates.empty()) {
    std::fprintf(stderr, "error: a thread could not be started\n");
    std::exit(1);
  }
  std::printf("%s%s %.2f\n", kind, name, medianOf(std::move(rates)) * 1e-9);
}

void measureReading(const Options &options) {
  std::optional<ReadBuffer> buffer =
      ReadBuffer::create(options.bytes, options.threads);
  if (!buffer) {
    std::fprintf(stderr, "error: no memory for %zu bytes\n", options.bytes);
    std::exit(1);
  }
  for (const ReadWay &way : readWays())
    print("read.", way.name, buffer->measure(way, options.repeat));
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
  if (!isUsable(Unit::FmaAvx2)) {
    std::fprintf(stderr, "error: this CPU has no AVX2\n");
    return 1;
  }
  for (Unit unit : units)
    if (isUsable(unit))
      print("", nameOf(unit),
            measureArithmetic(unit, options.threads, 10 * options.repeat));
  measureReading(options);
}
