/*===- split.c - Normalized text -> pieces -------------------------- C -*-===*/

#include "runtime/text/internal.h"

/* A split at work: the part that is held back until it is known what joins it.
 */
typedef struct cutter {
  encoding *state;
  uint32_t step;
  uint32_t flags;
  piece text;
  size_t begin;
  size_t end;   /* of the held part */
  int holds;    /* there is one */
  int is_match; /* whether the last part was a match */
} cutter;

static int hand_on(cutter *cut, size_t begin, size_t end) {
  if (begin == end)
    return 0;
  piece part = {cut->text.bytes + begin, end - begin,
                cut->text.first && begin == 0};
  return ashlar_encode_pieces(cut->state, cut->step + 1, part);
}

static int release(cutter *cut) {
  if (!cut->holds)
    return 0;
  cut->holds = 0;
  return hand_on(cut, cut->begin, cut->end);
}

/* Whether this part continues the held one. */
static int joins(const cutter *cut, int matched) {
  if (!cut->holds)
    return 0;
  if (cut->flags & ASHLAR_SPLIT_PREVIOUS)
    return matched && !cut->is_match;
  if (cut->flags & ASHLAR_SPLIT_NEXT)
    return !matched && cut->is_match;
  return matched == cut->is_match;
}

/* The next part, a match or what lies between two matches. */
static int add_part(cutter *cut, int matched, size_t begin, size_t end) {
  const uint32_t merging =
      ASHLAR_SPLIT_PREVIOUS | ASHLAR_SPLIT_NEXT | ASHLAR_SPLIT_CONTIGUOUS;
  /* An empty match still keeps its neighbours apart. */
  if (begin == end && !matched)
    return 0;
  matched ^= (cut->flags & ASHLAR_SPLIT_INVERT) != 0;
  if (matched && (cut->flags & ASHLAR_SPLIT_REMOVED))
    return 0;
  if (!(cut->flags & merging))
    return hand_on(cut, begin, end);
  int joined = joins(cut, matched);
  cut->is_match = matched;
  if (joined) {
    cut->end = end;
    return 0;
  }
  if (release(cut))
    return 1;
  cut->holds = 1;
  cut->begin = begin;
  cut->end = end;
  return 0;
}

static int split(encoding *state, uint32_t number, const ashlar_text_step *step,
                 piece text) {
  cutter cut = {
      .state = state, .step = number, .flags = step->flags, .text = text};
  matches scan = ashlar_matches(state, number, text);
  size_t done = 0; /* everything before it has been added */
  int found;
  while ((found = ashlar_next_match(state, &scan)) > 0) {
    if (add_part(&cut, 0, done, scan.begin) ||
        add_part(&cut, 1, scan.begin, scan.end))
      return 1;
    done = scan.end;
  }
  return found < 0 || add_part(&cut, 0, done, text.count) || release(&cut);
}

static int encode_piece(encoding *state, const piece *text) {
  if (text->count > ASHLAR_TEXT_MAX_BYTES)
    return ashlar_fail(state->error,
                       "a piece of %zu bytes; at most %u are supported",
                       text->count, ASHLAR_TEXT_MAX_BYTES);
  switch (state->text->header->model) {
  case ASHLAR_MODEL_MERGES:
    return ashlar_encode_merges(state, text);
  case ASHLAR_MODEL_WORDPIECE:
    return ashlar_encode_wordpiece(state, text);
  case ASHLAR_MODEL_UNIGRAM:
    return ashlar_encode_unigram(state, text);
  default:
    return ashlar_encode_words(state, text);
  }
}

/* Recursion goes as deep as there are steps, not as the text is long. */
int ashlar_encode_pieces(encoding *state, uint32_t step, piece text) {
  const ashlar_text_header *header = state->text->header;
  const ashlar_text_step *steps = section(state->text, header->steps);
  for (; step < header->steps.count; ++step) {
    if (text.count == 0)
      return 0;
    if (steps[step].kind == ASHLAR_STEP_SPLIT)
      return split(state, step, &steps[step], text);
    if (ashlar_rewrite(state, step, &text))
      return 1;
  }
  return text.count == 0 ? 0 : encode_piece(state, &text);
}
