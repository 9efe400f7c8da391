/*===- charsmap.c - Normalizer of a SentencePiece model ------------- C -*-===*/
/* The rules are a double array (darts-clone) from byte strings to positions in
   a list of texts that end with NUL. The array is a stranger's: every index is
   checked. */

#include "runtime/text/internal.h"

#include <string.h>

typedef struct charsmap {
  const uint32_t *units;
  uint32_t count;
  ashlar_text_string texts;
} charsmap;

static uint32_t offset_of(uint32_t unit) {
  return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* The position that the shortest key beginning `bytes` has; NO_MATCH. */
static size_t look_up(const charsmap *with, const unsigned char *bytes,
                      size_t count) {
  uint32_t at = offset_of(with->units[0]);
  for (size_t i = 0; i < count && bytes[i] != 0; ++i) {
    at ^= bytes[i];
    if (at >= with->count)
      return NO_MATCH;
    uint32_t unit = with->units[at];
    if ((unit & 0x800000FFu) != bytes[i])
      return NO_MATCH;
    at ^= offset_of(unit);
    if (unit >> 8 & 1)
      return at < with->count ? with->units[at] & 0x7FFFFFFFu : NO_MATCH;
  }
  return NO_MATCH;
}

/* Writes what `bytes` become; 0 = done, -1 = no rule, 1 = error. */
static int transform(encoding *state, const charsmap *with, buffer *out,
                     const unsigned char *bytes, size_t count) {
  size_t at = look_up(with, bytes, count);
  if (at >= with->texts.bytes)
    return -1;
  const char *text = string(state->text, with->texts) + at;
  const char *end = memchr(text, 0, with->texts.bytes - at);
  size_t size = end ? (size_t)(end - text) : with->texts.bytes - at;
  return ashlar_step_write(state, out, text, size);
}

static int transform_characters(encoding *state, const charsmap *with,
                                buffer *out, const unsigned char *bytes,
                                size_t count) {
  for (size_t at = 0, length; at < count; at += length) {
    ashlar_utf8_read(bytes + at, count - at, &length);
    int result = transform(state, with, out, bytes + at, length);
    if (result < 0)
      result = ashlar_step_write(state, out, bytes + at, length);
    if (result)
      return 1;
  }
  return 0;
}

/* Rules apply to short graphemes as a whole; the library that models were
   trained with does so, with the shortest key for want of a better choice. */
int ashlar_rewrite_charsmap(encoding *state, uint32_t number, buffer *out,
                            const piece *text) {
  const ashlar_text_step *steps =
      section(state->text, state->text->header->steps);
  const ashlar_text_step *step = &steps[number];
  charsmap with = {section(state->text, step->units), step->units.count,
                   step->string};
  matches scan = ashlar_matches(state, number, *text);
  for (size_t done = 0; done < text->count;) {
    int found = ashlar_next_match(state, &scan);
    if (found < 0)
      return 1;
    size_t end = found ? scan.end : text->count;
    const unsigned char *bytes = text->bytes + done;
    size_t count = end - done;
    int result = -1;
    if (count < 6)
      result = transform(state, &with, out, bytes, count);
    if (result < 0)
      result = transform_characters(state, &with, out, bytes, count);
    if (result)
      return 1;
    done = end;
  }
  return 0;
}
