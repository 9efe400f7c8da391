/*===- error.h - What went wrong, in words -------------------------- C -*-===*\
|*
|* Functions of the text front end return 0, or 1 with the reason in the
|* caller's ashlar_error. They print nothing and keep nothing.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_ERROR_H
#define ASHLAR_RUNTIME_TEXT_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ashlar_error {
  char message[512];
} ashlar_error;

/* Formats the message and returns 1. Control characters in it become "?", since
   names of files and of a model's parts are strangers' text. */
int ashlar_fail(ashlar_error *error, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_ERROR_H */
