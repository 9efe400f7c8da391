/* A classifier inside a program. The weights lie beside a static library.
 *   ashlar compile examples/sentiment-bert -o sentiment.a
 *   cc -I. examples/c/embed_static.c sentiment.a -lm -lpthread -o classify
 *   ./classify sentiment.a.weights 2 164 79 184 21 39 110 5 3 */
#include "sentiment.h"
#include <stdio.h>
#include <stdlib.h>

static _Alignas(64) char arena[SENTIMENT_ARENA_BYTES]; /* the model's memory */

static void check(sentiment_status status) {
  if (status != SENTIMENT_OK)
    exit(fprintf(stderr, "%s\n", sentiment_status_text(status)) ? 1 : 2);
}

int main(int argc, char **argv) {
  sentiment_weights_source weights = {.path = argv[1], .descriptor = -1};
  sentiment_session_options options = {.arena = arena,
                                       .arena_bytes = sizeof(arena)};
  sentiment_model *model;
  sentiment_session *session;
  int32_t ids[SENTIMENT_MAX_TOKENS], length = 0;
  for (; length + 2 < argc && length < SENTIMENT_MAX_TOKENS; ++length)
    ids[length] = atoi(argv[length + 2]);
  sentiment_batch batch = {.sequences = 1, .lengths = &length, .ids = ids};
  float logits[SENTIMENT_HEAD_LOGITS_FEATURES];
  check(sentiment_open(&weights, &model));
  check(sentiment_session_create(model, &options, &session));
  check(sentiment_encode(session, &batch));
  check(sentiment_head(session, SENTIMENT_HEAD_LOGITS, NULL, 0, logits,
                       SENTIMENT_HEAD_LOGITS_FEATURES));
  puts(logits[1] > logits[0] ? "positive" : "negative");
  sentiment_session_destroy(session);
  sentiment_close(model);
}
