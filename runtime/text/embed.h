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
  int32_t pooling; /* ashlar_text_pooling, of a text's rows */
  int normalize;   /* to length 1 */
  int32_t head;    /* in plan.heads: its result instead of pooled rows; or -1 */
} ashlar_embedding;

/* What the model's files say, where the caller does not: pooling NONE,
   normalize negative. Where neither does, it is the text's vector of a model
   that has a head for it; else the mean, and `assumed` becomes 1. */
int ashlar_embedding_choose(const ashlar_plan *plan, const ashlar_text *text,
                            int32_t pooling, int normalize,
                            ashlar_embedding *embedding, int *assumed,
                            ashlar_error *error);

/* Numbers of one embedding. */
int64_t ashlar_embedding_features(const ashlar_plan *plan,
                                  const ashlar_embedding *embedding);

/* ashlar_text_tokens of a text to embed: with the model's prompt in front, cut
   to the length that the model's files say, or filled up to it. */
int ashlar_embedding_tokens(const ashlar_text *text,
                            const ashlar_embedding *embedding,
                            const char *input, size_t bytes, unsigned flags,
                            ashlar_tokens *tokens, ashlar_error *error);

/* The embeddings of `count` texts into out [count,
   ashlar_embedding_features], as many texts at a time as fit; each gets the
   bits that it would get alone. Uses all slots of the session. */
int ashlar_embed(const ashlar_api *api, ashlar_session *session,
                 const ashlar_embedding *embedding, const ashlar_tokens *texts,
                 size_t count, float *out, ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_EMBED_H */
