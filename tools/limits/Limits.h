//===- Limits.h - What this machine can do at most -------------*- C++ -*-===//
//
// Arithmetic between registers, and reading memory in the ways that code may
// read it: the limits that measured speeds are compared with. Only libc and the
// compiler's builtins; the loops are written for the units they measure.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_LIMITS_LIMITS_H
#define ASHLAR_TOOLS_LIMITS_LIMITS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace ashlar::limits {

/// CPUs that this process may use.
int allowedCpus();

/// The median of measured rates, which are at least one.
double medianOf(std::vector<double> rates);

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// Madd: int8 widened to pairs of 16 bits. MaddShort: pairs of bytes whose sums
/// stay in 16 bits, as those of int4 do.
enum class Unit {
  FmaAvx512,
  FmaAvx2,
  MaddAvx512,
  MaddAvx2,
  MaddShortAvx512,
  MaddShortAvx2,
  VnniAvx512,
  AmxBf16,
  AmxInt8
};
inline constexpr Unit units[] = {
    Unit::FmaAvx512,  Unit::FmaAvx2,         Unit::MaddAvx512,
    Unit::MaddAvx2,   Unit::MaddShortAvx512, Unit::MaddShortAvx2,
    Unit::VnniAvx512, Unit::AmxBf16,         Unit::AmxInt8};

/// "fma.avx512"
const char *nameOf(Unit unit);

/// This CPU has it, and the system lets this process use it.
bool isUsable(Unit unit);

/// Multiplications and additions per second of all threads together, `repeat`
/// times for some milliseconds. Empty: the threads could not be started.
std::vector<double> measureArithmetic(Unit unit, int threads, int repeat);

//===----------------------------------------------------------------------===//
// Reading memory
//===----------------------------------------------------------------------===//

struct ReadWay {
  const char *name; // "4.prefetch": streams of each thread, software prefetch
  void (*read)(const char *data, size_t bytes);
};
const std::vector<ReadWay> &readWays();

/// Of the largest cache; 0 = unknown.
size_t cacheBytes();

/// Bytes that no cache of this machine holds, and that it has room for.
size_t bytesBeyondCaches();

/// Memory that the threads have written, each its own part.
class ReadBuffer {
public:
  /// Nothing: no memory, or the threads could not be started.
  static std::optional<ReadBuffer> create(size_t bytes, int threads);
  ReadBuffer(ReadBuffer &&other) noexcept;
  ReadBuffer &operator=(ReadBuffer &&) = delete;
  ~ReadBuffer();

  /// Bytes per second of all threads together, `repeat` times for each of
  /// `pieces` equal pieces of the buffer, which are read one after the other.
  /// Empty: the threads could not be started.
  std::vector<double> measure(const ReadWay &way, int repeat,
                              int pieces = 1) const;

private:
  ReadBuffer(char *data, size_t room, size_t share, int threads)
      : data(data), room(room), share(share), threads(threads) {}

  char *data;
  size_t room;
  size_t share; // bytes of a thread
  int threads;
};

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

using Work = void (*)(void *context, int thread);

/// Seconds from the common start of `threads` threads to the end of the
/// slowest; negative: not all could be started, and none has worked. The
/// calling thread sleeps meanwhile.
double timeThreads(int threads, Work work, void *context);

/// `amount` (of all threads together) per second, after a round that does not
/// count.
std::vector<double> measureRates(double amount, int threads, int repeat,
                                 Work work, void *context);

} // namespace ashlar::limits

#endif // ASHLAR_TOOLS_LIMITS_LIMITS_H
