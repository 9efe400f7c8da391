/*===- patches.h - Images as rows ----------------------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_PATCHES_H
#define ASHLAR_RUNTIME_PATCHES_H

#include "runtime/abi.h"

#include <string.h>

/* Floats of an image. */
static inline int64_t ashlar_image_floats(const ashlar_image_plan *image) {
  return image->channels * image->height * image->width;
}

/* `pixels` [channels, height, width] as image->rows rows of `stride` floats:
   zeros for the prefix, then each patch [channels, patch_height, patch_width],
   line by line of patches. What is behind a patch in its row becomes zero. */
static inline void ashlar_unfold_image(const ashlar_image_plan *image,
                                       const float *pixels, float *rows,
                                       int64_t stride) {
  const int64_t across = image->width / image->patch_width;
  const size_t line = (size_t)image->patch_width * sizeof(float);
  memset(rows, 0, (size_t)(image->rows * stride) * sizeof(float));
  for (int64_t row = image->prefix; row < image->rows; ++row) {
    const int64_t patch = row - image->prefix;
    const int64_t top = patch / across * image->patch_height;
    const int64_t left = patch % across * image->patch_width;
    float *to = rows + row * stride;
    for (int64_t channel = 0; channel < image->channels; ++channel)
      for (int64_t y = 0; y < image->patch_height; ++y) {
        memcpy(to,
               pixels + (channel * image->height + top + y) * image->width +
                   left,
               line);
        to += image->patch_width;
      }
  }
}

#endif /* ASHLAR_RUNTIME_PATCHES_H */
