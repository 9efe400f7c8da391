/*===- course.c - Where a sequence begins and ends ------------------ C -*-===*/

#include "runtime/text/course.h"
#include "runtime/text/internal.h"

#include <math.h> /* INFINITY: a macro, nothing of libm */

/* How long the sequence may become. */
static int find_limits(const ashlar_plan *plan, ashlar_course *course,
                       ashlar_error *error) {
  const ashlar_text_header *settings = course->text->header;
  int64_t context = plan->max_context, length = (int64_t)course->start_count;
  if (length > context)
    return ashlar_fail(error,
                       "the prompt has %lld tokens; the context holds %lld "
                       "(--max-context of compile)",
                       (long long)length, (long long)context);
  int64_t fresh = course->request->max_new_tokens;
  if (fresh < 0)
    fresh = settings->max_new_tokens;
  if (fresh >= 0) {
    course->known_limit = fresh > INT32_MAX ? INT32_MAX : length + fresh;
  } else if (settings->max_length != ASHLAR_TEXT_NONE) {
    course->known_limit = settings->max_length;
    if (length >= course->known_limit)
      return ashlar_fail(error,
                         "the prompt has %lld tokens and the model's "
                         "max_length is %d: set --max-new-tokens",
                         (long long)length, settings->max_length);
  } else {
    course->known_limit = -1;
    course->limit = context;
    return 0;
  }
  /* The last token need not enter the context. */
  course->limit =
      course->known_limit < context + 1 ? course->known_limit : context + 1;
  return 0;
}

static int find_start(const ashlar_plan *plan, ashlar_course *course,
                      ashlar_error *error) {
  const ashlar_generation *request = course->request;
  const ashlar_text_header *settings = course->text->header;
  int has_source = plan->encoder >= 0;
  course->start = has_source ? request->decoder_ids : request->prompt;
  course->start_count =
      has_source ? request->decoder_count : request->prompt_count;
  if (has_source && !course->start) {
    course->start = section(course->text, settings->decoder_start);
    course->start_count = settings->decoder_start.count;
  }
  if (course->start_count == 0)
    return ashlar_fail(error, has_source
                                  ? "the model has no decoder_start_token_id: "
                                    "give --decoder-ids"
                                  : "the prompt has no tokens");
  return ashlar_check_ids(
      &plan->stacks[plan->decoder], course->start, course->start_count,
      has_source ? "the decoder's prompt" : "the prompt", error);
}

static int check_stops(const ashlar_plan *plan,
                       const ashlar_generation *request, ashlar_error *error) {
  int64_t tokens = plan->heads[ashlar_logits_head(plan)].output_features;
  for (size_t i = 0; i < request->stop_count; ++i)
    if (request->stop_ids[i] < 0 || request->stop_ids[i] >= tokens)
      return ashlar_fail(error,
                         "--stop-ids has id %d; the vocabulary has %lld tokens",
                         request->stop_ids[i], (long long)tokens);
  return 0;
}

int ashlar_course_find(const ashlar_plan *plan, const ashlar_text *text,
                       const ashlar_generation *request, ashlar_course *course,
                       ashlar_error *error) {
  *course = (ashlar_course){.text = text, .request = request};
  if (plan->encoder < 0 && request->decoder_ids)
    return ashlar_fail(error, "--decoder-ids: the model has no encoder; its "
                              "output begins with the prompt");
  if (check_stops(plan, request, error) || find_start(plan, course, error) ||
      find_limits(plan, course, error))
    return 1;
  if (ashlar_reads_vectors(plan)) {
    const char *input = plan->stacks[plan->encoder].input;
    return request->vectors
               ? ashlar_check_source(plan, NULL, request->prompt_count, input,
                                     error)
               : ashlar_fail(error,
                             "the model reads %s, not tokens: give --in "
                             "%s=FILE.npy",
                             input, input);
  }
  return plan->encoder >= 0 &&
         ashlar_check_source(plan, request->prompt, request->prompt_count,
                             "the prompt", error);
}

int32_t ashlar_course_forced(const ashlar_course *course, int64_t length) {
  const ashlar_text_header *settings = course->text->header;
  if (length == course->known_limit - 1 &&
      settings->forced_last != ASHLAR_TEXT_NONE)
    return settings->forced_last;
  return length == 1 ? settings->forced_first : ASHLAR_TEXT_NONE;
}

static int contains(const int32_t *ids, size_t count, int32_t id) {
  for (size_t i = 0; i < count; ++i)
    if (ids[i] == id)
      return 1;
  return 0;
}

int ashlar_course_ends(const ashlar_course *course, int32_t token) {
  const ashlar_generation *request = course->request;
  ashlar_text_section ends = course->text->header->end_tokens;
  return contains(request->stop_ids, request->stop_count, token) ||
         (!request->ignore_end_tokens &&
          contains(section(course->text, ends), ends.count, token));
}

static void suppress(const ashlar_text *text, ashlar_text_section tokens,
                     float *logits, int64_t count) {
  const int32_t *ids = section(text, tokens);
  for (uint32_t i = 0; i < tokens.count; ++i)
    if (ids[i] < count)
      logits[ids[i]] = -INFINITY;
}

void ashlar_course_suppress(const ashlar_course *course, int64_t length,
                            float *logits, int64_t count) {
  const ashlar_text_header *settings = course->text->header;
  suppress(course->text, settings->suppressed, logits, count);
  if (length == (int64_t)course->start_count)
    suppress(course->text, settings->suppressed_at_begin, logits, count);
}

ashlar_stop ashlar_course_stop(const ashlar_course *course, int64_t length) {
  return length == course->known_limit ? ASHLAR_STOP_LENGTH
                                       : ASHLAR_STOP_CONTEXT;
}
