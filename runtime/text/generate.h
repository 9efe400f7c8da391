/*===- generate.h - Token after token ------------------------------- C -*-===*\
|*
|* Appends tokens until an end token, the length that was asked for, or the end
|* of the context: each the most likely one (the lowest id among equals), or one
|* that is drawn (sample.h).
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_GENERATE_H
#define ASHLAR_RUNTIME_TEXT_GENERATE_H

#include "runtime/text/model.h"
#include "runtime/text/sample.h"
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
  /* The source of a model that reads vectors, of prompt_count tokens
     (vectors.h); the prompt is null then. */
  const float *vectors;
  /* What an encoder-decoder's output begins with; null = the model's
     decoder_start_token_id. */
  const int32_t *decoder_ids;
  size_t decoder_count;
  int64_t max_new_tokens; /* negative = the model's own, or until the context is
                             full */
  int ignore_end_tokens;  /* the model's; not those that follow */
  const int32_t *stop_ids;
  size_t stop_count;
  ashlar_sampling sampling;
  uint64_t stream; /* of random numbers: each prompt of a command has its own */
  /* Called with every new token, the end token too; nonzero ends it. May be
   * null. */
  int (*on_token)(void *user, int32_t id);
  void *user;
} ashlar_generation;

typedef struct ashlar_generated {
  size_t count; /* new tokens */
  ashlar_stop stop;
  int done; /* it came to its end; else an error came first */
} ashlar_generated;

/* Works on slot 0 of the session and leaves the others alone. */
int ashlar_generate(const ashlar_api *api, ashlar_session *session,
                    const ashlar_text *text, const ashlar_generation *request,
                    ashlar_generated *result, ashlar_error *error);

/* The same for `count` requests, as many at a time as the session has slots; a
   request that ends makes room for the next one. Each gets the tokens that it
   would get alone. When one of them cannot begin, those before it still come to
   their ends. */
int ashlar_generate_all(const ashlar_api *api, ashlar_session *session,
                        const ashlar_text *text,
                        const ashlar_generation *requests, size_t count,
                        ashlar_generated *results, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_GENERATE_H */
