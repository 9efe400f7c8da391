/*===- beam.h - Beam search ----------------------------------------- C -*-===*\
|*
|* As Hugging Face's: in each step the best continuations of all beams go on;
|* those among the first `beams` of them that reach an end are kept, with the
|* sum of log probabilities / length^penalty as their score, where the length
|* counts new tokens, the end token too. Once so many are kept as there are
|* beams, the search is over (early_stopping = True), or it is when no beam
|* could beat the worst of them at its present length (False) or at any length
|* (never). The repetition penalty works on log probabilities.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_BEAM_H
#define ASHLAR_RUNTIME_TEXT_BEAM_H

#include "runtime/text/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of command lines. */
#define ASHLAR_MAX_BEAMS 1024
#define ASHLAR_MAX_TEMPERATURE 1e6
#define ASHLAR_MAX_REPETITION_PENALTY 1e6

/* What is not given is the model's own. */
typedef struct ashlar_search {
  int32_t beams; /* 1 = no search; never the model's own */
  double length_penalty;
  int32_t n_best; /* sequences to give, at most as many as beams; 0 = not given
                   */
  int has_length_penalty;
  int32_t early_stopping; /* ashlar_text_early_stopping; ASHLAR_TEXT_NONE = not
                             given */
} ashlar_search;

#define ASHLAR_NO_SEARCH                                                       \
  {/*beams=*/1, /*length_penalty=*/1.0, /*n_best=*/0,                          \
   /*has_length_penalty=*/0, /*early_stopping=*/ASHLAR_TEXT_NONE}

/* ashlar_text_early_stopping of "false", "true" or "never"; ASHLAR_TEXT_NONE =
   no such name. */
int32_t ashlar_early_stopping_named(const char *name);

/* What does not go together on a command line; null = nothing. */
const char *ashlar_search_fault(const ashlar_search *search,
                                const ashlar_sampling *sampling, int stream);

/* Receives new tokens of a sequence, the end token too, and its score; the best
   sequence first. Nonzero ends it. */
typedef int (*ashlar_beam_sink)(void *user, const int32_t *ids, size_t count,
                                double score);

/* Beam i works in slot i of the session. The request's on_token and sampling
   are left aside, but for the repetition penalty. `result` is about the best.
 */
int ashlar_beam_search(const ashlar_api *api, ashlar_session *session,
                       const ashlar_text *text,
                       const ashlar_generation *request,
                       const ashlar_search *search, ashlar_beam_sink sink,
                       void *user, ashlar_generated *result,
                       ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_BEAM_H */
