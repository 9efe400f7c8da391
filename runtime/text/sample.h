/*===- sample.h - From logits to a token ---------------------------- C -*-===*\
|*
|* The order is Hugging Face's: repetition penalty, temperature, top-k, top-p.
|* The result depends on the logits, the settings and the random number alone.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_SAMPLE_H
#define ASHLAR_RUNTIME_TEXT_SAMPLE_H

#include "runtime/text/error.h"
#include "runtime/text/numbers.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero in a field leaves its step out; all zero is greedy decoding. */
typedef struct ashlar_sampling {
  int enabled;
  double temperature;
  int32_t top_k; /* logits below the k-th largest fall out; its equals stay */
  double top_p;  /* what is left when the tail with less than 1 - p has gone */
  uint64_t seed;
  double repetition_penalty; /* with greedy decoding too */
} ashlar_sampling;

/* Memory for `count` logits. */
typedef struct ashlar_sampler {
  int64_t count;
  int32_t *order;   /* [count] ids as a heap; what was popped lies behind it */
  double *weights;  /* [count], by id: exp(logit - largest) */
  uint32_t *marks;  /* [count]: the last penalty that met the token */
  uint32_t penalty; /* how many there have been */
} ashlar_sampler;

int ashlar_sampler_make(ashlar_sampler *sampler, int64_t count,
                        ashlar_error *error);
void ashlar_sampler_free(ashlar_sampler *sampler);

/* Divides positive logits of tokens that are in `seen` by the penalty, and
   multiplies the others; each once. */
void ashlar_penalize(ashlar_sampler *sampler, double penalty,
                     const int32_t *seen, size_t seen_count, float *logits);

/* The most likely token, the lowest id among equals. Error: no logit is a
   number; logits that are not are left out here and below. */
int ashlar_most_likely(const float *logits, int64_t count, int32_t *token,
                       ashlar_error *error);

/* A token drawn by temperature, top-k and top-p. */
int ashlar_sample(ashlar_sampler *sampler, const ashlar_sampling *settings,
                  const float *logits, ashlar_random *random, int32_t *token,
                  ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_SAMPLE_H */
