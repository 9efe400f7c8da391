/*===- ashlar_first.c - From opening a model to its first logits -----------===
 *
 *   cc -DHEADER='"MODEL.h"' ashlar_first.c MODEL.so -o first
 *   ./first TOKENS THREADS
 *
 * MODEL was compiled with --name=model. Prints {"milliseconds": time}.
 *
 *===---------------------------------------------------------------------===*/

#include HEADER
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

static void check(model_status status) {
  if (status == MODEL_OK)
    return;
  fprintf(stderr, "error: %s\n", model_status_text(status));
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  int32_t length = atoi(argv[1]);
  static int32_t ids[MODEL_MAX_TOKENS];
  static float logits[MODEL_HEAD_LOGITS_FEATURES];
  for (int32_t i = 0; i < MODEL_MAX_TOKENS; ++i)
    ids[i] = (i * 7919 + 13) % MODEL_VOCABULARY;
  double begin = now();
  model_model *model;
  model_session *session;
  model_session_options options = {.threads = atoi(argv[2])};
  check(model_open(NULL, &model));
  check(model_session_create(model, &options, &session));
  model_batch batch = {.sequences = 1, .lengths = &length, .ids = ids};
  check(model_decode(session, &batch));
  int32_t last = length - 1;
  check(model_head(session, MODEL_HEAD_LOGITS, &last, 1, logits,
                   MODEL_HEAD_LOGITS_FEATURES));
  printf("{\"milliseconds\": %.3f}\n", now() - begin);
  model_session_destroy(session);
  model_close(model);
}
