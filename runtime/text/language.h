/*===- language.h - The language of an output ----------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_LANGUAGE_H
#define ASHLAR_RUNTIME_TEXT_LANGUAGE_H

#include "runtime/text/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a decoder begins with for an output in the language of this code: ids
   into `ids` [ASHLAR_TEXT_MAX_LANGUAGE_START], their number. The error for
   other codes names those that are close. */
int ashlar_text_language_start(const ashlar_text *text, const char *code,
                               int32_t *ids, size_t *count,
                               ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_LANGUAGE_H */
