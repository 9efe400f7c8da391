/*===- array.h - Arrays and .npy files ------------------------------ C -*-===*\
|*
|* Versions 1 to 3, C and Fortran order, bool, int32, int64, float32 and
|* float64. In memory an array is always in C order and in this machine's byte
|* order.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_ARRAY_H
#define ASHLAR_RUNTIME_TEXT_ARRAY_H

#include "runtime/text/error.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASHLAR_MAX_RANK 8

typedef enum ashlar_element {
  ASHLAR_BOOL = 0,
  ASHLAR_INT32 = 1,
  ASHLAR_INT64 = 2,
  ASHLAR_FLOAT32 = 3,
  ASHLAR_FLOAT64 = 4
} ashlar_element;

typedef struct ashlar_array {
  ashlar_element element;
  int32_t rank;
  int64_t shape[ASHLAR_MAX_RANK];
  void *data;
} ashlar_array;

typedef struct ashlar_named_array {
  const char *name;
  ashlar_array array;
} ashlar_named_array;

size_t ashlar_element_bytes(ashlar_element element);
const char *ashlar_element_name(ashlar_element element);

/* The number of elements; -1 when it, or the bytes, outgrow int64. */
int64_t ashlar_array_count(const ashlar_array *array);
/* "[2, 17]" into `text`. */
void ashlar_array_shape(const ashlar_array *array, char *text, size_t bytes);

/* Element `index` of an integer or bool array. */
int64_t ashlar_array_integer(const ashlar_array *array, int64_t index);
/* Element `index` of a float array. */
float ashlar_array_float(const ashlar_array *array, int64_t index);

/* Memory for `array` of the given shape, all zero. */
int ashlar_array_make(ashlar_array *array, ashlar_element element, int32_t rank,
                      const int64_t *shape, ashlar_error *error);
void ashlar_array_free(ashlar_array *array);

/* Errors do not name the file: the caller does. */
int ashlar_npy_read(const char *path, ashlar_array *array, ashlar_error *error);

/* Writes arrays[i] to paths[i]: all the files, or none of them. */
int ashlar_npy_write(const char *const *paths, const ashlar_array *arrays,
                     size_t count, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_ARRAY_H */
