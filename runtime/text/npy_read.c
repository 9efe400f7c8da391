/*===- npy_read.c - .npy files to arrays ---------------------------- C -*-===*/

#define _DEFAULT_SOURCE
#define _FILE_OFFSET_BITS 64

#include "runtime/text/array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_HEADER (1 << 20)

/* The header: a dictionary in Python's notation. */
typedef struct cursor {
  const char *at;
  const char *end;
} cursor;

static void skip_space(cursor *in) {
  while (in->at < in->end && strchr(" \t\n\r", *in->at) && *in->at)
    ++in->at;
}

static int accept(cursor *in, const char *text) {
  skip_space(in);
  size_t length = strlen(text);
  if ((size_t)(in->end - in->at) < length || memcmp(in->at, text, length) != 0)
    return 0;
  in->at += length;
  return 1;
}

/* 'text' or "text" into `out`, without escapes. */
static int read_string(cursor *in, char *out, size_t bytes) {
  skip_space(in);
  if (in->at == in->end || (*in->at != '\'' && *in->at != '"'))
    return 0;
  char quote = *in->at++;
  size_t length = 0;
  while (in->at < in->end && *in->at != quote && length + 1 < bytes)
    out[length++] = *in->at++;
  out[length] = 0;
  return in->at < in->end && *in->at++ == quote;
}

/* (3, 4), (3,) or (). */
static int read_shape(cursor *in, ashlar_array *array) {
  if (!accept(in, "("))
    return 0;
  array->rank = 0;
  while (!accept(in, ")")) {
    if (array->rank == ASHLAR_MAX_RANK)
      return 0;
    int64_t value = 0;
    const char *first = in->at;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; ++in->at) {
      if (value > (INT64_MAX - 9) / 10)
        return 0;
      value = 10 * value + (*in->at - '0');
    }
    if (in->at == first)
      return 0;
    array->shape[array->rank++] = value;
    if (accept(in, ","))
      continue;
    return accept(in, ")");
  }
  return 1;
}

static int element_of(const char *name, ashlar_element *element) {
  static const struct {
    const char *name;
    ashlar_element element;
  } known[] = {{"|b1", ASHLAR_BOOL},    {"?", ASHLAR_BOOL},
               {"<i4", ASHLAR_INT32},   {"<i8", ASHLAR_INT64},
               {"<f4", ASHLAR_FLOAT32}, {"<f8", ASHLAR_FLOAT64}};
  for (size_t i = 0; i < sizeof(known) / sizeof(*known); ++i)
    if (strcmp(known[i].name, name) == 0) {
      *element = known[i].element;
      return 1;
    }
  return 0;
}

/* Reads the three entries, each once; `fortran` and `array` are filled in. */
static int read_header(cursor *in, ashlar_array *array, int *fortran,
                       ashlar_error *error) {
  enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
  int seen = 0;
  char descr[64] = "";
  int sound = accept(in, "{");
  while (sound && !accept(in, "}")) {
    char key[32];
    int entry = 0;
    sound = read_string(in, key, sizeof(key)) && accept(in, ":");
    if (sound && strcmp(key, "descr") == 0) {
      entry = DESCR;
      sound = read_string(in, descr, sizeof(descr));
    } else if (sound && strcmp(key, "fortran_order") == 0) {
      entry = ORDER;
      *fortran = accept(in, "True");
      sound = *fortran || accept(in, "False");
    } else if (sound && strcmp(key, "shape") == 0) {
      entry = SHAPE;
      sound = read_shape(in, array);
    }
    sound = sound && entry && !(seen & entry);
    seen |= entry;
    if (sound && !accept(in, ",")) {
      sound = accept(in, "}");
      break;
    }
  }
  skip_space(in);
  if (!sound || seen != (DESCR | ORDER | SHAPE) || in->at != in->end)
    return ashlar_fail(error,
                       "no .npy header of a plain array (of at most %d "
                       "dimensions)",
                       ASHLAR_MAX_RANK);
  if (!element_of(descr, &array->element))
    return ashlar_fail(error,
                       "elements of type \"%s\"; supported: bool, int32, "
                       "int64, float32, float64, little-endian",
                       descr);
  return 0;
}

