/*===- embed.h - Sentence embeddings -------------------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_EMBED_H
#define ASHLAR_RUNTIME_TEXT_EMBED_H

#include "runtime/text/model.h"
#include "runtime/text/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "mean", "cls", "last", "max"; else ASHLAR_POOLING_NONE. */
int32_t ashlar_pooling_named(const char *name);

/* One stack that takes token ids. */
int ashlar_can_embed(const ashlar_plan *plan);

typedef struct ashlar_embedding {
  int32_t pooling; /* ashlar_text_pooling */
  int normalize;   /* to length 1 */
} ashlar_embedding;

/* What the model's files say, where the caller does not: pooling NONE,
   normalize negative. `assumed` receives whether neither does: the mean, then.
 */
int ashlar_embedding_choose(const ashlar_text *text, int32_t pooling,
                            int normalize, ashlar_embedding *embedding,
                            int *assumed, ashlar_error *error);

/* The embeddings of `count` texts into out [count, hidden of the stack], as
   many texts at a time as fit; each gets the bits that it would get alone. Uses
   all slots of the session. */
int ashlar_embed(const ashlar_api *api, ashlar_session *session,
                 const ashlar_embedding *embedding, const ashlar_tokens *texts,
                 size_t count, float *out, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_EMBED_H */
