/*===- cpu.c - Does this machine have the instructions? ------------- C -*-===*\
|*
|* The first levels are those of the x86-64 psABI. A feature counts only if the
|* operating system saves its registers: OSXSAVE, then XCR0.
|*
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include "runtime/internal.h"

#include <sys/syscall.h>
#include <unistd.h>

#if !defined(__x86_64__)
#error "the runtime knows x86-64 only"
#endif
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };

/* SSE3, SSSE3, FMA, CMPXCHG16B, SSE4.1, SSE4.2, MOVBE, POPCNT, OSXSAVE, AVX,
   F16C */
#define V3_LEAF1_ECX                                                           \
  (1u << 0 | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 22 |  \
   1u << 23 | 1u << 27 | 1u << 28 | 1u << 29)
/* BMI1, AVX2, BMI2 */
#define V3_LEAF7_EBX (1u << 3 | 1u << 5 | 1u << 8)
/* LAHF, LZCNT */
#define V3_EXTENDED1_ECX (1u << 0 | 1u << 5)
/* XMM and YMM */
#define V3_XCR0 0x6u
/* AVX512F, DQ, CD, BW, VL */
#define V4_LEAF7_EBX (1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31)
/* mask registers, upper halves, upper registers */
#define V4_XCR0 0xe6u

/* AVX512VNNI */
#define VNNI_LEAF7_ECX (1u << 11)
/* AMX-BF16, AMX-TILE, AMX-INT8 */
#define TILES_LEAF7_EDX (1u << 22 | 1u << 24 | 1u << 25)
/* AVX512-BF16 */
#define TILES_LEAF7_1_EAX (1u << 5)
/* tile configuration, tile data */
#define TILES_XCR0 0x60000u

static bool has_all(uint64_t value, uint64_t bits) {
  return (value & bits) == bits;
}

int64_t ashlar_rt_cpu_level_of(const uint32_t leaf1[4], const uint32_t leaf7[4],
                               const uint32_t leaf7_1[4],
                               const uint32_t extended1[4], uint64_t xcr0) {
  if (!has_all(leaf1[ECX], V3_LEAF1_ECX) ||
      !has_all(leaf7[EBX], V3_LEAF7_EBX) ||
      !has_all(extended1[ECX], V3_EXTENDED1_ECX) || !has_all(xcr0, V3_XCR0))
    return 0;
  if (!has_all(leaf7[EBX], V4_LEAF7_EBX) || !has_all(xcr0, V4_XCR0))
    return ASHLAR_CPU_X86_64_V3;
  if (!has_all(leaf7[ECX], VNNI_LEAF7_ECX))
    return ASHLAR_CPU_X86_64_V4;
  if (!has_all(leaf7[EDX], TILES_LEAF7_EDX) ||
      !has_all(leaf7_1[EAX], TILES_LEAF7_1_EAX) || !has_all(xcr0, TILES_XCR0))
    return ASHLAR_CPU_X86_64_V4_VNNI;
  return ASHLAR_CPU_SAPPHIRE_RAPIDS;
}

static void read_leaf(uint32_t leaf, uint32_t subleaf, uint32_t registers[4]) {
  if (!__get_cpuid_count(leaf, subleaf, &registers[EAX], &registers[EBX],
                         &registers[ECX], &registers[EDX]))
    for (int i = 0; i < 4; ++i)
      registers[i] = 0;
}

/* Only where OSXSAVE is set: faults elsewhere. */
static uint64_t read_xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

int64_t ashlar_rt_cpu_level(void) {
  uint32_t leaf1[4], leaf7[4], leaf7_1[4], extended1[4];
  read_leaf(1, 0, leaf1);
  read_leaf(7, 0, leaf7);
  read_leaf(7, 1, leaf7_1);
  read_leaf(0x80000001u, 0, extended1);
  uint64_t xcr0 = has_all(leaf1[ECX], 1u << 27) ? read_xcr0() : 0;
  return ashlar_rt_cpu_level_of(leaf1, leaf7, leaf7_1, extended1, xcr0);
}

/* Linux lets a process use the large tile registers only once it has asked. */
bool ashlar_rt_cpu_request_tiles(void) {
  enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
