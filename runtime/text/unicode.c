/*===- unicode.c - Normalization forms ------------------------------ C -*-===*/
/* NFD, NFC, NFKD and NFKC (UAX 15): decompose, put marks in their order, and
   compose where the step has pairs. Hangul is arithmetic. */

#include "runtime/text/internal.h"

#include <string.h>

enum {
  HANGUL_S = 0xAC00,
  HANGUL_L = 0x1100,
  HANGUL_V = 0x1161,
  HANGUL_T = 0x11A7,
  HANGUL_L_COUNT = 19,
  HANGUL_V_COUNT = 21,
  HANGUL_T_COUNT = 28,
  HANGUL_S_COUNT = HANGUL_L_COUNT * HANGUL_V_COUNT * HANGUL_T_COUNT
};

typedef struct form {
  encoding *state;
  const ashlar_text_step *step;
  const uint16_t *pages;
  const int32_t *entries;
  const uint16_t *order_pages;
  const uint8_t *orders;
} form;

static uint8_t order_of(const form *with, uint32_t c) {
  return with->orders[table_index(with->order_pages, c)];
}

static int add_point(const form *with, uint32_t c) {
  buffer *points = &with->state->points;
  if (points->count + sizeof(c) > points->capacity &&
      ashlar_buffer_reserve(points, 2 * points->capacity + 256,
                            with->state->error))
    return 1;
  memcpy(points->bytes + points->count, &c, sizeof(c));
  points->count += sizeof(c);
  return 0;
}

static int add_string(const form *with, ashlar_text_string text) {
  const unsigned char *bytes =
      (const unsigned char *)string(with->state->text, text);
  for (size_t at = 0, length; at < text.bytes; at += length)
    if (add_point(with, ashlar_utf8_read(bytes + at, text.bytes - at, &length)))
      return 1;
  return 0;
}

static int decompose(const form *with, uint32_t c) {
  const ashlar_text_string *strings =
      section(with->state->text, with->step->strings);
  if (c >= HANGUL_S && c < HANGUL_S + HANGUL_S_COUNT) {
    uint32_t s = c - HANGUL_S, t = s % HANGUL_T_COUNT;
    return add_point(with, HANGUL_L + s / (HANGUL_V_COUNT * HANGUL_T_COUNT)) ||
           add_point(with, HANGUL_V + s / HANGUL_T_COUNT % HANGUL_V_COUNT) ||
           (t && add_point(with, HANGUL_T + t));
  }
  int32_t entry = with->entries[table_index(with->pages, c)];
  if (entry >= ASHLAR_TEXT_REPLACED)
    return add_string(with, strings[entry - ASHLAR_TEXT_REPLACED]);
  uint32_t mapped = c + (uint32_t)entry;
  if (mapped >= ASHLAR_TEXT_CODE_POINTS || mapped >> 11 == 0xD800 >> 11)
    mapped = REPLACEMENT;
  return add_point(with, mapped);
}

/* Sorts marks by class, equal ones in the order they have: counted, since a
   text may be nothing but marks. `spare` has room for as many. */
static void sort_marks(const form *with, uint32_t *marks, size_t count,
                       uint32_t *spare) {
  size_t begins[257] = {0};
  for (size_t i = 0; i < count; ++i)
    ++begins[order_of(with, marks[i]) + 1];
  for (size_t i = 1; i < 257; ++i)
    begins[i] += begins[i - 1];
  for (size_t i = 0; i < count; ++i)
    spare[begins[order_of(with, marks[i])]++] = marks[i];
  memcpy(marks, spare, count * sizeof(*marks));
}

static void reorder(const form *with, uint32_t *points, size_t count,
                    uint32_t *spare) {
  for (size_t begin = 0, end; begin < count; begin = end) {
    end = begin + 1;
    if (order_of(with, points[begin]) == 0)
      continue;
    while (end < count && order_of(with, points[end]) != 0)
      ++end;
    if (end - begin > 1)
      sort_marks(with, points + begin, end - begin, spare);
  }
}

/* What two code points are together; 0 = they stay apart. */
static uint32_t composed(const form *with, uint32_t first, uint32_t second) {
  uint32_t l = first - HANGUL_L, v = second - HANGUL_V, s = first - HANGUL_S;
  if (l < HANGUL_L_COUNT && v < HANGUL_V_COUNT)
    return HANGUL_S + (l * HANGUL_V_COUNT + v) * HANGUL_T_COUNT;
  if (s < HANGUL_S_COUNT && s % HANGUL_T_COUNT == 0 && second > HANGUL_T &&
      second < HANGUL_T + HANGUL_T_COUNT)
    return first + second - HANGUL_T;
  const ashlar_text_pair *pairs = section(with->state->text, with->step->pairs);
  uint32_t low = 0, high = with->step->pairs.count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    const ashlar_text_pair *pair = &pairs[middle];
    if (pair->first == first && pair->second == second)
      return pair->composed;
    if (pair->first < first || (pair->first == first && pair->second < second))
      low = middle + 1;
    else
      high = middle;
  }
  return 0;
}

/* In place; how many are left. */
static size_t compose(const form *with, uint32_t *points, size_t count) {
  size_t starter = NO_MATCH, kept = 0;
  uint8_t last = 0; /* class of the last one that was kept */
  for (size_t i = 0; i < count; ++i) {
    uint8_t order = order_of(with, points[i]);
    if (starter != NO_MATCH && (kept == starter + 1 || last < order)) {
      uint32_t both = composed(with, points[starter], points[i]);
      if (both) {
        points[starter] = both;
        continue;
      }
    }
    if (order == 0)
      starter = kept;
    last = order;
    points[kept++] = points[i];
  }
  return kept;
}

static int write_points(encoding *state, buffer *out, const uint32_t *points,
                        size_t count) {
  for (size_t i = 0; i < count; ++i) {
    unsigned char character[4];
    if (ashlar_step_write(state, out, character,
                          ashlar_utf8_write(points[i], character)))
      return 1;
  }
  return 0;
}

static int is_ascii(const piece *text) {
  for (size_t i = 0; i < text->count; ++i)
    if (text->bytes[i] >= 0x80)
      return 0;
  return 1;
}

int ashlar_rewrite_form(encoding *state, const ashlar_text_step *step,
                        buffer *out, const piece *text) {
  if (is_ascii(text))
    return ashlar_step_write(state, out, text->bytes, text->count);
  form with = {.state = state,
               .step = step,
               .pages = section(state->text, step->map.pages),
               .entries = section(state->text, step->map.entries),
               .order_pages = section(state->text, step->orders.pages),
               .orders = section(state->text, step->orders.entries)};
  buffer *points = &state->points;
  points->count = 0;
  for (size_t at = 0, length; at < text->count; at += length) {
    if (decompose(&with, ashlar_utf8_read(text->bytes + at, text->count - at,
                                          &length)))
      return 1;
    if (points->count / 4 > state->limit)
      return ashlar_fail(state->error,
                         "the text grows beyond %zu bytes in the normalizer",
                         state->limit);
  }
  /* As much again for the marks on their way. */
  if (ashlar_buffer_reserve(points, 2 * points->count + 8, state->error))
    return 1;
  uint32_t *list = (uint32_t *)points->bytes;
  size_t count = points->count / sizeof(*list);
  reorder(&with, list, count, list + count);
  if (step->pairs.count > 0)
    count = compose(&with, list, count);
  return write_points(state, out, list, count);
}
