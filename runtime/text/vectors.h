/*===- vectors.h - Arrays of vectors as rows of tokens -------------- C -*-===*\
|*
|* A stack without token ids reads vectors: one for each token, or several of
|* which a stem makes one (plan.vector_rows; then they are frames). Arrays of
|* them are [batch, length, features], or [batch, features, length] where the
|* plan says so. Or it reads images [batch, channels, height, width], which make
|* a fixed number of tokens each.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_VECTORS_H
#define ASHLAR_RUNTIME_TEXT_VECTORS_H

#include "runtime/abi.h"
#include "runtime/text/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Floats of a token. */
static inline int64_t ashlar_vectors_size(const ashlar_stack_plan *stack) {
  return stack->vector_rows * stack->vector_features;
}

/* Checks type and shape; *tokens becomes how many there are of each sequence.
   `name` is the array's in the error. */
int ashlar_vectors_check(const ashlar_stack_plan *stack, const char *name,
                         const ashlar_array *array, int64_t *tokens,
                         ashlar_error *error);

/* Copies tokens [first, first + count) of sequence `row` of a checked array to
   `to`, one vector behind the other. (An image is read by its caller.) */
void ashlar_vectors_read(const ashlar_stack_plan *stack,
                         const ashlar_array *array, int64_t row, int64_t first,
                         int64_t count, float *to);

/* The error of more tokens than the artifact takes; `option` of compile says
   how many. */
int ashlar_vectors_too_many(const ashlar_stack_plan *stack, const char *name,
                            int64_t tokens, int64_t most, const char *option,
                            ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_VECTORS_H */
