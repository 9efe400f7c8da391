/*===- course.h - Where a sequence begins and ends ------------------ C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_COURSE_H
#define ASHLAR_RUNTIME_TEXT_COURSE_H

#include "runtime/text/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ashlar_course {
  const ashlar_text *text;
  const ashlar_generation *request;
  const int32_t *start; /* what the decoder's sequence begins with */
  size_t start_count;
  int64_t limit;       /* tokens of the sequence, the first ones included */
  int64_t known_limit; /* the same if asked for, not the context's; else -1 */
} ashlar_course;

/* Checks prompt, source and lengths of the request, which must stay. */
int ashlar_course_find(const ashlar_plan *plan, const ashlar_text *text,
                       const ashlar_generation *request, ashlar_course *course,
                       ashlar_error *error);

/* A token that the model's settings prescribe behind `length` tokens, or
   ASHLAR_TEXT_NONE. */
int32_t ashlar_course_forced(const ashlar_course *course, int64_t length);

/* Makes tokens impossible that the model's settings exclude behind `length`
   tokens. */
void ashlar_course_suppress(const ashlar_course *course, int64_t length,
                            float *logits, int64_t count);

int ashlar_course_ends(const ashlar_course *course, int32_t token);

/* Why a sequence of `length` tokens ended at the limit. */
ashlar_stop ashlar_course_stop(const ashlar_course *course, int64_t length);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_COURSE_H */
