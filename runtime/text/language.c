/*===- language.c - The language of an output ----------------------- C -*-===*/

#include "runtime/text/language.h"
#include "runtime/text/internal.h"

#include <string.h>

/* No code is longer; what is, is close to none. */
enum { MOST_BYTES = 24, MOST_CLOSE = 6 };

static int begins(const char *a, const char *b, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if ((a[i] | 32) != (b[i] | 32))
      return 0;
  return 1;
}

/* Letters to change, add or leave out until one is the other; none where one
   begins the other. Codes are ASCII, and small letters count as large ones. */
static unsigned distance(const char *a, size_t a_bytes, const char *b,
                         size_t b_bytes) {
  unsigned row[MOST_BYTES + 1];
  if (a_bytes > MOST_BYTES || b_bytes > MOST_BYTES || a_bytes == 0)
    return MOST_BYTES;
  if (begins(a, b, a_bytes < b_bytes ? a_bytes : b_bytes))
    return 0;
  for (unsigned j = 0; j <= b_bytes; ++j)
    row[j] = j;
  for (unsigned i = 1; i <= a_bytes; ++i) {
    unsigned diagonal = row[0];
    row[0] = i;
    for (unsigned j = 1; j <= b_bytes; ++j) {
      unsigned change = diagonal + ((a[i - 1] | 32) != (b[j - 1] | 32));
      unsigned other = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
      diagonal = row[j];
      row[j] = change < other ? change : other;
    }
  }
  return row[b_bytes];
}

/* Appends a code to a message. */
static void append(char *out, size_t room, const char *bytes, size_t count) {
  size_t at = strlen(out), comma = at ? 2 : 0;
  if (at + comma + count >= room)
    return;
  memcpy(out + at, ", ", comma);
  memcpy(out + at + comma, bytes, count);
  out[at + comma + count] = 0;
}

/* The closest codes, or else the first ones. */
static void list_close(const ashlar_text *text, const char *code, char *out,
                       size_t room) {
  const ashlar_text_language *languages =
      section(text, text->header->languages);
  int listed = 0;
  for (unsigned most = 0; most <= 2 && listed < MOST_CLOSE; ++most)
    for (uint32_t i = 0;
         i < text->header->languages.count && listed < MOST_CLOSE; ++i) {
      ashlar_text_string name = languages[i].code;
      if (distance(code, strlen(code), string(text, name), name.bytes) != most)
        continue;
      append(out, room, string(text, name), name.bytes);
      ++listed;
    }
  for (uint32_t i = 0;
       listed == 0 && i < text->header->languages.count && i < MOST_CLOSE; ++i)
    append(out, room, string(text, languages[i].code), languages[i].code.bytes);
}

static const ashlar_text_language *find(const ashlar_text *text,
                                        const char *code) {
  const ashlar_text_language *languages =
      section(text, text->header->languages);
  for (uint32_t i = 0; i < text->header->languages.count; ++i)
    if (languages[i].code.bytes == strlen(code) &&
        memcmp(string(text, languages[i].code), code, strlen(code)) == 0)
      return &languages[i];
  return NULL;
}

int ashlar_text_language_start(const ashlar_text *text, const char *code,
                               int32_t *ids, size_t *count,
                               ashlar_error *error) {
  const ashlar_text_header *header = text->header;
  if (header->languages.count == 0 || header->language_start.count == 0)
    return ashlar_fail(error,
                       "--language: the model has no tokens of languages "
                       "that its output could begin with");
  const ashlar_text_language *language = find(text, code);
  if (!language) {
    char close[200] = "";
    list_close(text, code, close, sizeof(close));
    return ashlar_fail(error,
                       "--language=%.40s: the model has no such language; it "
                       "has %u, such as %s",
                       code, header->languages.count, close);
  }
  const int32_t *start = section(text, header->language_start);
  *count = header->language_start.count;
  for (size_t i = 0; i < *count; ++i)
    ids[i] = start[i] == ASHLAR_TEXT_NONE ? language->id : start[i];
  return 0;
}
