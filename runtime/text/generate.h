/*===- generate.h - Greedy decoding --------------------------------- C -*-===*\
|*
|* Repeats the most likely token (the lowest id among equals) until an end
token,
|* the length that was asked for, or the end of the context. Works on slot 0 of
a
|* session whose other slots it leaves alone.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_GENERATE_H
#define ASHLAR_RUNTIME_TEXT_GENERATE_H

#include "runtime/text/model.h"
#include "runtime/text/text.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ashlar_stop {
  ASHLAR_STOP_END_TOKEN = 0,
  ASHLAR_STOP_LENGTH = 1,  /* max_new_tokens, or the model's max_length */
  ASHLAR_STOP_CONTEXT = 2, /* max_context */
  ASHLAR_STOP_CALLER = 3   /* on_token said so */
} ashlar_stop;

typedef struct ashlar_generation {
  /* The text to continue, or an encoder-decoder's source. */
  const int32_t *prompt;
  size_t prompt_count;
  /* What an encoder-decoder's output begins with; null = the model's
     decoder_start_token_id. */
  const int32_t *decoder_ids;
  size_t decoder_count;
  int64_t max_new_tokens; /* negative = the model's own, or until the context is
                             full */
  int ignore_end_tokens;
  /* Called with every new token, the end token too; nonzero ends it. May be
   * null. */
  int (*on_token)(void *user, int32_t id);
  void *user;
} ashlar_generation;

typedef struct ashlar_generated {
  size_t count; /* new tokens */
  ashlar_stop stop;
} ashlar_generated;

int ashlar_generate(const ashlar_api *api, ashlar_session *session,
                    const ashlar_text *text, const ashlar_generation *request,
                    ashlar_generated *result, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_GENERATE_H */
