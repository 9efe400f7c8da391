/*===- weights.c - Find the weight image and trust nothing in it ---- C -*-===*\
|*
|* The image is in the artifact, in the caller's memory or in a file. A file is
|* mapped read-only; its header is read with pread first, so that a file that is
|* too short is an error, not a SIGBUS.
|*
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool header_fits(const ashlar_plan *plan, const void *image) {
  ashlar_weights_header header;
  memcpy(&header, image, sizeof header);
  return memcmp(header.magic, "ASHLARW1", sizeof header.magic) == 0 &&
         header.build_id == plan->build_id &&
         header.bytes == plan->weights_bytes;
}

static ashlar_status use_memory(const void *memory, uint64_t bytes,
                                ashlar_model *model) {
  if ((uintptr_t)memory % ASHLAR_ALIGNMENT)
    return ASHLAR_INVALID_ARGUMENT;
  if (bytes < (uint64_t)model->plan->weights_bytes ||
      !header_fits(model->plan, memory))
    return ASHLAR_BAD_WEIGHTS;
  model->weights = memory;
  return ASHLAR_OK;
}

static bool read_header(int file, ashlar_weights_header *header) {
  size_t bytes = 0;
  while (bytes < sizeof *header) {
    ssize_t got = pread(file, (char *)header + bytes, sizeof *header - bytes,
                        (off_t)bytes);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    bytes += (size_t)got;
  }
  return true;
}

static ashlar_status map_file(int file, ashlar_model *model) {
  /* Not fstat(): as a symbol it is newer than the glibc that we support. */
  struct stat state;
  if (syscall(SYS_fstat, file, &state) != 0 || !S_ISREG(state.st_mode))
    return ASHLAR_IO_ERROR;
  ashlar_weights_header header;
  if (state.st_size != model->plan->weights_bytes ||
      !read_header(file, &header) || !header_fits(model->plan, &header))
    return ASHLAR_BAD_WEIGHTS;
  size_t bytes = (size_t)state.st_size;
  void *image = mmap(0, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  if (image == MAP_FAILED)
    return errno == ENOMEM ? ASHLAR_OUT_OF_MEMORY : ASHLAR_IO_ERROR;
  model->weights = image;
  model->mapping = image;
  model->mapping_bytes = bytes;
  return ASHLAR_OK;
}

static ashlar_status map_path(const char *path, ashlar_model *model) {
  int file;
  do /* O_NONBLOCK: a FIFO is an error, not a wait for its writer. */
    file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  while (file < 0 && errno == EINTR);
  if (file < 0)
    return ASHLAR_IO_ERROR;
  ashlar_status status = map_file(file, model);
  close(file);
  return status;
}

static ashlar_status find(const ashlar_weights_source *source,
                          ashlar_model *model) {
  const ashlar_plan *plan = model->plan;
  if (plan->weights && source &&
      (source->path || source->memory || source->descriptor >= 0))
    return ASHLAR_INVALID_ARGUMENT;
  if (plan->weights)
    return use_memory(plan->weights, (uint64_t)plan->weights_bytes, model);
  if (!source || (source->path && source->memory))
    return ASHLAR_INVALID_ARGUMENT;
  if (source->path)
    return map_path(source->path, model);
  if (source->memory)
    return use_memory(source->memory, source->memory_bytes, model);
  if (source->descriptor < 0)
    return ASHLAR_INVALID_ARGUMENT;
  return map_file(source->descriptor, model);
}

/* All pages at once (Linux 5.14), or one by one. */
static ashlar_status prefault(const void *weights, size_t bytes) {
  enum { PAGE = 4096, POPULATE_READ = 22 };
  const char *end = (const char *)weights + bytes;
  const char *first =
      (const char *)((uintptr_t)weights & ~(uintptr_t)(PAGE - 1));
  int failed;
  do
    failed = madvise((void *)first, (size_t)(end - first), POPULATE_READ);
  while (failed && errno == EINTR);
  if (!failed)
    return ASHLAR_OK;
  if (errno != EINVAL)
    return errno == ENOMEM ? ASHLAR_OUT_OF_MEMORY : ASHLAR_IO_ERROR;
  for (const char *page = first; page < end; page += PAGE)
    (void)*(const volatile char *)(page < (const char *)weights ? weights
                                                                : page);
  return ASHLAR_OK;
}

ashlar_status ashlar_rt_weights_open(const ashlar_weights_source *source,
                                     ashlar_model *model) {
  ashlar_status status = find(source, model);
  if (status != ASHLAR_OK || !source || !source->prefault)
    return status;
  status = prefault(model->weights, (size_t)model->plan->weights_bytes);
  if (status != ASHLAR_OK)
    ashlar_rt_weights_close(model);
  return status;
}

void ashlar_rt_weights_close(ashlar_model *model) {
  if (model->mapping)
    munmap(model->mapping, model->mapping_bytes);
}
