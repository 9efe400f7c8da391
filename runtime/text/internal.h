/*===- internal.h - Shared by the files of the text front end ------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_INTERNAL_H
#define ASHLAR_RUNTIME_TEXT_INTERNAL_H

#include "runtime/text/text.h"

#define REPLACEMENT 0xFFFDu
#define NO_MATCH ((size_t)-1)

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

/*===-- Characters -------------------------------------------------------===*/

/* The code point at `bytes` and its length, at least 1 where count is. What is
   no UTF-8 is U+FFFD and as long as the part that could have begun a character.
 */
uint32_t ashlar_utf8_read(const unsigned char *bytes, size_t count,
                          size_t *length);
/* Length of the last character of `bytes`; count is at least 1. */
size_t ashlar_utf8_last(const unsigned char *bytes, size_t count);
/* Writes at most 4 bytes; c is a code point and no surrogate. */
size_t ashlar_utf8_write(uint32_t c, unsigned char *bytes);
/* Bytes at the end of `bytes` that begin a character without ending it. */
size_t ashlar_utf8_unfinished(const unsigned char *bytes, size_t count);

/*===-- Memory -----------------------------------------------------------===*/

typedef struct buffer {
  unsigned char *bytes;
  size_t count;
  size_t capacity;
} buffer;

/* Makes room for `capacity` bytes in all; what is there stays. */
int ashlar_buffer_reserve(buffer *out, size_t capacity, ashlar_error *error);

/*===-- Encoding ---------------------------------------------------------===*/

/* Where special tokens count, whatever the flags say: the template's parts of a
   chat. */
typedef struct span {
  const unsigned char *begin, *end;
} span;

/* A text on its way to ids. */
typedef struct encoding {
  const ashlar_text *text;
  unsigned flags;
  int32_t type;    /* of the tokens that follow */
  uint64_t budget; /* steps of patterns and tries that are left */
  size_t limit;    /* bytes that a step may write */
  buffer ids;      /* int32_t */
  buffer types;    /* int32_t */
  buffer steps[ASHLAR_TEXT_MAX_STEPS];   /* what each step wrote last */
  buffer work;                           /* the model's */
  buffer points;                         /* of a normalization form */
  buffer letters[ASHLAR_TEXT_MAX_STEPS]; /* of the text that a step matches */
  const span *trusted;                   /* [trusted_count], in order */
  size_t trusted_count;                  /* 0 but for chats */
  ashlar_error *error;
} encoding;

/* A part of the text. */
typedef struct piece {
  const unsigned char *bytes;
  size_t count;
  int first; /* it begins the whole text */
} piece;

/* The token ids of parts that make a text together. Special tokens count in
   every other part, from the first on, whatever the flags say; the tokens that
   the model's own template has around a text are not added. */
int ashlar_encode_parts(const ashlar_text *text, const piece *parts,
                        size_t count, unsigned flags, ashlar_tokens *tokens,
                        ashlar_error *error);

int ashlar_encoding_add(encoding *state, int32_t id);
void ashlar_encoding_free(encoding *state);
/* An error once the budget is spent. */
int ashlar_out_of_budget(encoding *state);

/* Appends to what step `out` writes, within the limit. */
int ashlar_step_write(encoding *state, buffer *out, const void *bytes,
                      size_t count);

/* Rewrites `text` by a step that is no split, into memory of the step. */
int ashlar_rewrite(encoding *state, uint32_t step, piece *text);
int ashlar_rewrite_form(encoding *state, const ashlar_text_step *step,
                        buffer *out, const piece *text);
int ashlar_rewrite_charsmap(encoding *state, uint32_t step, buffer *out,
                            const piece *text);

/* Cuts normalized text by the steps from `step` on and adds the pieces' ids. */
int ashlar_encode_pieces(encoding *state, uint32_t step, piece text);

/*===-- Patterns ---------------------------------------------------------===*/

/* The matches of a step's pattern in a text, one after the other. */
typedef struct matches {
  uint32_t step;
  const ashlar_text_pattern *pattern;
  const uint16_t *pages;
  const uint16_t *classes;
  const uint16_t *transitions;
  const uint16_t *starts; /* null for a pattern that does not look behind */
  piece text;
  int by_bytes;    /* the pattern reads bytes */
  size_t letters;  /* of a text that a matcher reads */
  size_t letter;   /* the one at `at` */
  size_t at;       /* where the next match may begin */
  size_t last_end; /* of the last match, or NO_MATCH */
  size_t begin;    /* of the current match */
  size_t end;
} matches;

matches ashlar_matches(const encoding *state, uint32_t step, piece in);
/* Whether there is another match; -1 = an error. */
int ashlar_next_match(encoding *state, matches *scan);

/*===-- Look-ups and models ----------------------------------------------===*/

typedef struct trie {
  const uint32_t *first;
  const unsigned char *labels;
  const int32_t *values;
} trie;

trie ashlar_trie(const ashlar_text *text, const ashlar_text_trie *where);
/* The child of `node` by `label`; 0 when there is none. */
uint32_t ashlar_trie_child(const trie *in, uint32_t node, unsigned char label);

/* The id of the token with this text; ASHLAR_TEXT_NONE. A special token's name
   in a text is no more than text, unless special tokens are asked for. */
int32_t ashlar_find_token(const encoding *state, const unsigned char *bytes,
                          size_t count);
/* Adds the token for what the vocabulary lacks. */
int ashlar_add_unknown(encoding *state, const piece *text);
/* Adds one token for each byte; 0 = added, -1 = a byte has none, 1 = error. */
int ashlar_add_bytes(encoding *state, const unsigned char *bytes, size_t count);

int ashlar_encode_words(encoding *state, const piece *text);
int ashlar_encode_merges(encoding *state, const piece *text);
int ashlar_encode_wordpiece(encoding *state, const piece *text);
int ashlar_encode_unigram(encoding *state, const piece *text);

#endif /* ASHLAR_RUNTIME_TEXT_INTERNAL_H */
