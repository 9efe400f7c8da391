/* Classifies images: reads float32 [count, channels, height, width] from
   standard input and prints the logits of each image. */
#include "vit.h"
#include <stdio.h>
#include <stdlib.h>

enum {
  IMAGE = VIT_IMAGE_CHANNELS * VIT_IMAGE_HEIGHT * VIT_IMAGE_WIDTH,
  CLASSES = VIT_HEAD_LOGITS_FEATURES
};

static float pixels[VIT_MAX_IMAGES + 1][IMAGE];
static float logits[VIT_MAX_IMAGES + 1][CLASSES];

static void check(vit_status status) {
  if (status != VIT_OK) {
    fprintf(stderr, "%s\n", vit_status_text(status));
    exit(1);
  }
}

/* What a caller can get wrong with images. */
static void check_refusals(vit_session *session) {
  int32_t short_rows = VIT_IMAGE_ROWS - 1, ids[VIT_IMAGE_ROWS] = {0};
  vit_batch none = {.sequences = 1};
  vit_batch with_ids = {.sequences = 1, .pixel_values = pixels[0], .ids = ids};
  vit_batch with_vectors = {
      .sequences = 1, .pixel_values = pixels[0], .vectors = pixels[0]};
  vit_batch cut = {
      .sequences = 1, .pixel_values = pixels[0], .lengths = &short_rows};
  vit_batch many = {.sequences = VIT_MAX_IMAGES + 1, .pixel_values = pixels[0]};
  if (vit_encode(session, &none) != VIT_INVALID_ARGUMENT ||
      vit_encode(session, &with_ids) != VIT_NOT_SUPPORTED ||
      vit_encode(session, &with_vectors) != VIT_NOT_SUPPORTED ||
      vit_encode(session, &cut) != VIT_INVALID_ARGUMENT ||
      vit_encode(session, &many) == VIT_OK)
    exit(3);
}

int main(void) {
  vit_model *model;
  vit_session *session;
  vit_session_options options = {.threads = 2};
  int32_t count = 0;
  while (count < VIT_MAX_IMAGES &&
         fread(pixels[count], sizeof(float), IMAGE, stdin) == IMAGE)
    ++count;
  check(vit_open(NULL, &model));
  check(vit_session_create(model, &options, &session));
  check_refusals(session);
  vit_batch batch = {.sequences = count, .pixel_values = pixels[0]};
  check(vit_encode(session, &batch));
  check(vit_head(session, VIT_HEAD_LOGITS, NULL, 0, logits[0],
                 (size_t)(count * CLASSES)));
  for (int32_t i = 0; i < count; ++i)
    for (int32_t j = 0; j < CLASSES; ++j)
      printf("%.9g\n", (double)logits[i][j]);
  vit_session_destroy(session);
  vit_close(model);
  return 0;
}
