/*===- cores.c - How many threads pay off here ---------------------- C -*-===*\
|*
|* The least of: physical cores in the affinity mask, whole CPUs of the cgroup
|* quota (version 2 cpu.max, version 1 cpu.cfs_*), ASHLAR_MAX_WORKERS; at least
|* 1. What cannot be read is no limit. Nothing is allocated.
|*
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define MAX_CPUS 8192
#define MASK_WORDS (MAX_CPUS / 64)
#define PATH_BYTES 1024
#define FILE_BYTES 4096

/* A path that is put together; `bytes` < 0 once it did not fit. */
typedef struct path_buffer {
  char text[PATH_BYTES];
  int64_t bytes;
} path_buffer;

static void append(path_buffer *path, const char *text, size_t bytes) {
  if (path->bytes < 0 || path->bytes + bytes + 1 > PATH_BYTES) {
    path->bytes = -1;
    return;
  }
  memcpy(path->text + path->bytes, text, bytes);
  path->bytes += (int64_t)bytes;
  path->text[path->bytes] = 0;
}

static void append_text(path_buffer *path, const char *text) {
  append(path, text, strlen(text));
}

static void append_number(path_buffer *path, int32_t number) {
  char digits[16];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  append(path, digits + at, sizeof digits - at);
}

/* Up to FILE_BYTES - 1 bytes, NUL-terminated. */
static bool read_file(const path_buffer *path, char text[FILE_BYTES]) {
  if (path->bytes < 0)
    return false;
  int file = open(path->text, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  size_t bytes = 0;
  while (bytes < FILE_BYTES - 1) {
    ssize_t got = read(file, text + bytes, FILE_BYTES - 1 - bytes);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    bytes += (size_t)got;
  }
  close(file);
  text[bytes] = 0;
  return bytes > 0;
}

/* Digits at *text as a number that stops growing at 10^15; -1 without any. */
static int64_t parse_number(const char **text) {
  if (**text < '0' || **text > '9')
    return -1;
  int64_t value = 0;
  for (; **text >= '0' && **text <= '9'; ++*text)
    if (value < INT64_C(1000000000000000))
      value = value * 10 + (**text - '0');
  return value;
}

static bool mask_has(const uint64_t *mask, int32_t words, int64_t cpu) {
  return cpu < (int64_t)words * 64 && (mask[cpu / 64] >> (cpu % 64) & 1);
}

/* Does the list ("0,64" or "0-1") name a CPU of the mask below `cpu`? */
static bool has_earlier_sibling(const char *list, const uint64_t *mask,
                                int32_t words, int32_t cpu) {
  for (;;) {
    int64_t first = parse_number(&list);
    if (first < 0)
      return false;
    int64_t last = first;
    if (*list == '-') {
      ++list;
      last = parse_number(&list);
    }
    for (int64_t i = first; i <= last && i < cpu; ++i)
      if (mask_has(mask, words, i))
        return true;
    if (*list != ',')
      return false;
    ++list;
  }
}

int32_t ashlar_rt_physical_cores(const char *root, const uint64_t *mask,
                                 int32_t words) {
  int32_t cores = 0;
  for (int32_t cpu = 0; cpu < words * 64; ++cpu) {
    if (!mask_has(mask, words, cpu))
      continue;
    path_buffer path = {.bytes = 0};
    append_text(&path, root);
    append_text(&path, "/sys/devices/system/cpu/cpu");
    append_number(&path, cpu);
    append_text(&path, "/topology/thread_siblings_list");
    char list[FILE_BYTES];
    if (!read_file(&path, list) || !has_earlier_sibling(list, mask, words, cpu))
      ++cores;
  }
  return cores;
}

static int32_t whole_cpus(int64_t quota, int64_t period) {
  if (quota <= 0 || period <= 0)
    return INT32_MAX;
  int64_t cpus = quota / period;
  return cpus < 1 ? 1 : cpus > INT32_MAX ? INT32_MAX : (int32_t)cpus;
}

/* `path` names a cgroup's folder; it comes back unchanged. */
static bool read_in(path_buffer *path, const char *name,
                    char text[FILE_BYTES]) {
  int64_t bytes = path->bytes;
  append_text(path, name);
  bool done = read_file(path, text);
  path->bytes = bytes;
  if (bytes >= 0)
    path->text[bytes] = 0;
  return done;
}

/* cpu.max is "max 100000" or "150000 100000". */
static int32_t limit_v2(path_buffer *folder) {
  char text[FILE_BYTES];
  if (!read_in(folder, "/cpu.max", text))
    return INT32_MAX;
  const char *at = text;
  int64_t quota = parse_number(&at);
  while (*at == ' ')
    ++at;
  return whole_cpus(quota, parse_number(&at));
}

/* The quota is -1 without a limit. */
static int32_t limit_v1(path_buffer *folder) {
  char text[FILE_BYTES];
  const char *at = text;
  if (!read_in(folder, "/cpu.cfs_quota_us", text))
    return INT32_MAX;
  int64_t quota = parse_number(&at);
  at = text;
  if (!read_in(folder, "/cpu.cfs_period_us", text))
    return INT32_MAX;
  return whole_cpus(quota, parse_number(&at));
}

/* The least limit of the cgroup `name` ("/a/b") and all above it. A name that
   is not visible here (another namespace's) ends at the mount's own folder. */
static int32_t limit_of(const char *root, const char *mount, const char *name,
                        size_t name_bytes, int32_t (*limit)(path_buffer *)) {
  int32_t least = INT32_MAX;
  path_buffer folder = {.bytes = 0};
  append_text(&folder, root);
  append_text(&folder, mount);
  int64_t top = folder.bytes;
  append(&folder, name, name_bytes);
  if (folder.bytes < 0 && top >= 0) {
    folder.bytes = top;
    folder.text[top] = 0;
  }
  while (folder.bytes >= 0) {
    int32_t here = limit(&folder);
    least = here < least ? here : least;
    if (folder.bytes <= top)
      break;
    while (folder.bytes > top && folder.text[--folder.bytes] != '/')
      ;
    folder.text[folder.bytes] = 0;
  }
  return least;
}

/* Is `cpu` one of the comma-separated controllers? */
static bool names_cpu(const char *names, size_t bytes) {
  for (size_t i = 0; i + 3 <= bytes; ++i)
    if (!memcmp(names + i, "cpu", 3) && (i == 0 || names[i - 1] == ',') &&
        (i + 3 == bytes || names[i + 3] == ','))
      return true;
  return false;
}

/* One line of /proc/self/cgroup, "4:cpu,cpuacct:/a/b" or "0::/a/b". */
static int32_t limit_of_line(const char *root, const char *line, size_t bytes) {
  const char *end = line + bytes;
  const char *names = memchr(line, ':', bytes);
  if (!names++)
    return INT32_MAX;
  const char *name = memchr(names, ':', (size_t)(end - names));
  if (!name++)
    return INT32_MAX;
  size_t names_bytes = (size_t)(name - 1 - names);
  size_t name_bytes = (size_t)(end - name);
  if (names_bytes == 0)
    return limit_of(root, "/sys/fs/cgroup", name, name_bytes, limit_v2);
  if (!names_cpu(names, names_bytes))
    return INT32_MAX;
  int32_t a = limit_of(root, "/sys/fs/cgroup/cpu", name, name_bytes, limit_v1);
  int32_t b =
      limit_of(root, "/sys/fs/cgroup/cpu,cpuacct", name, name_bytes, limit_v1);
  return a < b ? a : b;
}

int32_t ashlar_rt_cgroup_cpus(const char *root) {
  path_buffer path = {.bytes = 0};
  append_text(&path, root);
  append_text(&path, "/proc/self/cgroup");
  char text[FILE_BYTES];
  if (!read_file(&path, text))
    return INT32_MAX;
  int32_t least = INT32_MAX;
  for (const char *line = text; *line;) {
    size_t bytes = strcspn(line, "\n");
    int32_t here = limit_of_line(root, line, bytes);
    least = here < least ? here : least;
    line += bytes + (line[bytes] == '\n');
  }
  return least;
}

static bool read_mask(uint64_t mask[MASK_WORDS]) {
  memset(mask, 0, MASK_WORDS * sizeof *mask);
  return sched_getaffinity(0, MASK_WORDS * sizeof *mask, (cpu_set_t *)mask) ==
         0;
}

int32_t ashlar_rt_allowed_cpus(void) {
  uint64_t mask[MASK_WORDS];
  if (!read_mask(mask))
    return 1;
  int32_t cpus = 0;
  for (int32_t i = 0; i < MAX_CPUS; ++i)
    cpus += mask_has(mask, MASK_WORDS, i);
  return cpus;
}

int32_t ashlar_rt_default_threads(void) {
  uint64_t mask[MASK_WORDS];
  if (!read_mask(mask))
    return 1;
  int32_t cores = ashlar_rt_physical_cores("", mask, MASK_WORDS);
  int32_t quota = ashlar_rt_cgroup_cpus("");
  int32_t threads = cores < quota ? cores : quota;
  if (threads < 1)
    return 1;
  return threads < ASHLAR_MAX_WORKERS ? threads : ASHLAR_MAX_WORKERS;
}
