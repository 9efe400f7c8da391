/*===- beam_heap.c - The best of many candidates -------------------- C -*-===*/

#include "runtime/text/beam_heap.h"

/* Among equals the earlier beam goes first, then the lower id. */
static int is_better(const ashlar_candidate *a, const ashlar_candidate *b) {
  if (a->score != b->score)
    return a->score > b->score;
  return a->beam != b->beam ? a->beam < b->beam : a->token < b->token;
}

static void sift_down(ashlar_candidate *list, int32_t count, int32_t at) {
  ashlar_candidate moved = list[at];
  for (int32_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && is_better(&list[child], &list[child + 1]))
      ++child;
    if (!is_better(&moved, &list[child]))
      break;
    list[at] = list[child];
  }
  list[at] = moved;
}

void ashlar_beam_heap_offer(ashlar_beam_heap *heap,
                            ashlar_candidate candidate) {
  ashlar_candidate *list = heap->list;
  if (heap->count == heap->most) {
    if (is_better(&candidate, &list[0])) {
      list[0] = candidate;
      sift_down(list, heap->most, 0);
    }
    return;
  }
  int32_t at = heap->count++;
  for (; at > 0 && is_better(&list[(at - 1) / 2], &candidate);
       at = (at - 1) / 2)
    list[at] = list[(at - 1) / 2];
  list[at] = candidate;
}

void ashlar_beam_heap_sort(ashlar_beam_heap *heap) {
  for (int32_t left = heap->count; left > 1;) {
    ashlar_candidate worst = heap->list[0];
    heap->list[0] = heap->list[--left];
    sift_down(heap->list, left, 0);
    heap->list[left] = worst;
  }
}
