/*===- classify.h - Which class a text is of ------------------------ C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_CLASSIFY_H
#define ASHLAR_RUNTIME_TEXT_CLASSIFY_H

#include "runtime/text/model.h"
#include "runtime/text/numbers.h"
#include "runtime/text/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of the model's logits: an ashlar_text_scores, but not USUAL. */
int32_t ashlar_class_scores(const ashlar_plan *plan, const ashlar_text *text);

/* The scores of one sequence, of which `text` says what becomes of its logits,
   and what a decoder behind an encoder reads in front of it: `result` has room
   for ashlar_class_count of them. `types` may be null. `best` receives the
   class with the largest one, the lowest among equals. Uses slot 0 of the
   session, and forgets the others'. */
int ashlar_classify(const ashlar_api *api, ashlar_session *session,
                    const ashlar_text *text, const int32_t *ids,
                    const int32_t *types, size_t count, float *result,
                    int64_t *best, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_CLASSIFY_H */
