/*===- model.c - What an artifact can be asked ---------------------- C -*-===*/

#include "runtime/text/model.h"
#include "runtime/text/vectors.h"

#include <string.h>

int32_t ashlar_logits_head(const ashlar_plan *plan) {
  for (int64_t i = 0; i < plan->head_count; ++i)
    if (strcmp(plan->heads[i].output, "logits") == 0)
      return (int32_t)i;
  return -1;
}

const ashlar_stack_plan *ashlar_last_stack(const ashlar_plan *plan) {
  return &plan->stacks[plan->decoder >= 0 ? plan->decoder : plan->encoder];
}

int ashlar_recomputes(const ashlar_stack_plan *decoder, int64_t before,
                      int64_t now) {
  int64_t length = decoder->recompute_length;
  return before > 0 && before < length && now >= length;
}

int ashlar_reads_vectors(const ashlar_plan *plan) {
  return plan->encoder >= 0 && plan->stacks[plan->encoder].ids_offset < 0;
}

int ashlar_can_generate(const ashlar_plan *plan) {
  int32_t head = ashlar_logits_head(plan);
  return head >= 0 && !plan->heads[head].first_row_only && plan->decoder >= 0 &&
         plan->stacks[plan->decoder].ids_offset >= 0;
}

int64_t ashlar_class_count(const ashlar_plan *plan) {
  int32_t head = ashlar_logits_head(plan);
  if (head < 0 || !plan->heads[head].first_row_only)
    return 0;
  for (int64_t i = 0; i < plan->stack_count; ++i)
    if (plan->stacks[i].ids_offset < 0)
      return 0;
  return plan->heads[head].output_features;
}

int64_t ashlar_encoder_limit(const ashlar_plan *plan) {
  int64_t limit = plan->max_tokens;
  if (plan->cross_cache >= 0 && plan->max_source < limit)
    limit = plan->max_source;
  return limit;
}

int ashlar_pack(const ashlar_plan *plan, int64_t stack, int64_t tokens,
                ashlar_packing *packing) {
  int64_t kind = plan->stacks[stack].cache_kind;
  const ashlar_cache_plan *cache = kind < 0 ? NULL : &plan->caches[kind];
  ashlar_packing next = {
      packing->sequences + 1, packing->rows + tokens,
      packing->tiles + (tokens + plan->tile_rows - 1) / plan->tile_rows,
      packing->segments +
          (tokens + ASHLAR_SEGMENT_KEYS - 1) / ASHLAR_SEGMENT_KEYS};
  if (next.sequences > plan->max_sequences || next.rows > plan->max_tokens ||
      next.tiles > plan->max_tiles ||
      (cache && cache->in_arena && next.segments > cache->segments))
    return 0;
  *packing = next;
  return 1;
}

int ashlar_check_status(const ashlar_api *api, ashlar_status status,
                        ashlar_error *error) {
  if (status == ASHLAR_OK)
    return 0;
  return ashlar_fail(error, "%s", api->status_text(status));
}

int ashlar_check_ids(const ashlar_stack_plan *stack, const int32_t *ids,
                     size_t count, const char *what, ashlar_error *error) {
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || ids[i] >= stack->vocabulary)
      return ashlar_fail(error,
                         "token %zu of %s has id %d; the vocabulary has %lld "
                         "tokens",
                         i + 1, what, ids[i], (long long)stack->vocabulary);
  return 0;
}

int ashlar_check_source(const ashlar_plan *plan, const int32_t *ids,
                        size_t count, const char *what, ashlar_error *error) {
  const ashlar_stack_plan *stack = &plan->stacks[plan->encoder];
  int64_t most = ashlar_encoder_limit(plan);
  const char *option =
      most < plan->max_tokens ? "--max-source" : "--max-tokens";
  if (count == 0)
    return ashlar_fail(error, "%s has no tokens", what);
  if (!ids)
    return count > (size_t)most &&
           ashlar_vectors_too_many(stack, what, (int64_t)count, most, option,
                                   error);
  if (stack->positions_offset >= 0 && stack->positions > 0 &&
      (int64_t)count > stack->positions - stack->first_position)
    return ashlar_fail(error, "%s has %zu tokens; the model has %lld positions",
                       what, count,
                       (long long)(stack->positions - stack->first_position));
  if (count > (size_t)most)
    return ashlar_fail(error,
                       "%s has %zu tokens; the encoder takes %lld at most "
                       "(%s of compile)",
                       what, count, (long long)most, option);
  return ashlar_check_ids(stack, ids, count, what, error);
}

int ashlar_check_text(const ashlar_plan *plan, const int32_t *ids, size_t count,
                      const char *what, ashlar_error *error) {
  if (plan->decoder < 0)
    return ashlar_check_source(plan, ids, count, what, error);
  if (count == 0)
    return ashlar_fail(error, "%s has no tokens", what);
  if ((int64_t)count > plan->max_context)
    return ashlar_fail(error,
                       "%s has %zu tokens; the context holds %lld "
                       "(--max-context of compile)",
                       what, count, (long long)plan->max_context);
  return ashlar_check_ids(&plan->stacks[plan->decoder], ids, count, what,
                          error);
}
