/*===- tiles.c - AMX's instructions in plain C ---------------------- C -*-===*\
|*
|* What generated code calls in their place where it is emulated
|* (compiler/Codegen/Emulation.h), as Intel's manual defines them. Shapes are
|* those of the tile configuration: rows, and bytes of a row; what lies beyond
|* them in a result is zero. The floating point state is the caller's: the
|* entries of artifacts set what tdpbf16ps always does (round to nearest even,
|* no denormal numbers).
|*
\*===----------------------------------------------------------------------===*/

#include <stdint.h>
#include <string.h>

#define TILE_ROWS 16
#define ROW_WORDS 16 /* of 32 bits */

typedef struct {
  uint32_t words[TILE_ROWS][ROW_WORDS];
} tile;

/* The lowest level has them: loops become vectors, fmaf an instruction. */
#define LOWEST_LEVEL __attribute__((target("avx2,fma")))

void ashlar_emulated_tile_zero(tile *result, int16_t rows, int16_t row_bytes) {
  (void)rows;
  (void)row_bytes;
  memset(result, 0, sizeof *result);
}

void ashlar_emulated_tile_load(tile *result, int16_t rows, int16_t row_bytes,
                               const char *memory, int64_t stride) {
  memset(result, 0, sizeof *result);
  for (int16_t row = 0; row < rows; ++row)
    memcpy(result->words[row], memory + row * stride, (size_t)row_bytes);
}

void ashlar_emulated_tile_store(int16_t rows, int16_t row_bytes, char *memory,
                                int64_t stride, const tile *stored) {
  for (int16_t row = 0; row < rows; ++row)
    memcpy(memory + row * stride, stored->words[row], (size_t)row_bytes);
}

static inline float as_float(uint32_t word) {
  float number;
  memcpy(&number, &word, sizeof number);
  return number;
}

/* The two bf16 numbers of a word. */
static inline float low_number(uint32_t word) { return as_float(word << 16); }
static inline float high_number(uint32_t word) {
  return as_float(word & 0xffff0000u);
}

/* sum + a b: of each result the products of even and of odd numbers in a chain
   each, added up at the end. */
LOWEST_LEVEL
void ashlar_emulated_tdpbf16ps(tile *result, int16_t rows, int16_t row_bytes,
                               int16_t inner_bytes, const tile *sum,
                               const tile *a, const tile *b) {
  tile made = {0};
  for (int16_t row = 0; row < rows; ++row) {
    float even[ROW_WORDS] = {0}, odd[ROW_WORDS] = {0};
    for (int16_t pair = 0; pair < inner_bytes / 4; ++pair) {
      float low = low_number(a->words[row][pair]);
      float high = high_number(a->words[row][pair]);
      for (int column = 0; column < ROW_WORDS; ++column) {
        uint32_t word = b->words[pair][column];
        even[column] = __builtin_fmaf(low, low_number(word), even[column]);
        odd[column] = __builtin_fmaf(high, high_number(word), odd[column]);
      }
    }
    float total[ROW_WORDS];
    for (int column = 0; column < ROW_WORDS; ++column)
      total[column] =
          as_float(sum->words[row][column]) + (even[column] + odd[column]);
    memcpy(made.words[row], total, (size_t)row_bytes);
  }
  *result = made;
}

static inline int32_t signed_byte(uint32_t word, int index) {
  return (int8_t)(word >> (8 * index));
}

/* sum + a b, of signed bytes in fours; sums wrap around. */
LOWEST_LEVEL
void ashlar_emulated_tdpbssd(tile *result, int16_t rows, int16_t row_bytes,
                             int16_t inner_bytes, const tile *sum,
                             const tile *a, const tile *b) {
  tile made = {0};
  for (int16_t row = 0; row < rows; ++row) {
    uint32_t total[ROW_WORDS];
    memcpy(total, sum->words[row], sizeof total);
    for (int16_t four = 0; four < inner_bytes / 4; ++four)
      for (int column = 0; column < ROW_WORDS; ++column)
        for (int i = 0; i < 4; ++i)
          total[column] += (uint32_t)(signed_byte(a->words[row][four], i) *
                                      signed_byte(b->words[four][column], i));
    memcpy(made.words[row], total, (size_t)row_bytes);
  }
  *result = made;
}
