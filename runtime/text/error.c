/*===- error.c - What went wrong, in words -------------------------- C -*-===*/

#include "runtime/text/error.h"

#include <stdarg.h>
#include <stdio.h>

int ashlar_fail(ashlar_error *error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof(error->message), format, arguments);
  va_end(arguments);
  for (unsigned char *c = (unsigned char *)error->message; *c; ++c)
    if (*c < 0x20 || *c == 0x7f)
      *c = '?';
  return 1;
}
