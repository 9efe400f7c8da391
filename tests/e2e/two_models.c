/*===- two_models.c - Two models in one program ----------------------- C -*-===*\
|*
|* Catches names that two artifacts share: it links an object and a static
|* library, and both answer.
|*
\*===----------------------------------------------------------------------===*/

#include "calculator.h"
#include "sentiment.h"

#include <stdio.h>

/* "1+649=" --> "6" */
static int calculate(const char *weights) {
  calculator_weights_source source = {.path = weights, .descriptor = -1};
  calculator_session_options options = {.threads = 2};
  int32_t ids[] = {1, 10, 6, 4, 9, 12}, length = 6, last = 5, best = 0;
  calculator_batch batch = {.sequences = 1, .lengths = &length, .ids = ids};
  float logits[CALCULATOR_HEAD_LOGITS_FEATURES];
  calculator_model *model;
  calculator_session *session;
  if (calculator_open(&source, &model) ||
      calculator_session_create(model, &options, &session) ||
      calculator_decode(session, &batch) ||
      calculator_head(session, CALCULATOR_HEAD_LOGITS, &last, 1, logits,
                      CALCULATOR_HEAD_LOGITS_FEATURES))
    return -1;
  for (int32_t i = 1; i < CALCULATOR_HEAD_LOGITS_FEATURES; ++i)
    best = logits[i] > logits[best] ? i : best;
  calculator_session_destroy(session);
  calculator_close(model);
  return best;
}

/* "the food was anything but lovely!" --> 0, negative */
static int classify(const char *weights) {
  sentiment_weights_source source = {.path = weights, .descriptor = -1};
  sentiment_session_options options = {.threads = 2};
  int32_t ids[] = {2, 164, 79, 184, 21, 39, 110, 5, 3}, length = 9;
  sentiment_batch batch = {.sequences = 1, .lengths = &length, .ids = ids};
  float logits[SENTIMENT_HEAD_LOGITS_FEATURES];
  sentiment_model *model;
  sentiment_session *session;
  if (sentiment_open(&source, &model) ||
      sentiment_session_create(model, &options, &session) ||
      sentiment_encode(session, &batch) ||
      sentiment_head(session, SENTIMENT_HEAD_LOGITS, NULL, 0, logits,
                     SENTIMENT_HEAD_LOGITS_FEATURES))
    return -1;
  sentiment_session_destroy(session);
  sentiment_close(model);
  return logits[1] > logits[0];
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  printf("%d %d\n", calculate(argv[1]), classify(argv[2]));
  return 0;
}
