/*===- embed_static.c - A classifier inside a program ----------------- C -*-===*\
|*
|*   ashlar compile examples/sentiment-bert -o sentiment.a
|*   cc -I. examples/c/embed_static.c sentiment.a -lm -lpthread -o classify
|*   ./classify sentiment.a.weights 2 164 79 184 21 39 110 5 3
|*
|* The weights lie beside a static library. Here the program supplies the memory
|* too, so that the model allocates nothing but its few handles.
|*
\*===----------------------------------------------------------------------===*/

#include "sentiment.h"

#include <stdio.h>
#include <stdlib.h>

static _Alignas(64) char arena[SENTIMENT_ARENA_BYTES];
static _Alignas(64) char cache[SENTIMENT_CACHE_BYTES + 64];

static int fail(sentiment_status status) {
  fprintf(stderr, "%s\n", sentiment_status_text(status));
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 3)
    return fputs("usage: classify WEIGHTS ID...\n", stderr), 2;
  sentiment_weights_source source = {.path = argv[1], .descriptor = -1};
  sentiment_session_options options = {.threads = 1,
                                       .arena = arena,
                                       .arena_bytes = sizeof(arena),
                                       .cache = cache,
                                       .cache_bytes = sizeof(cache)};
  int32_t ids[SENTIMENT_MAX_TOKENS], length = 0;
  for (; length + 2 < argc && length < SENTIMENT_MAX_TOKENS; ++length)
    ids[length] = atoi(argv[length + 2]);
  sentiment_batch batch = {.sequences = 1, .lengths = &length, .ids = ids};
  float logits[SENTIMENT_HEAD_LOGITS_FEATURES];
  sentiment_model *model;
  sentiment_session *session;
  sentiment_status status = sentiment_open(&source, &model);
  if (status != SENTIMENT_OK)
    return fail(status);
  if ((status = sentiment_session_create(model, &options, &session)) ||
      (status = sentiment_encode(session, &batch)) ||
      (status = sentiment_head(session, SENTIMENT_HEAD_LOGITS, NULL, 0, logits,
                               SENTIMENT_HEAD_LOGITS_FEATURES)))
    return fail(status);
  puts(logits[1] > logits[0] ? "positive" : "negative");
  sentiment_session_destroy(session);
  sentiment_close(model);
  return 0;
}
