/*===- internal.h - Shared by the files of the text front end ------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_INTERNAL_H
#define ASHLAR_RUNTIME_TEXT_INTERNAL_H

#include "runtime/text/text.h"

#define REPLACEMENT 0xFFFDu

static inline const void *section(const ashlar_text *text,
                                  ashlar_text_section where) {
  return text->blob + where.offset;
}

static inline const char *string(const ashlar_text *text,
                                 ashlar_text_string where) {
  return (const char *)text->blob + where.offset;
}

/* Page and entry number of a code point in a two-level table. */
static inline uint32_t table_index(const uint16_t *pages, uint32_t c) {
  return (uint32_t)pages[c >> 8] << 8 | (c & 255);
}

/* The code point at `bytes` and its length, at least 1 where count is. What is
   no UTF-8 is U+FFFD and as long as the part that could have begun a character.
 */
uint32_t ashlar_utf8_read(const unsigned char *bytes, size_t count,
                          size_t *length);
/* Length of the last character of `bytes`; count is at least 1. */
size_t ashlar_utf8_last(const unsigned char *bytes, size_t count);
/* Writes at most 4 bytes; c is a code point and no surrogate. */
size_t ashlar_utf8_write(uint32_t c, unsigned char *bytes);

/* A text on its way to ids. */
typedef struct encoding {
  const ashlar_text *text;
  unsigned flags;
  int32_t *ids;
  int32_t *types;
  size_t capacity;
  size_t count;
  int32_t type;    /* of the tokens that follow */
  uint64_t budget; /* steps of the patterns that are left */
  unsigned char *normalized;
  size_t normalized_bytes;
  ashlar_error *error;
} encoding;

void ashlar_encoding_add(encoding *state, int32_t id);

/* Cuts normalized text by the splits from `step` on and adds the pieces' ids.
 */
int ashlar_encode_pieces(encoding *state, uint32_t step,
                         const unsigned char *bytes, size_t count);

#endif /* ASHLAR_RUNTIME_TEXT_INTERNAL_H */
