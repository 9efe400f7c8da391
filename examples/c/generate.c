/*===- generate.c - A story from C ------------------------------------ C -*-===*\
|*
|*   ashlar compile examples/story-llama -o story.so
|*   cc -I. examples/c/generate.c story.so -Wl,-rpath,'$ORIGIN' -o generate
|*   ./generate 1 512 47 481
|*
|* Takes token ids and prints those that follow, until the end token (2).
|*
\*===----------------------------------------------------------------------===*/

#include "story.h"

#include <stdio.h>
#include <stdlib.h>

static story_status status;

#define TRY(call)                                                              \
  if ((status = (call)) != STORY_OK)                                           \
  return fprintf(stderr, "%s\n", story_status_text(status)), 1

int main(int argc, char **argv) {
  story_model *model;
  story_session *session;
  story_session_options options = {0};
  int32_t ids[STORY_MAX_CONTEXT], length = 0;
  for (; length + 1 < argc && length < STORY_MAX_TOKENS; ++length)
    ids[length] = atoi(argv[length + 1]);
  TRY(story_open(NULL, &model));
  TRY(story_session_create(model, &options, &session));
  for (int32_t token = -1; token != 2;) {
    float logits[STORY_HEAD_LOGITS_FEATURES];
    int32_t last = length - 1; /* row of the call */
    story_batch batch = {.sequences = 1, .lengths = &length, .ids = ids};
    TRY(story_decode(session, &batch));
    TRY(story_head(session, STORY_HEAD_LOGITS, &last, 1, logits,
                   STORY_HEAD_LOGITS_FEATURES));
    token = 0;
    for (int32_t i = 1; i < STORY_HEAD_LOGITS_FEATURES; ++i)
      token = logits[i] > logits[token] ? i : token;
    printf("%d\n", token);
    ids[0] = token; /* the session keeps what came before */
    length = 1;
  }
  story_session_destroy(session);
  story_close(model);
  return 0;
}