/* Elements in Fortran order, brought into C order. */
static int reorder(ashlar_array *array, int64_t count, ashlar_error *error) {
  size_t size = ashlar_element_bytes(array->element);
  const char *from = array->data;
  char *to = malloc((size_t)count * size + 1);
  if (!to)
    return ashlar_fail(error, "out of memory for %lld elements",
                       (long long)count);
  int64_t index[ASHLAR_MAX_RANK] = {0};
  for (int64_t i = 0; i < count; ++i) {
    int64_t source = 0;
    for (int32_t d = array->rank - 1; d >= 0; --d)
      source = source * array->shape[d] + index[d];
    memcpy(to + (size_t)i * size, from + (size_t)source * size, size);
    for (int32_t d = array->rank - 1; d >= 0; --d) {
      if (++index[d] < array->shape[d])
        break;
      index[d] = 0;
    }
  }
  free(array->data);
  array->data = to;
  return 0;
}

static int read_exactly(int file, void *out, size_t bytes,
                        ashlar_error *error) {
  for (size_t at = 0; at < bytes;) {
    ssize_t got = read(file, (char *)out + at, bytes - at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return ashlar_fail(error, "%s", strerror(errno));
    if (got == 0)
      return ashlar_fail(error, "the file is truncated");
    at += (size_t)got;
  }
  return 0;
}

static int read_preamble(int file, size_t *header, size_t *begin,
                         ashlar_error *error) {
  unsigned char start[12];
  if (read_exactly(file, start, 10, error))
    return 1;
  if (memcmp(start, "\x93NUMPY", 6) != 0)
    return ashlar_fail(error, "no .npy file");
  if (start[6] < 1 || start[6] > 3)
    return ashlar_fail(error, "version %d of .npy; supported: 1 to 3",
                       start[6]);
  *header = start[8] | (size_t)start[9] << 8;
  *begin = 10;
  if (start[6] > 1) {
    if (read_exactly(file, start + 10, 2, error))
      return 1;
    *header |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    *begin = 12;
  }
  if (*header > MAX_HEADER)
    return ashlar_fail(error, "header of %zu bytes; at most %d are supported",
                       *header, MAX_HEADER);
  return 0;
}

static int read_data(int file, int64_t size, ashlar_array *array, int fortran,
                     ashlar_error *error) {
  int64_t count = ashlar_array_count(array);
  int64_t bytes =
      count < 0 ? -1 : count * (int64_t)ashlar_element_bytes(array->element);
  if (bytes != size) {
    char shape[160];
    ashlar_array_shape(array, shape, sizeof(shape));
    return ashlar_fail(error, "%lld bytes of data; %s of %s is not that long",
                       (long long)size, ashlar_element_name(array->element),
                       shape);
  }
  array->data = malloc((size_t)bytes + 1);
  if (!array->data)
    return ashlar_fail(error, "out of memory for %lld bytes", (long long)bytes);
  if (read_exactly(file, array->data, (size_t)bytes, error))
    return 1;
  return fortran && array->rank > 1 ? reorder(array, count, error) : 0;
}

static int read_file(int file, ashlar_array *array, ashlar_error *error) {
  /* A pipe cannot be sought, a device has no size. */
  off_t size = lseek(file, 0, SEEK_END);
  if (size < 0 || lseek(file, 0, SEEK_SET) != 0)
    return ashlar_fail(error, "not a regular file");
  size_t header, begin;
  if (read_preamble(file, &header, &begin, error))
    return 1;
  char *text = malloc(header + 1);
  if (!text)
    return ashlar_fail(error, "out of memory for the header");
  int fortran = 0;
  cursor in = {text, text + header};
  int failed = read_exactly(file, text, header, error) ||
               read_header(&in, array, &fortran, error);
  free(text);
  return failed || read_data(file, (int64_t)size - (int64_t)(begin + header),
                             array, fortran, error);
}

int ashlar_npy_read(const char *path, ashlar_array *array,
                    ashlar_error *error) {
  *array = (ashlar_array){0};
  /* Opening a pipe that nobody writes to must not wait. */
  int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0)
    return ashlar_fail(error, "%s", strerror(errno));
  int failed = read_file(file, array, error);
  close(file);
  if (failed)
    ashlar_array_free(array);
  return failed;
}
