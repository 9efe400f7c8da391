/*===- array.c - Arrays in memory ----------------------------------- C -*-===*/

#include "runtime/text/array.h"

#include <stdio.h>
#include <stdlib.h>

size_t ashlar_element_bytes(ashlar_element element) {
  switch (element) {
  case ASHLAR_BOOL:
    return 1;
  case ASHLAR_INT32:
  case ASHLAR_FLOAT32:
    return 4;
  case ASHLAR_INT64:
  case ASHLAR_FLOAT64:
    return 8;
  }
  return 8;
}

const char *ashlar_element_name(ashlar_element element) {
  static const char *const names[] = {"bool", "int32", "int64", "float32",
                                      "float64"};
  return names[element];
}

int64_t ashlar_array_count(const ashlar_array *array) {
  int64_t count = 1, limit = INT64_MAX / 8;
  /* A dimension of zero makes the whole product zero, whatever the others. */
  for (int32_t i = 0; i < array->rank; ++i)
    if (array->shape[i] == 0)
      return 0;
  for (int32_t i = 0; i < array->rank; ++i) {
    if (array->shape[i] < 0 || array->shape[i] > limit / count)
      return -1;
    count *= array->shape[i];
  }
  return count;
}

void ashlar_array_shape(const ashlar_array *array, char *text, size_t bytes) {
  size_t at = 0;
  for (int32_t i = 0; i < array->rank && at < bytes; ++i)
    at += (size_t)snprintf(text + at, bytes - at, "%s%lld", i ? ", " : "[",
                           (long long)array->shape[i]);
  if (at < bytes)
    snprintf(text + at, bytes - at, "%s", array->rank ? "]" : "[]");
}

int64_t ashlar_array_integer(const ashlar_array *array, int64_t index) {
  if (array->element == ASHLAR_BOOL)
    return ((const uint8_t *)array->data)[index] != 0;
  if (array->element == ASHLAR_INT32)
    return ((const int32_t *)array->data)[index];
  return ((const int64_t *)array->data)[index];
}

float ashlar_array_float(const ashlar_array *array, int64_t index) {
  if (array->element == ASHLAR_FLOAT32)
    return ((const float *)array->data)[index];
  return (float)((const double *)array->data)[index];
}

int ashlar_array_make(ashlar_array *array, ashlar_element element, int32_t rank,
                      const int64_t *shape, ashlar_error *error) {
  *array = (ashlar_array){.element = element, .rank = rank};
  for (int32_t i = 0; i < rank; ++i)
    array->shape[i] = shape[i];
  int64_t count = ashlar_array_count(array);
  if (count >= 0)
    array->data = calloc((size_t)count + 1, ashlar_element_bytes(element));
  if (array->data)
    return 0;
  char text[160];
  ashlar_array_shape(array, text, sizeof(text));
  return ashlar_fail(error, "out of memory for %s of %s",
                     ashlar_element_name(element), text);
}

void ashlar_array_free(ashlar_array *array) {
  free(array->data);
  *array = (ashlar_array){0};
}
