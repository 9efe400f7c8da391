/* A story from C: prints the token ids that follow the given ones.
 *   ashlar compile examples/story-llama -o story.so
 *   cc -I. examples/c/generate.c story.so -Wl,-rpath,'$ORIGIN' -o generate
 *   ./generate 1 512 47 481 */
#include "story.h"
#include <stdio.h>
#include <stdlib.h>

static void check(story_status status) {
  if (status != STORY_OK)
    exit(fprintf(stderr, "%s\n", story_status_text(status)) ? 1 : 2);
}

int main(int argc, char **argv) {
  story_model *model;
  story_session *session;
  int32_t ids[STORY_MAX_TOKENS], length = 0, token = -1;
  for (; length + 1 < argc && length < STORY_MAX_TOKENS; ++length)
    ids[length] = atoi(argv[length + 1]);
  check(story_open(NULL, &model));
  check(story_session_create(model, NULL, &session));
  for (; token != 2; ids[0] = token, length = 1) { /* 2 ends the text */
    float logits[STORY_HEAD_LOGITS_FEATURES];
    int32_t last = length - 1; /* row of this call */
    story_batch batch = {.sequences = 1, .lengths = &length, .ids = ids};
    check(story_decode(session, &batch));
    check(story_head(session, STORY_HEAD_LOGITS, &last, 1, logits,
                     STORY_HEAD_LOGITS_FEATURES));
    token = 0;
    for (int32_t i = 1; i < STORY_HEAD_LOGITS_FEATURES; ++i)
      token = logits[i] > logits[token] ? i : token;
    printf("%d\n", token);
  }
  story_session_destroy(session);
  story_close(model);
}
