/*===- split.c - Pre-tokenizer and look-up of pieces ---------------- C -*-===*/

#include "runtime/text/internal.h"

#include <string.h>

#define NO_MATCH ((size_t)-1)

/* A split with its tables at hand. */
typedef struct pattern {
  const ashlar_text_split *split;
  const uint16_t *pages;
  const uint16_t *classes;
  const uint16_t *transitions;
  const uint8_t *accepting;
} pattern;

/* Where the match that begins at `at` ends. */
static size_t match_at(encoding *state, const pattern *with,
                       const unsigned char *bytes, size_t count, size_t at) {
  uint32_t dfa = with->split->start;
  size_t end = with->accepting[dfa] ? at : NO_MATCH;
  while (at < count && dfa != 0 && state->budget > 0) {
    size_t length;
    uint32_t c = ashlar_utf8_read(bytes + at, count - at, &length);
    uint32_t class = with->classes[table_index(with->pages, c)];
    dfa = with->transitions[(size_t)dfa * with->split->classes + class];
    at += length;
    if (with->accepting[dfa])
      end = at;
    --state->budget;
  }
  return end;
}

static size_t next_character(const unsigned char *bytes, size_t count,
                             size_t at) {
  size_t length = 1;
  if (at < count)
    ashlar_utf8_read(bytes + at, count - at, &length);
  return at + length;
}

static int add_piece(encoding *state, const unsigned char *bytes,
                     size_t count) {
  const ashlar_text *text = state->text;
  const ashlar_text_header *header = text->header;
  const uint32_t *hash = section(text, header->hash);
  const ashlar_text_token *tokens = section(text, header->tokens);
  uint32_t mask = header->hash.count - 1;
  uint32_t slot = ashlar_text_hash(bytes, (uint32_t)count) & mask;
  for (uint32_t i = 0; i < header->max_probe && hash[slot];
       ++i, slot = (slot + 1) & mask) {
    const ashlar_text_token *token = &tokens[hash[slot] - 1];
    if (token->text.bytes != count ||
        memcmp(string(text, token->text), bytes, count) != 0)
      continue;
    /* A special token's name in a text is no more than a word. */
    if ((token->flags & ASHLAR_TOKEN_SPECIAL) &&
        !(state->flags & ASHLAR_TEXT_SPECIAL))
      break;
    ashlar_encoding_add(state, (int32_t)(hash[slot] - 1));
    return 0;
  }
  if (header->unknown == ASHLAR_TEXT_NONE)
    return ashlar_fail(state->error,
                       "the vocabulary has no token for \"%.*s\" and none for "
                       "unknown words",
                       count < 64 ? (int)count : 64, (const char *)bytes);
  ashlar_encoding_add(state, header->unknown);
  return 0;
}

/* A part of a piece, matched or between two matches. */
static int add_part(encoding *state, uint32_t step, const pattern *with,
                    int matched, const unsigned char *bytes, size_t count) {
  matched ^= with->split->invert != 0;
  if (count == 0 || (matched && with->split->behavior == ASHLAR_SPLIT_REMOVED))
    return 0;
  return ashlar_encode_pieces(state, step + 1, bytes, count);
}

static int cut(encoding *state, uint32_t step, const pattern *with,
               const unsigned char *bytes, size_t count) {
  size_t done = 0;            /* everything before it has been added */
  size_t last_end = NO_MATCH; /* of the last match */
  for (size_t at = 0; at <= count;) {
    size_t end = match_at(state, with, bytes, count, at);
    if (state->budget == 0)
      return ashlar_fail(state->error,
                         "the text takes too many steps to match the "
                         "tokenizer's pattern; give it in smaller parts");
    /* No match here, or an empty one where the last has ended. */
    if (end == NO_MATCH || (end == at && last_end == at)) {
      at = next_character(bytes, count, at);
      continue;
    }
    if (add_part(state, step, with, 0, bytes + done, at - done) ||
        add_part(state, step, with, 1, bytes + at, end - at))
      return 1;
    done = at = last_end = end;
  }
  return add_part(state, step, with, 0, bytes + done, count - done);
}

int ashlar_encode_pieces(encoding *state, uint32_t step,
                         const unsigned char *bytes, size_t count) {
  const ashlar_text *text = state->text;
  if (step == text->header->splits.count)
    return add_piece(state, bytes, count);
  const ashlar_text_split *splits = section(text, text->header->splits);
  const ashlar_text_split *split = &splits[step];
  pattern with = {.split = split,
                  .pages = section(text, split->pages),
                  .classes = section(text, split->entries),
                  .transitions = section(text, split->transitions),
                  .accepting = section(text, split->accepting)};
  return cut(state, step, &with, bytes, count);
}
