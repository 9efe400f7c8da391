/*===- text.h - Text to token ids and back -------------------------- C -*-===*\
|*
|* Reads the blob of tables.h in place. `ashlar_text_open` checks every offset
|* and index in it once; after that no input can make the functions below read
|* or write out of bounds. They are pure: any number of threads may share an
|* opened blob.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_TEXT_H
#define ASHLAR_RUNTIME_TEXT_TEXT_H

#include "runtime/text/error.h"
#include "runtime/text/tables.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASHLAR_TEXT_MAX_BYTES (1u << 28) /* of one text */

/* What finds the patterns that tables cannot follow. Executables have none. */
typedef struct ashlar_text_matcher {
  /* The first match of the pattern of a step in letters[0, count) that begins
     at `at` or behind it: 1 = letters [*begin, *end), 0 = there is none, -1 =
     error. *budget is what may still be done, in steps; spent, it is 0 and the
     answer -1. Any number of threads may call it at a time. */
  int (*find)(const void *user, uint32_t step, const uint32_t *letters,
              size_t count, size_t at, uint64_t *budget, size_t *begin,
              size_t *end, ashlar_error *error);
  const void *user;
} ashlar_text_matcher;

typedef struct ashlar_text {
  const unsigned char *blob;
  const ashlar_text_header *header;
  const ashlar_text_matcher *matcher; /* null; or set by who opens it */
} ashlar_text;

/* The blob must stay in place as long as `text` is used, as must a matcher. */
int ashlar_text_open(const void *blob, size_t bytes, ashlar_text *text,
                     ashlar_error *error);

/* Whether the model has a tokenizer; else it takes and gives ids alone. */
int ashlar_text_has_tokenizer(const ashlar_text *text);

/* Whether texts can become ids: 0 = yes; else an error that says why not, and
   to give token ids. Ids of a model with a tokenizer become text all the same.
 */
int ashlar_text_check_reads(const ashlar_text *text, ashlar_error *error);

enum ashlar_text_flag {
  /* Special tokens (such as "</s>") in the text become themselves. Without this
     flag they are text like any other. */
  ASHLAR_TEXT_SPECIAL = 1
};

typedef struct ashlar_tokens {
  int32_t *ids;   /* [count] */
  int32_t *types; /* [count] */
  size_t count;
} ashlar_tokens;

/* The text's token ids and types, those of the template around it among them,
   in memory from malloc; ashlar_tokens_free gives it back. Bytes that are no
   UTF-8 count as U+FFFD. */
int ashlar_text_tokens(const ashlar_text *text, const char *input, size_t bytes,
                       unsigned flags, ashlar_tokens *tokens,
                       ashlar_error *error);
/* The same; with `most` above 0 the text's own tokens give way at their end
   where there would be more in all. */
int ashlar_text_tokens_within(const ashlar_text *text, const char *input,
                              size_t bytes, unsigned flags, size_t most,
                              ashlar_tokens *tokens, ashlar_error *error);
void ashlar_tokens_free(ashlar_tokens *tokens);

/* Receives text in parts. */
typedef void (*ashlar_text_sink)(void *user, const char *bytes, size_t count);

/* Gives `sink` what the normalizer makes of valid UTF-8. */
int ashlar_text_normalize(const ashlar_text *text, const char *input,
                          size_t bytes, ashlar_text_sink sink, void *user,
                          ashlar_error *error);

/* Turns ids into text one by one. */
typedef struct ashlar_text_decoder {
  const ashlar_text *text;
  int started;    /* a token has been written */
  int run_is_bad; /* the byte tokens before the held ones were no UTF-8 */
  uint32_t strip; /* characters that may still be left out at the beginning */
  int waits;      /* `waiting` may be the last token */
  int32_t waiting;
  unsigned held_count;
  unsigned char held[64]; /* bytes that wait for the rest of a character */
} ashlar_text_decoder;

void ashlar_text_decoder_init(ashlar_text_decoder *decoder,
                              const ashlar_text *text);

/* Gives `sink` what `id` adds to the text: nothing for special tokens and for
   ids that no token has. Where the last token counts, a token's text comes with
   the next one. */
void ashlar_text_decode(ashlar_text_decoder *decoder, int32_t id,
                        ashlar_text_sink sink, void *user);

/* Gives `sink` what is still held back: the last token's text, and parts of
   characters, as U+FFFD. To be called once behind the last token. */
void ashlar_text_decode_end(ashlar_text_decoder *decoder, ashlar_text_sink sink,
                            void *user);

/* A token's bytes as the model meets them; null for an id that no token has. */
const char *ashlar_text_token_bytes(const ashlar_text *text, int32_t id,
                                    size_t *bytes);

/* The name of class `index`; null when the model names none. */
const char *ashlar_text_label(const ashlar_text *text, int64_t index,
                              size_t *bytes);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_TEXT_H */
