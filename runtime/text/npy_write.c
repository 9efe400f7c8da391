/*===- npy_write.c - Arrays to .npy files --------------------------- C -*-===*/

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define _FILE_OFFSET_BITS 64

#include "runtime/text/array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int write_all(int file, const void *bytes, size_t count) {
  for (size_t at = 0; at < count;) {
    ssize_t done = write(file, (const char *)bytes + at, count - at);
    if (done < 0 && errno != EINTR)
      return 1;
    at += done > 0 ? (size_t)done : 0;
  }
  return 0;
}

/* Version 1, C order, the data at a multiple of 64 bytes. */
static int write_array(int file, const ashlar_array *array) {
  static const char *const types[] = {"|b1", "<i4", "<i8", "<f4", "<f8"};
  char shape[256] = "", header[512] = "\x93NUMPY\x01";
  size_t at = 0;
  for (int32_t i = 0; i < array->rank; ++i)
    at += (size_t)snprintf(shape + at, sizeof(shape) - at, "%lld,%s",
                           (long long)array->shape[i],
                           i + 1 < array->rank ? " " : "");
  /* (3, 4) and (3,): only a single dimension keeps its comma. */
  if (array->rank > 1)
    shape[at - 1] = 0;
  int length =
      snprintf(header + 10, sizeof(header) - 10,
               "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
               types[array->element], shape);
  size_t bytes = 10 + (size_t)length;
  for (; (bytes + 1) % 64 != 0; ++bytes)
    header[bytes] = ' ';
  header[bytes++] = '\n';
  header[8] = (char)((bytes - 10) & 255);
  header[9] = (char)((bytes - 10) >> 8);
  return write_all(file, header, bytes) ||
         write_all(file, array->data,
                   (size_t)ashlar_array_count(array) *
                       ashlar_element_bytes(array->element));
}

/* A file beside `path` that did not exist before; its name in `name`. */
static int create_beside(const char *path, char **name) {
  size_t bytes = strlen(path) + 32;
  *name = malloc(bytes);
  if (!*name)
    return -1;
  for (int i = 0; i < 100; ++i) {
    snprintf(*name, bytes, "%s.%ld-%d.tmp", path, (long)getpid(), i);
    int file = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0 || errno != EEXIST)
      return file;
  }
  return -1;
}

static int write_beside(const char *path, const ashlar_array *array,
                        char **name, ashlar_error *error) {
  int file = create_beside(path, name);
  if (file < 0) {
    ashlar_fail(error, "%s: %s", path, strerror(errno));
    free(*name);
    *name = NULL;
    return 1;
  }
  int failed = write_array(file, array) || fsync(file) != 0;
  int cause = errno;
  failed |= close(file) != 0;
  return failed ? ashlar_fail(error, "%s: %s", path, strerror(cause)) : 0;
}

/* Whether something else than a file or a folder has this name: a pipe, a
   terminal, /dev/null. It is written to, never replaced. */
static int is_special(const char *path) {
  int file = open(path, O_PATH | O_CLOEXEC);
  if (file < 0)
    return 0;
  /* Not fstat(): as a symbol it is newer than the glibc that we support. */
  struct stat state;
  int known = syscall(SYS_fstat, file, &state) == 0;
  close(file);
  return known && !S_ISREG(state.st_mode) && !S_ISDIR(state.st_mode);
}

static int write_special(const char *path, const ashlar_array *array,
                         ashlar_error *error) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0)
    return ashlar_fail(error, "%s: %s", path, strerror(errno));
  int failed = write_array(file, array);
  int cause = errno;
  failed |= close(file) != 0;
  return failed ? ashlar_fail(error, "%s: %s", path, strerror(cause)) : 0;
}

/* What rename would refuse once it is too late to take the others back. */
static int check_targets(const char *const *paths, size_t count,
                         ashlar_error *error) {
  for (size_t i = 0; i < count; ++i) {
    int folder = open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
      close(folder);
      return ashlar_fail(error, "%s: %s", paths[i], strerror(EISDIR));
    }
    for (size_t j = 0; j < i; ++j)
      if (strcmp(paths[i], paths[j]) == 0 && !is_special(paths[i]))
        return ashlar_fail(error, "%s: two outputs go to this file", paths[i]);
  }
  return 0;
}

int ashlar_npy_write(const char *const *paths, const ashlar_array *arrays,
                     size_t count, ashlar_error *error) {
  if (check_targets(paths, count, error))
    return 1;
  char **names = calloc(count + 1, sizeof(*names));
  if (!names)
    return ashlar_fail(error, "out of memory");
  int failed = 0;
  size_t renamed = 0;
  for (size_t i = 0; i < count && !failed; ++i)
    if (!is_special(paths[i]))
      failed = write_beside(paths[i], &arrays[i], &names[i], error);
  for (size_t i = 0; i < count && !failed; ++i)
    if (!names[i])
      failed = write_special(paths[i], &arrays[i], error);
  for (; renamed < count && !failed; ++renamed)
    if (names[renamed] && rename(names[renamed], paths[renamed]) != 0) {
      failed = ashlar_fail(error, "%s: %s", paths[renamed], strerror(errno));
      break;
    }
  for (size_t i = 0; i < count; ++i) {
    if (names[i] && i >= renamed)
      unlink(names[i]);
    free(names[i]);
  }
  free(names);
  return failed;
}
