/*===- glibc.c - Functions that glibc 2.28 has under another name ----- C -*-===*\
|*
|* Headers of glibc 2.33 and later turn stat and its like into calls of functions
|* that older libraries lack; those have the __xstat family, which every later
|* one keeps for old programs. Linked into shared libraries and executables only:
|* an object goes to the user's own linker, which has the user's own libc.
|*
\*===----------------------------------------------------------------------===*/

struct stat;

#define STAT_VERSION 1 /* of struct stat on x86-64 */

int __fxstat(int version, int descriptor, struct stat *result);
int __xstat(int version, const char *path, struct stat *result);
int __lxstat(int version, const char *path, struct stat *result);

int fstat(int descriptor, struct stat *result) {
  return __fxstat(STAT_VERSION, descriptor, result);
}

int stat(const char *path, struct stat *result) {
  return __xstat(STAT_VERSION, path, result);
}

int lstat(const char *path, struct stat *result) {
  return __lxstat(STAT_VERSION, path, result);
}
