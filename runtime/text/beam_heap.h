/*===- beam_heap.h - The best of many candidates -------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_BEAM_HEAP_H
#define ASHLAR_RUNTIME_TEXT_BEAM_HEAP_H

#include <stdint.h>

/* A beam and a token that may follow. */
typedef struct ashlar_candidate {
  double score;
  int32_t beam;
  int32_t token;
} ashlar_candidate;

/* Keeps the best `most` of all that are offered. */
typedef struct ashlar_beam_heap {
  ashlar_candidate *list; /* [most]: the worst first, as a heap */
  int32_t count, most;
} ashlar_beam_heap;

void ashlar_beam_heap_offer(ashlar_beam_heap *heap, ashlar_candidate candidate);

/* The heap becomes a list, the best first. */
void ashlar_beam_heap_sort(ashlar_beam_heap *heap);

#endif /* ASHLAR_RUNTIME_TEXT_BEAM_HEAP_H */
