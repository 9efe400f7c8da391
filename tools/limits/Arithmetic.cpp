//===- Arithmetic.cpp - Multiply-adds between registers ------------------===//
//
// Each loop is one piece of assembly, so that no compiler has a say in it:
// independent chains, enough of them to fill the pipelines, on zeros (garbage
// could be denormal, and slow).
//
//===----------------------------------------------------------------------===//

#include "tools/limits/Limits.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace ashlar::limits;

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Runs `instruction` on 24 chains of zmm registers, `steps` times.
#define ASHLAR_LIMITS_CHAINS(instruction)                                      \
  asm volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,"  \
               "21,22,23,30,31\n"                                              \
               "vpxord %%zmm\\r, %%zmm\\r, %%zmm\\r\n"                         \
               ".endr\n"                                                       \
               "1:\n"                                                          \
               ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,"  \
               "21,22,23\n" instruction " %%zmm30, %%zmm31, %%zmm\\r\n"        \
               ".endr\n"                                                       \
               "dec %0\n"                                                      \
               "jnz 1b\n"                                                      \
               : "+r"(steps)::"cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",    \
                 "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",     \
                 "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17",         \
                 "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",         \
                 "xmm30", "xmm31")

/// 24 chains of 16 multiply-adds.
__attribute__((target("avx512f"))) static void fmaAvx512(int64_t steps) {
  ASHLAR_LIMITS_CHAINS("vfmadd231ps");
}

/// 12 chains of 8 multiply-adds.
__attribute__((target("avx2,fma"))) static void fmaAvx2(int64_t steps) {
  asm volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11,14,15\n"
               "vpxor %%ymm\\r, %%ymm\\r, %%ymm\\r\n"
               ".endr\n"
               "1:\n"
               ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n"
               "vfmadd231ps %%ymm14, %%ymm15, %%ymm\\r\n"
               ".endr\n"
               "dec %0\n"
               "jnz 1b\n"
               : "+r"(steps)::"cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                 "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                 "xmm14", "xmm15");
}

/// 24 chains of 16 sums of four products.
__attribute__((target("avx512f,avx512vnni"))) static void
vnniAvx512(int64_t steps) {
  ASHLAR_LIMITS_CHAINS("vpdpbusd");
}

#undef ASHLAR_LIMITS_CHAINS

/// Runs `multiply` and then `add` on the product and one of 12 chains of
/// `width`mm registers, `steps` times.
#define ASHLAR_LIMITS_SUMS(width, clear, multiply, add)                        \
  asm volatile(".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" clear          \
               " %%" width "mm\\r, %%" width "mm\\r, %%" width "mm\\r\n"       \
               ".endr\n"                                                       \
               "1:\n"                                                          \
               ".irp r,0,1,2,3,4,5,6,7,9,10,11,12\n" multiply " %%" width      \
               "mm14, %%" width "mm15, %%" width "mm8\n" add " %%" width       \
               "mm8, %%" width "mm\\r, %%" width "mm\\r\n"                     \
               ".endr\n"                                                       \
               "dec %0\n"                                                      \
               "jnz 1b\n"                                                      \
               : "+r"(steps)::"cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",    \
                 "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",     \
                 "xmm12", "xmm13", "xmm14", "xmm15")

/// 12 chains of 16 sums of two products.
__attribute__((target("avx512f,avx512bw"))) static void
maddAvx512(int64_t steps) {
  ASHLAR_LIMITS_SUMS("z", "vpxord", "vpmaddwd", "vpaddd");
}

/// 12 chains of 8 sums of two products.
__attribute__((target("avx2"))) static void maddAvx2(int64_t steps) {
  ASHLAR_LIMITS_SUMS("y", "vpxor", "vpmaddwd", "vpaddd");
}

/// 12 chains of 32 sums of two products.
__attribute__((target("avx512f,avx512bw"))) static void
maddShortAvx512(int64_t steps) {
  ASHLAR_LIMITS_SUMS("z", "vpxord", "vpmaddubsw", "vpaddw");
}

/// 12 chains of 16 sums of two products.
__attribute__((target("avx2"))) static void maddShortAvx2(int64_t steps) {
  ASHLAR_LIMITS_SUMS("y", "vpxor", "vpmaddubsw", "vpaddw");
}

#undef ASHLAR_LIMITS_SUMS

namespace {
/// What LDTILECFG reads: eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1;
  uint8_t startRow = 0;
  uint8_t reserved[14] = {};
  uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);
} // namespace

