/*===- match.c - Patterns and tries --------------------------------- C -*-===*/

#include "runtime/text/internal.h"

matches ashlar_matches(const ashlar_text *text,
                       const ashlar_text_pattern *pattern, piece in) {
  return (matches){.pattern = pattern,
                   .pages = section(text, pattern->table.pages),
                   .classes = section(text, pattern->table.entries),
                   .transitions = section(text, pattern->transitions),
                   .text = in,
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

/* Where the match that begins at `at` ends. */
static size_t match_at(encoding *state, const matches *scan, size_t at) {
  uint32_t classes = scan->pattern->classes;
  uint32_t dfa = scan->pattern->start;
  size_t end = NO_MATCH;
  while (dfa != 0 && state->budget > 0) {
    size_t length = 0;
    uint32_t class = classes - 1; /* the end of the text */
    if (at < scan->text.count)
      class =
          scan->classes[table_index(scan->pages, read_at(scan, at, &length))];
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

int ashlar_next_match(encoding *state, matches *scan) {
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
