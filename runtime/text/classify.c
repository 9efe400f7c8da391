/*===- classify.c - Which class a text is of ------------------------ C -*-===*/

#include "runtime/text/classify.h"

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

/* The logits of a text, which a decoder may take in several calls: they are of
   its first row or of its last one. */
static int run(const ashlar_api *api, ashlar_session *session,
               const int32_t *ids, const int32_t *types, size_t count,
               float *logits, ashlar_error *error) {
  const ashlar_plan *plan = api->plan;
  int decodes = plan->decoder >= 0;
  int32_t head = ashlar_logits_head(plan);
  int of_last = plan->heads[head].row_token == ASHLAR_ROW_LAST;
  int has_types = types && plan->stacks[0].types_offset >= 0;
  if (decodes && ashlar_check_status(api, api->reset(session, -1), error))
    return 1;
  for (size_t at = 0; at < count;) {
    size_t left = count - at, most = (size_t)plan->max_tokens;
    int32_t length = (int32_t)(left < most ? left : most);
    ashlar_batch batch = {.sequences = 1,
                          .lengths = &length,
                          .ids = ids + at,
                          .token_type_ids = has_types ? types + at : NULL};
    if (ashlar_check_status(api,
                            decodes ? api->decode(session, &batch)
                                    : api->encode(session, &batch),
                            error))
      return 1;
    int has_row = of_last ? (size_t)length == left : at == 0;
    if (has_row && ashlar_check_status(
                       api,
                       api->head(session, head, NULL, 0, logits,
                                 (size_t)plan->heads[head].output_features),
                       error))
      return 1;
    at += (size_t)length;
  }
  return 0;
}

int ashlar_classify(const ashlar_api *api, ashlar_session *session,
                    int32_t scores, const int32_t *ids, const int32_t *types,
                    size_t count, float *result, int64_t *best,
                    ashlar_error *error) {
  int64_t classes = ashlar_class_count(api->plan);
  if (classes == 0)
    return ashlar_fail(error, "the model does not classify texts: it has no "
                              "logits of whole sequences");
  return ashlar_check_text(api->plan, ids, count, "the text", error) ||
         run(api, session, ids, types, count, result, error) ||
         convert(result, classes, scores, best, error);
}
