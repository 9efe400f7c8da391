/*===- run.h - Inputs by name to outputs by name -------------------- C -*-===*\
|*
|* The surface of the Hugging Face models over ragged batches: rectangles of ids
|* and masks go in, rectangles of float32 come out. Masked tokens are dropped
|* before anything is computed, holes and padding on either side alike; outputs
|* are zero at their places. A position that is not given is the column's index.
|*
|*   input_ids (or the name that the model gives it)  [B, S], int64 or int32
|*   src, tgt                                         [B, S, F], float
|*   attention_mask, decoder_attention_mask           [B, S], 0 or 1
|*   position_ids, token_type_ids                     [B, S]; one stack only
|*
|* Outputs are [B, S, F], or [B, F] for a head that reads first rows. The output
|* "attention" has weights of attention: [B, heads, S, S'], or [B, S, S'] of one
|* head; S' are the columns of the sequence or of its source.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_RUN_H
#define ASHLAR_RUNTIME_TEXT_RUN_H

#include "runtime/text/array.h"
#include "runtime/text/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ASHLAR_MAX_NAMES 16 /* inputs, or outputs, of one model */

/* Names of the model's inputs and outputs; the number of them. */
size_t ashlar_input_names(const ashlar_plan *plan,
                          const char *names[ASHLAR_MAX_NAMES]);
size_t ashlar_output_names(const ashlar_plan *plan,
                           const char *names[ASHLAR_MAX_NAMES]);

/* Attention whose weights are an output. */
typedef struct ashlar_attention {
  int64_t map; /* index in plan.maps */
  int64_t layer;
  int64_t head; /* -1 = all */
} ashlar_attention;

/* What `choice` ("[encoder:|decoder:|cross:]LAYER[:HEAD]") means; without a
   first part, the last stack's attention to its own keys. */
int ashlar_attention_find(const ashlar_plan *plan, const char *choice,
                          ashlar_attention *attention, ashlar_error *error);

/* The caller names the outputs; their arrays are made here and the caller frees
   them with ashlar_array_free. After an error there are none. Uses all slots of
   the session. `attention` is null, or what the output "attention" is of. */
int ashlar_run(const ashlar_api *api, ashlar_session *session,
               const ashlar_named_array *inputs, size_t input_count,
               ashlar_named_array *outputs, size_t output_count,
               const ashlar_attention *attention, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_RUN_H */
