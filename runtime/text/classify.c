/*===- classify.c - Which class a text is of ------------------------ C -*-===*/

#include "runtime/text/classify.h"
#include "runtime/choose_plan.h"
#include "runtime/text/internal.h"

#include <math.h> /* isnan: a macro, nothing of libm */

/* The class with the largest logit, the lowest among equals. */
static int find_best(const float *logits, int64_t count, int64_t *best,
                     ashlar_error *error) {
  *best = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (isnan(logits[i]))
      return ashlar_fail(error, "logit %lld of the model is not a number",
                         (long long)i);
    if (logits[i] > logits[*best])
      *best = i;
  }
  return 0;
}

static void softmax(float *values, int64_t count, float largest) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    /* Equal infinities count as equal. */
    values[i] =
        values[i] == largest ? 1 : (float)ashlar_exp(values[i] - largest);
    sum += values[i];
  }
  for (int64_t i = 0; i < count; ++i)
    values[i] = (float)(values[i] / sum);
}

/* Without an exponential that is larger than 1. */
static float sigmoid(float value) {
  double small = ashlar_exp(value < 0 ? (double)value : -(double)value);
  return (float)((value < 0 ? small : 1) / (1 + small));
}

int32_t ashlar_class_scores(const ashlar_plan *plan, const ashlar_text *text) {
  int32_t scores = (int32_t)text->header->label_scores;
  if (scores != ASHLAR_SCORES_USUAL)
    return scores;
  return ashlar_class_count(plan) == 1 ? ASHLAR_SCORES_SIGMOID
                                       : ASHLAR_SCORES_SOFTMAX;
}

static int convert(float *logits, int64_t count, int32_t scores, int64_t *best,
                   ashlar_error *error) {
  if (find_best(logits, count, best, error))
    return 1;
  if (scores == ASHLAR_SCORES_SOFTMAX)
    softmax(logits, count, logits[*best]);
  for (int64_t i = 0; scores == ASHLAR_SCORES_SIGMOID && i < count; ++i)
    logits[i] = sigmoid(logits[i]);
  return 0;
}

/* Where the logits of a text go. */
typedef struct reader {
  const ashlar_api *api;
  ashlar_session *session;
  int32_t head;
  float *logits;
  ashlar_error *error;
} reader;

static int32_t text_start(const ashlar_text *text) {
  const int32_t *start = section(text, text->header->decoder_start);
  return text->header->decoder_start.count ? start[0] : -1;
}

/* The next `count` rows of a sequence, behind `before` and in front of `behind`
   others. A decoder may take them in several calls; the logits are of the
   sequence's first row or of its last one. */
static int read_rows(const reader *to, const int32_t *ids, const int32_t *types,
                     size_t count, size_t before, size_t behind) {
  const ashlar_plan *plan = ashlar_plan_of(to->api);
  const ashlar_head_plan *head = &plan->heads[to->head];
  int of_last = head->row_token == ASHLAR_ROW_LAST;
  int has_types = types && plan->stacks[0].types_offset >= 0;
  for (size_t at = 0; at < count;) {
    size_t left = count - at, most = (size_t)plan->max_tokens;
    int32_t length = (int32_t)(left < most ? left : most);
    ashlar_batch batch = {.sequences = 1,
                          .lengths = &length,
                          .ids = ids + at,
                          .token_type_ids = has_types ? types + at : NULL};
    if (ashlar_check_status(to->api,
                            plan->decoder >= 0
                                ? to->api->decode(to->session, &batch)
                                : to->api->encode(to->session, &batch),
                            to->error))
      return 1;
    int has_row =
        of_last ? (size_t)length == left && behind == 0 : before + at == 0;
    if (has_row && ashlar_check_status(
                       to->api,
                       to->api->head(to->session, to->head, NULL, 0, to->logits,
                                     (size_t)head->output_features),
                       to->error))
      return 1;
    at += (size_t)length;
  }
  return 0;
}

/* A decoder behind an encoder reads the text again: its start token, then all
   but the last token. */
static int read_again(const reader *to, const int32_t *ids, size_t count,
                      int32_t start) {
  int32_t length = (int32_t)count;
  ashlar_batch source = {.sequences = 1, .lengths = &length, .ids = ids};
  return ashlar_check_status(to->api, to->api->encode(to->session, &source),
                             to->error) ||
         read_rows(to, &start, NULL, 1, 0, count - 1) ||
         read_rows(to, ids, NULL, count - 1, 1, 0);
}

/* What is wrong with a text for a decoder that reads it again. */
static int check_again(const ashlar_plan *plan, const int32_t *ids,
                       size_t count, int32_t start, ashlar_error *error) {
  if (start < 0)
    return ashlar_fail(error, "the model has no decoder_start_token_id");
  return ashlar_check_ids(&plan->stacks[plan->decoder], &start, 1,
                          "the decoder's prompt", error) ||
         ashlar_check_source(plan, ids, count, "the text", error);
}

int ashlar_classify(const ashlar_api *api, ashlar_session *session,
                    const ashlar_text *text, const int32_t *ids,
                    const int32_t *types, size_t count, float *result,
                    int64_t *best, ashlar_error *error) {
  const ashlar_plan *plan = ashlar_plan_of(api);
  int64_t classes = ashlar_class_count(plan);
  int pair = plan->encoder >= 0 && plan->decoder >= 0;
  int32_t start = text_start(text);
  reader to = {api, session, ashlar_logits_head(plan), result, error};
  if (classes == 0)
    return ashlar_fail(error, "the model does not classify texts: it has no "
                              "logits of whole sequences");
  if (ashlar_check_text(plan, ids, count, "the text", error) ||
      (pair && check_again(plan, ids, count, start, error)))
    return 1;
  if (plan->decoder >= 0 &&
      ashlar_check_status(api, api->reset(session, -1), error))
    return 1;
  return (pair ? read_again(&to, ids, count, start)
               : read_rows(&to, ids, types, count, 0, 0)) ||
         convert(result, classes, ashlar_class_scores(plan, text), best, error);
}
