/*===- classify.h - Which class a text is of ------------------------ C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_CLASSIFY_H
#define ASHLAR_RUNTIME_TEXT_CLASSIFY_H

#include "runtime/text/model.h"
#include "runtime/text/numbers.h"
#include "runtime/text/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Softmax of the logits of one sequence: `probabilities` has room for
   ashlar_class_count of them. `types` may be null. `best` receives the most
   likely class, the lowest among equals. */
int ashlar_classify(const ashlar_api *api, ashlar_session *session,
                    const int32_t *ids, const int32_t *types, size_t count,
                    float *probabilities, int64_t *best, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_CLASSIFY_H */
