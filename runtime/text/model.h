/*===- model.h - What an artifact can be asked ---------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_MODEL_H
#define ASHLAR_RUNTIME_TEXT_MODEL_H

#include "runtime/api.h"
#include "runtime/text/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Index in plan.heads of the head "logits"; -1 without one. */
int32_t ashlar_logits_head(const ashlar_plan *plan);

/* The stack whose result the heads read. */
const ashlar_stack_plan *ashlar_last_stack(const ashlar_plan *plan);

/* Whether a sequence that the decoder has seen with an extent of `before` (0:
   not at all), and that has `now` tokens, is to be computed anew. */
int ashlar_recomputes(const ashlar_stack_plan *decoder, int64_t before,
                      int64_t now);

/* Whether the encoder takes vectors instead of token ids. */
int ashlar_reads_vectors(const ashlar_plan *plan);

/* A decoder of token ids with logits for every token. */
int ashlar_can_generate(const ashlar_plan *plan);

/* The number of classes of a model of token ids with logits for whole
   sequences, else 0. */
int64_t ashlar_class_count(const ashlar_plan *plan);

/* Tokens of one sequence that the encoder takes at most. */
int64_t ashlar_encoder_limit(const ashlar_plan *plan);

/* Ids, or vectors of `count` tokens where `ids` is null, that the encoder can
   take as one sequence without positions of their own; `what` names them in the
   error. */
int ashlar_check_source(const ashlar_plan *plan, const int32_t *ids,
                        size_t count, const char *what, ashlar_error *error);

/* Ids that the model's only stack can take as one sequence from the beginning
   on, a decoder's in several calls; `what` as above. */
int ashlar_check_text(const ashlar_plan *plan, const int32_t *ids, size_t count,
                      const char *what, ashlar_error *error);

/* How full a call of whole sequences is; all zero before the first. */
typedef struct ashlar_packing {
  int64_t sequences;
  int64_t rows;
  int64_t tiles;
  int64_t segments; /* of a cache in the arena */
} ashlar_packing;

/* Counts a sequence of `tokens` rows of plan.stacks[stack] in when it fits. */
int ashlar_pack(const ashlar_plan *plan, int64_t stack, int64_t tokens,
                ashlar_packing *packing);

/* The error of a call that returned `status`; 0 for ASHLAR_OK. */
int ashlar_check_status(const ashlar_api *api, ashlar_status status,
                        ashlar_error *error);

/* Ids that lie in the stack's vocabulary; `what` names them in the error. */
int ashlar_check_ids(const ashlar_stack_plan *stack, const int32_t *ids,
                     size_t count, const char *what, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_MODEL_H */
