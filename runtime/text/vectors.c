/*===- vectors.c - Arrays of vectors as rows of tokens -------------- C -*-===*/

#include "runtime/text/vectors.h"

static int check_images(const ashlar_image_plan *image, const char *name,
                        const ashlar_array *array, const char *shape,
                        ashlar_error *error) {
  if (array->rank == 4 && array->shape[1] == image->channels &&
      array->shape[2] == image->height && array->shape[3] == image->width)
    return 0;
  return ashlar_fail(
      error,
      "%s: shape %s; expected [batch, %lld, %lld, %lld] (channels, height, "
      "width): the table of positions is for that size",
      name, shape, (long long)image->channels, (long long)image->height,
      (long long)image->width);
}

int ashlar_vectors_check(const ashlar_stack_plan *stack, const char *name,
                         const ashlar_array *array, int64_t *tokens,
                         ashlar_error *error) {
  char shape[160];
  ashlar_array_shape(array, shape, sizeof(shape));
  if (array->element != ASHLAR_FLOAT32 && array->element != ASHLAR_FLOAT64)
    return ashlar_fail(error,
                       "%s: elements are %s; expected float32 or "
                       "float64",
                       name, ashlar_element_name(array->element));
  if (stack->image.channels > 0) {
    *tokens = stack->image.rows;
    return check_images(&stack->image, name, array, shape, error);
  }
  int by_feature = stack->vectors_by_feature != 0;
  if (array->rank != 3 ||
      array->shape[by_feature ? 1 : 2] != stack->vector_features)
    return ashlar_fail(error,
                       by_feature ? "%s: shape %s; expected [batch, %lld, "
                                    "length]"
                                  : "%s: shape %s; expected [batch, length, "
                                    "%lld]",
                       name, shape, (long long)stack->vector_features);
  int64_t length = array->shape[by_feature ? 2 : 1];
  if (length % stack->vector_rows != 0)
    return ashlar_fail(error,
                       "%s: shape %s has %lld frames; expected a multiple of "
                       "%lld",
                       name, shape, (long long)length,
                       (long long)stack->vector_rows);
  *tokens = length / stack->vector_rows;
  return 0;
}

void ashlar_vectors_read(const ashlar_stack_plan *stack,
                         const ashlar_array *array, int64_t row, int64_t first,
                         int64_t count, float *to) {
  int64_t features = stack->vector_features;
  int64_t begin = first * stack->vector_rows;
  int64_t end = begin + count * stack->vector_rows;
  int by_feature = stack->vectors_by_feature != 0;
  int64_t length = array->shape[by_feature ? 2 : 1];
  for (int64_t i = begin; i < end; ++i)
    for (int64_t j = 0; j < features; ++j)
      *to++ = ashlar_array_float(
          array, by_feature ? (row * features + j) * length + i
                            : (row * length + i) * features + j);
}

int ashlar_vectors_too_many(const ashlar_stack_plan *stack, const char *name,
                            int64_t tokens, int64_t most, const char *option,
                            ashlar_error *error) {
  long long per_token = (long long)stack->vector_rows;
  if (stack->positions > 0 && most >= stack->positions)
    return ashlar_fail(error, "%s has %lld frames; the model takes %lld", name,
                       (long long)tokens * per_token,
                       (long long)most * per_token);
  return ashlar_fail(error,
                     "%s has %lld frames; the artifact takes %lld at most (%s "
                     "of compile counts %lld as one)",
                     name, (long long)tokens * per_token,
                     (long long)most * per_token, option, per_token);
}