/// 6 chains of 16 x 16 sums of 32 products.
__attribute__((target("amx-tile,amx-bf16"))) static void
amxBf16(int64_t steps) {
  TileConfiguration tiles;
  asm volatile("ldtilecfg %1\n"
               ".irp r,0,1,2,3,4,5,6,7\n"
               "tilezero %%tmm\\r\n"
               ".endr\n"
               "1:\n"
               ".irp r,0,1,2,3,4,5\n"
               "tdpbf16ps %%tmm7, %%tmm6, %%tmm\\r\n"
               ".endr\n"
               "dec %0\n"
               "jnz 1b\n"
               "tilerelease\n"
               : "+r"(steps)
               : "m"(tiles)
               : "cc");
}

/// 6 chains of 16 x 16 sums of 64 products.
__attribute__((target("amx-tile,amx-int8"))) static void
amxInt8(int64_t steps) {
  TileConfiguration tiles;
  asm volatile("ldtilecfg %1\n"
               ".irp r,0,1,2,3,4,5,6,7\n"
               "tilezero %%tmm\\r\n"
               ".endr\n"
               "1:\n"
               ".irp r,0,1,2,3,4,5\n"
               "tdpbssd %%tmm7, %%tmm6, %%tmm\\r\n"
               ".endr\n"
               "dec %0\n"
               "jnz 1b\n"
               "tilerelease\n"
               : "+r"(steps)
               : "m"(tiles)
               : "cc");
}

namespace {
struct Loop {
  const char *name;
  void (*run)(int64_t steps);
  int64_t steps;     // some 5 million cycles
  double operations; // of a step
};
} // namespace

static Loop loopOf(Unit unit) {
  switch (unit) {
  case Unit::FmaAvx512:
    return {"fma.avx512", fmaAvx512, 400000, 24 * 16 * 2};
  case Unit::FmaAvx2:
    return {"fma.avx2", fmaAvx2, 800000, 12 * 8 * 2};
  case Unit::MaddAvx512:
    return {"madd.avx512", maddAvx512, 400000, 12 * 16 * 2 * 2};
  case Unit::MaddAvx2:
    return {"madd.avx2", maddAvx2, 800000, 12 * 8 * 2 * 2};
  case Unit::MaddShortAvx512:
    return {"maddubs.avx512", maddShortAvx512, 400000, 12 * 32 * 2 * 2};
  case Unit::MaddShortAvx2:
    return {"maddubs.avx2", maddShortAvx2, 800000, 12 * 16 * 2 * 2};
  case Unit::VnniAvx512:
    return {"vnni.avx512", vnniAvx512, 400000, 24 * 16 * 4 * 2};
  case Unit::AmxBf16:
    return {"amx.bf16", amxBf16, 50000, 6 * 16 * 16 * 32 * 2};
  case Unit::AmxInt8:
    return {"amx.int8", amxInt8, 50000, 6 * 16 * 16 * 64 * 2};
  }
  __builtin_unreachable();
}

const char *ashlar::limits::nameOf(Unit unit) { return loopOf(unit).name; }

//===----------------------------------------------------------------------===//
// What is there
//===----------------------------------------------------------------------===//

/// Linux gives out the tiles' state only when asked, once for all threads.
static bool mayUseTiles() {
  constexpr long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}

/// Bits 22, 24 and 25 of leaf 7's edx are AMX's: bf16, tiles, int8.
static bool hasTiles(unsigned kind) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
    return false;
  constexpr unsigned tiles = 1u << 24;
  return (d & tiles) && (d & kind) && mayUseTiles();
}

bool ashlar::limits::isUsable(Unit unit) {
  __builtin_cpu_init();
  switch (unit) {
  case Unit::FmaAvx512:
    return __builtin_cpu_supports("avx512f");
  case Unit::FmaAvx2:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  case Unit::MaddAvx512:
  case Unit::MaddShortAvx512:
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw");
  case Unit::MaddAvx2:
  case Unit::MaddShortAvx2:
    return __builtin_cpu_supports("avx2");
  case Unit::VnniAvx512:
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512vnni");
  case Unit::AmxBf16:
    return hasTiles(1u << 22);
  case Unit::AmxInt8:
    return hasTiles(1u << 25);
  }
  __builtin_unreachable();
}

std::vector<double> ashlar::limits::measureArithmetic(Unit unit, int threads,
                                                      int repeat) {
  Loop loop = loopOf(unit);
  double amount = loop.operations * static_cast<double>(loop.steps) * threads;
  return measureRates(
      amount, threads, repeat,
      [](void *context, int) {
        const Loop &loop = *static_cast<const Loop *>(context);
        loop.run(loop.steps);
      },
      &loop);
}
