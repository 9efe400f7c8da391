/*===- classify.c - Which class a text is of ------------------------ C -*-===*/

#include "runtime/text/classify.h"

#include <math.h> /* isnan: a macro, nothing of libm */

static int softmax(float *values, int64_t count, int64_t *best,
                   ashlar_error *error) {
  *best = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (isnan(values[i]))
      return ashlar_fail(error, "logit %lld of the model is not a number",
                         (long long)i);
    if (values[i] > values[*best])
      *best = i;
  }
  float largest = values[*best];
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    /* Equal infinities count as equal. */
    values[i] = values[i] == largest ? 1 : (float)ashlar_exp(values[i] - largest);
    sum += values[i];
  }
  for (int64_t i = 0; i < count; ++i)
    values[i] = (float)(values[i] / sum);
  return 0;
}

int ashlar_classify(const ashlar_api *api, ashlar_session *session,
                    const int32_t *ids, const int32_t *types, size_t count,
                    float *probabilities, int64_t *best, ashlar_error *error) {
  const ashlar_plan *plan = api->plan;
  int64_t classes = ashlar_class_count(plan);
  if (classes == 0)
    return ashlar_fail(error, "the model does not classify texts: it has no "
                              "logits of whole sequences");
  const ashlar_stack_plan *stack = &plan->stacks[plan->encoder];
  if (ashlar_check_source(plan, ids, count, "the text", error))
    return 1;
  int32_t length = (int32_t)count;
  ashlar_batch batch = {.sequences = 1,
                        .lengths = &length,
                        .ids = ids,
                        .token_type_ids =
                            stack->types_offset >= 0 ? types : NULL};
  if (ashlar_check_status(api, api->encode(session, &batch), error) ||
      ashlar_check_status(api,
                          api->head(session, ashlar_logits_head(plan), NULL, 0,
                                    probabilities, (size_t)classes),
                          error))
    return 1;
  return softmax(probabilities, classes, best, error);
}
