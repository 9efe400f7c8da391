/*===- sample.c - From logits to a token ---------------------------- C -*-===*/

#include "runtime/text/sample.h"

#include <math.h> /* isnan, INFINITY: macros, nothing of libm */
#include <stdlib.h>
#include <string.h>

int ashlar_sampler_make(ashlar_sampler *sampler, int64_t count,
                        ashlar_error *error) {
  size_t size = (size_t)count;
  *sampler = (ashlar_sampler){.count = count,
                              .order = malloc(size * sizeof(int32_t)),
                              .weights = malloc(size * sizeof(double)),
                              .marks = calloc(size, sizeof(uint32_t))};
  if (sampler->order && sampler->weights && sampler->marks)
    return 0;
  ashlar_sampler_free(sampler);
  return ashlar_fail(error, "out of memory for %lld logits", (long long)count);
}

void ashlar_sampler_free(ashlar_sampler *sampler) {
  free(sampler->order);
  free(sampler->weights);
  free(sampler->marks);
  *sampler = (ashlar_sampler){0};
}

void ashlar_penalize(ashlar_sampler *sampler, double penalty,
                     const int32_t *seen, size_t seen_count, float *logits) {
  float by = (float)penalty;
  if (++sampler->penalty == 0) { /* after 2^32 of them */
    memset(sampler->marks, 0, (size_t)sampler->count * sizeof(uint32_t));
    sampler->penalty = 1;
  }
  for (size_t i = 0; i < seen_count; ++i) {
    int32_t id = seen[i];
    if (id >= sampler->count || sampler->marks[id] == sampler->penalty)
      continue;
    sampler->marks[id] = sampler->penalty;
    logits[id] = logits[id] < 0 ? logits[id] * by : logits[id] / by;
  }
}

int ashlar_most_likely(const float *logits, int64_t count, int32_t *token,
                       ashlar_error *error) {
  int64_t best = -1;
  for (int64_t i = 0; i < count; ++i)
    if (!isnan(logits[i]) && (best < 0 || logits[i] > logits[best]))
      best = i;
  if (best < 0)
    return ashlar_fail(error, "no logit of the model is a number");
  *token = (int32_t)best;
  return 0;
}

/*===-- A heap of token ids ---------------------------------------------===*/

/* Whether `a` comes before `b`: the larger logit, the lower id among equals. */
static int before(const float *logits, int32_t a, int32_t b) {
  return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
}

static void sift_down(int32_t *heap, int64_t count, const float *logits,
                      int64_t at) {
  int32_t id = heap[at];
  for (int64_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && before(logits, heap[child + 1], heap[child]))
      ++child;
    if (!before(logits, heap[child], id))
      break;
    heap[at] = heap[child];
  }
  heap[at] = id;
}

/* What the heap holds, and what has been taken from it: the latter, best first,
   from the array's end towards its middle. */
typedef struct ranking {
  int32_t *ids; /* [all] */
  int64_t all;
  int64_t left; /* in the heap */
  const float *logits;
} ranking;

static int32_t pop(ranking *state) {
  int32_t best = state->ids[0];
  state->ids[0] = state->ids[--state->left];
  state->ids[state->left] = best;
  if (state->left > 0)
    sift_down(state->ids, state->left, state->logits, 0);
  return best;
}

static int32_t ranked(const ranking *state, int64_t rank) {
  return state->ids[state->all - 1 - rank];
}

/*===-- Drawing ---------------------------------------------------------===*/

/* Weights of the candidates, and their sum in the order of ids. */
static double weigh(ashlar_sampler *sampler, const float *logits,
                    double temperature, const ranking *state, float largest) {
  double sum = 0;
  for (int64_t i = 0; i < state->all; ++i) {
    int32_t id = state->ids[i];
    /* Equal infinities count as equal. */
    double weight =
        logits[id] == largest
            ? 1
            : ashlar_exp(((double)logits[id] - largest) / temperature);
    sampler->weights[id] = weight;
    sum += weight;
  }
  return sum;
}

/* The best k and what equals the last of them; the sum of their weights. */
static double keep_best(ashlar_sampler *sampler, ranking *state, int64_t k,
                        int64_t *kept) {
  double sum = 0;
  for (*kept = 0; state->left > 0; ++*kept) {
    if (*kept >= k &&
        state->logits[state->ids[0]] != state->logits[ranked(state, *kept - 1)])
      break;
    sum += sampler->weights[pop(state)];
  }
  return sum;
}

/* The first of the ranking whose weights together reach `share` of the sum: a
   token stays as long as those before it weigh less than that. */
static double keep_mass(ashlar_sampler *sampler, ranking *state, double share,
                        int64_t most, int64_t *kept) {
  double sum = 0;
  for (*kept = 0; *kept < most && (*kept == 0 || sum < share); ++*kept) {
    if (state->all - state->left == *kept)
      pop(state);
    sum += sampler->weights[ranked(state, *kept)];
  }
  return sum;
}

static int32_t draw(const ashlar_sampler *sampler, const int32_t *ids,
                    int64_t count, int step, double point) {
  int32_t last = ids[0];
  for (int64_t i = 0; i < count; ++i) {
    int32_t id = ids[i * step];
    if (sampler->weights[id] <= 0)
      continue;
    last = id;
    point -= sampler->weights[last];
    if (point < 0)
      break;
  }
  return last;
}

int ashlar_sample(ashlar_sampler *sampler, const ashlar_sampling *settings,
                  const float *logits, ashlar_random *random, int32_t *token,
                  ashlar_error *error) {
  int32_t best;
  if (ashlar_most_likely(logits, sampler->count, &best, error))
    return 1;
  ranking state = {.ids = sampler->order, .logits = logits};
  for (int64_t i = 0; i < sampler->count; ++i)
    if (!isnan(logits[i]))
      sampler->order[state.all++] = (int32_t)i;
  double temperature = settings->temperature > 0 ? settings->temperature : 1;
  double sum = weigh(sampler, logits, temperature, &state, logits[best]);
  double point = ashlar_random_unit(random);
  int by_k = settings->top_k > 0 && settings->top_k < state.all;
  int by_p = settings->top_p > 0 && settings->top_p < 1;
  if (!by_k && !by_p) {
    *token = draw(sampler, state.ids, state.all, 1, point * sum);
    return 0;
  }
  state.left = state.all;
  for (int64_t i = state.all / 2; i-- > 0;)
    sift_down(state.ids, state.all, logits, i);
  int64_t kept = state.all;
  if (by_k)
    sum = keep_best(sampler, &state, settings->top_k, &kept);
  if (by_p)
    sum = keep_mass(sampler, &state, settings->top_p * sum, kept, &kept);
  *token = draw(sampler, state.ids + state.all - 1, kept, -1, point * sum);
  return 0;
}
