/*===- match.c - Patterns and tries --------------------------------- C -*-===*/

#include "runtime/text/internal.h"

matches ashlar_matches(const encoding *state, uint32_t step, piece in) {
  const ashlar_text *text = state->text;
  const ashlar_text_step *steps = section(text, text->header->steps);
  const ashlar_text_pattern *pattern = &steps[step].pattern;
  return (matches){.step = step,
                   .pattern = pattern,
                   .pages = section(text, pattern->table.pages),
                   .classes = section(text, pattern->table.entries),
                   .transitions = section(text, pattern->transitions),
                   .starts = pattern->starts.count > 0
                                 ? section(text, pattern->starts)
                                 : NULL,
                   .text = in,
                   .by_bytes = steps[step].kind == ASHLAR_STEP_SPLIT &&
                               (steps[step].flags & ASHLAR_SPLIT_BYTES) != 0,
                   .last_end = NO_MATCH};
}

int ashlar_out_of_budget(encoding *state) {
  return ashlar_fail(state->error,
                     "the text takes too many steps to match the tokenizer's "
                     "patterns; give it in smaller parts");
}

/* The character at `at` for the pattern, and its bytes. */
static uint32_t read_at(const matches *scan, size_t at, size_t *length) {
  if (!scan->by_bytes)
    return ashlar_utf8_read(scan->text.bytes + at, scan->text.count - at,
                            length);
  *length = 1;
  return scan->text.bytes[at];
}

/* The class of the character at `at`, and its bytes; 0 of them for the end. */
static uint32_t class_at(const matches *scan, size_t at, size_t *length) {
  uint32_t classes = scan->pattern->classes;
  *length = 0;
  if (at >= scan->text.count)
    return classes - 1;
  uint32_t c = read_at(scan, at, length);
  if (c == '\n' && at + 1 == scan->text.count &&
      (scan->pattern->flags & ASHLAR_PATTERN_LAST_LINE))
    return classes - 2;
  return scan->classes[table_index(scan->pages, c)];
}

/* The state that reads from `at` on. */
static uint32_t start_at(const matches *scan, size_t at) {
  if (!scan->starts)
    return scan->pattern->start;
  if (at == 0)
    return scan->starts[scan->pattern->classes - 1];
  size_t length = scan->by_bytes ? 1 : ashlar_utf8_last(scan->text.bytes, at);
  return scan->starts[class_at(scan, at - length, &length)];
}

/* Where the match that begins at `at` ends. */
static size_t match_at(encoding *state, const matches *scan, size_t at) {
  uint32_t classes = scan->pattern->classes;
  uint32_t dfa = start_at(scan, at);
  size_t end = NO_MATCH;
  while (dfa != 0 && state->budget > 0) {
    size_t length;
    uint32_t class = class_at(scan, at, &length);
    uint32_t next = scan->transitions[(size_t)dfa * classes + class];
    if (next & ASHLAR_TEXT_MATCH)
      end = at;
    if (length == 0)
      break;
    dfa = next & (ASHLAR_TEXT_MATCH - 1);
    at += length;
    --state->budget;
  }
  return end;
}

/*===-- Patterns that a matcher follows ----------------------------------===*/

/* Writes a letter for each character of the text. */
static int spell(encoding *state, matches *scan) {
  buffer *out = &state->letters[scan->step];
  if (ashlar_buffer_reserve(out, scan->text.count * sizeof(uint32_t),
                            state->error))
    return 1;
  uint32_t *letters = (uint32_t *)out->bytes;
  for (size_t at = 0, length; at < scan->text.count; at += length) {
    uint32_t c = read_at(scan, at, &length);
    uint32_t class = scan->classes[table_index(scan->pages, c)];
    if (scan->by_bytes)
      c += ASHLAR_TEXT_CODE_POINTS;
    letters[scan->letters++] = class << ASHLAR_TEXT_CLASS_SHIFT | c;
  }
  return 0;
}

/* Goes on to a letter. */
static void go_to(matches *scan, size_t letter) {
  for (size_t length; scan->letter < letter; ++scan->letter) {
    read_at(scan, scan->at, &length);
    scan->at += length;
  }
}

/* A matcher may look back to the text's beginning, so it gets all of it. */
static int next_by_matcher(encoding *state, matches *scan) {
  const ashlar_text_matcher *matcher = state->text->matcher;
  if (!matcher) {
    ashlar_text_check_reads(state->text, state->error);
    return -1;
  }
  if (scan->letters == 0 && scan->text.count > 0 && spell(state, scan))
    return -1;
  const uint32_t *letters = (uint32_t *)state->letters[scan->step].bytes;
  while (scan->letter <= scan->letters) {
    size_t begin, end;
    int found =
        matcher->find(matcher->user, scan->step, letters, scan->letters,
                      scan->letter, &state->budget, &begin, &end, state->error);
    if (found < 0 && state->budget == 0)
      ashlar_out_of_budget(state);
    if (found <= 0)
      return found;
    go_to(scan, begin);
    scan->begin = scan->at;
    /* An empty one where the last has ended does not count. */
    if (begin == end && scan->last_end == scan->at) {
      if (begin == scan->letters)
        return 0;
      go_to(scan, begin + 1);
      continue;
    }
    go_to(scan, end);
    scan->end = scan->last_end = scan->at;
    return 1;
  }
  return 0;
}

int ashlar_next_match(encoding *state, matches *scan) {
  if (scan->pattern->notation.bytes > 0)
    return next_by_matcher(state, scan);
  while (scan->at <= scan->text.count) {
    size_t at = scan->at;
    size_t end = match_at(state, scan, at);
    if (state->budget == 0) {
      ashlar_out_of_budget(state);
      return -1;
    }
    /* No match here, or an empty one where the last has ended. */
    if (end == NO_MATCH || (end == at && scan->last_end == at)) {
      size_t length = 1;
      if (at < scan->text.count)
        read_at(scan, at, &length);
      scan->at += length;
      continue;
    }
    scan->begin = at;
    scan->end = scan->at = scan->last_end = end;
    return 1;
  }
  return 0;
}

trie ashlar_trie(const ashlar_text *text, const ashlar_text_trie *where) {
  return (trie){section(text, where->first), section(text, where->labels),
                section(text, where->values)};
}

uint32_t ashlar_trie_child(const trie *in, uint32_t node, unsigned char label) {
  uint32_t low = in->first[node], high = in->first[node + 1], end = high;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (in->labels[middle] < label)
      low = middle + 1;
    else
      high = middle;
  }
  return low < end && in->labels[low] == label ? low : 0;
}
