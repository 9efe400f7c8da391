/*===- normalize.c - Steps that rewrite a text ---------------------- C -*-===*/

#include "runtime/text/internal.h"

#include <string.h>

int ashlar_step_write(encoding *state, buffer *out, const void *bytes,
                      size_t count) {
  if (count > state->limit - out->count)
    return ashlar_fail(state->error,
                       "the text grows beyond %zu bytes in the normalizer",
                       state->limit);
  size_t capacity = out->capacity;
  if (out->count + count > capacity) {
    capacity = 2 * capacity + count + 64;
    if (ashlar_buffer_reserve(out, capacity, state->error))
      return 1;
  }
  if (count > 0) /* an empty section may have no memory */
    memcpy(out->bytes + out->count, bytes, count);
  out->count += count;
  return 0;
}

static int rewrite_map(encoding *state, const ashlar_text_step *step,
                       buffer *out, const piece *text) {
  const uint16_t *pages = section(state->text, step->map.pages);
  const int32_t *entries = section(state->text, step->map.entries);
  const ashlar_text_string *strings = section(state->text, step->strings);
  for (size_t at = 0, length; at < text->count; at += length) {
    uint32_t c = ashlar_utf8_read(text->bytes + at, text->count - at, &length);
    int32_t entry = entries[table_index(pages, c)];
    unsigned char character[4];
    const void *part = character;
    size_t size;
    if (entry >= ASHLAR_TEXT_REPLACED) {
      ashlar_text_string replacement = strings[entry - ASHLAR_TEXT_REPLACED];
      part = string(state->text, replacement);
      size = replacement.bytes;
    } else {
      uint32_t mapped = c + (uint32_t)entry;
      if (mapped >= ASHLAR_TEXT_CODE_POINTS || mapped >> 11 == 0xD800 >> 11)
        mapped = REPLACEMENT;
      size = ashlar_utf8_write(mapped, character);
    }
    if (ashlar_step_write(state, out, part, size))
      return 1;
  }
  return 0;
}

static int rewrite_replace(encoding *state, uint32_t number,
                           const ashlar_text_step *step, buffer *out,
                           const piece *text) {
  matches scan = ashlar_matches(state, number, *text);
  size_t done = 0;
  int found;
  while ((found = ashlar_next_match(state, &scan)) > 0) {
    if (ashlar_step_write(state, out, text->bytes + done, scan.begin - done) ||
        ashlar_step_write(state, out, string(state->text, step->string),
                          step->string.bytes))
      return 1;
    done = scan.end;
  }
  return found < 0 ||
         ashlar_step_write(state, out, text->bytes + done, text->count - done);
}

static int is_space(const ashlar_text *text, const ashlar_text_step *step,
                    uint32_t c) {
  const uint16_t *pages = section(text, step->orders.pages);
  const uint8_t *entries = section(text, step->orders.entries);
  return entries[table_index(pages, c)] != 0;
}

/* Only the bounds of the text change. */
static void strip(const ashlar_text *in, const ashlar_text_step *step,
                  piece *text) {
  size_t length;
  while (
      (step->flags & ASHLAR_STRIP_LEFT) && text->count > 0 &&
      is_space(in, step, ashlar_utf8_read(text->bytes, text->count, &length))) {
    text->bytes += length;
    text->count -= length;
  }
  while ((step->flags & ASHLAR_STRIP_RIGHT) && text->count > 0) {
    size_t last = ashlar_utf8_last(text->bytes, text->count);
    const unsigned char *at = text->bytes + text->count - last;
    if (!is_space(in, step, ashlar_utf8_read(at, last, &length)))
      break;
    text->count -= last;
  }
}

static int prepends(const ashlar_text *in, const ashlar_text_step *step,
                    const piece *text) {
  if (text->count == 0 ||
      ((step->flags & ASHLAR_PREPEND_FIRST) && !text->first))
    return 0;
  return !(step->flags & ASHLAR_PREPEND_UNLESS) ||
         text->count < step->string.bytes ||
         memcmp(text->bytes, string(in, step->string), step->string.bytes) != 0;
}

static int rewrite_prepend(encoding *state, const ashlar_text_step *step,
                           buffer *out, const piece *text) {
  return ashlar_step_write(state, out, string(state->text, step->string),
                           step->string.bytes) ||
         ashlar_step_write(state, out, text->bytes, text->count);
}

int ashlar_rewrite(encoding *state, uint32_t number, piece *text) {
  const ashlar_text_step *steps =
      section(state->text, state->text->header->steps);
  const ashlar_text_step *step = &steps[number];
  buffer *out = &state->steps[number];
  int failed = 0;
  out->count = 0;
  switch (step->kind) {
  case ASHLAR_STEP_STRIP:
    strip(state->text, step, text);
    return 0;
  case ASHLAR_STEP_PREPEND:
    if (!prepends(state->text, step, text))
      return 0;
    failed = rewrite_prepend(state, step, out, text);
    break;
  case ASHLAR_STEP_MAP:
    failed = rewrite_map(state, step, out, text);
    break;
  case ASHLAR_STEP_REPLACE:
    failed = rewrite_replace(state, number, step, out, text);
    break;
  case ASHLAR_STEP_FORM:
    failed = ashlar_rewrite_form(state, step, out, text);
    break;
  case ASHLAR_STEP_CHARSMAP:
    failed = ashlar_rewrite_charsmap(state, number, out, text);
    break;
  }
  text->bytes = out->bytes;
  text->count = out->count;
  return failed;
}
