/*===- open.c - Is this blob sound? --------------------------------- C -*-===*/

#include "runtime/text/internal.h"

#include <string.h>

/* The blob is checked part by part; the first fault is named and ends it. */
typedef struct check {
  const unsigned char *blob;
  size_t bytes;
  const char *fault; /* null so far */
} check;

static void fault(check *state, const char *what) {
  if (!state->fault)
    state->fault = what;
}

/* The section's elements; null when there are none or they lie outside. */
static const void *elements(check *state, ashlar_text_section where,
                            size_t size, const char *what) {
  if (where.count == 0)
    return NULL;
  if (where.offset % ASHLAR_TEXT_ALIGNMENT == 0 &&
      where.offset <= state->bytes &&
      where.count <= (state->bytes - where.offset) / size)
    return state->blob + where.offset;
  fault(state, what);
  return NULL;
}

static void check_string(check *state, ashlar_text_string where,
                         const char *what) {
  if (where.offset > state->bytes || where.bytes > state->bytes - where.offset)
    fault(state, what);
}

static void check_strings(check *state, ashlar_text_section where,
                          const char *what) {
  const ashlar_text_string *strings =
      elements(state, where, sizeof(*strings), what);
  for (uint32_t i = 0; strings && i < where.count; ++i)
    check_string(state, strings[i], what);
}

/* Pages of a two-level table whose entries are checked by the caller. */
static void check_pages(check *state, ashlar_text_section pages,
                        uint32_t entries, const char *what) {
  const uint16_t *numbers = elements(state, pages, sizeof(*numbers), what);
  if (!numbers || pages.count != ASHLAR_TEXT_PAGES || entries % 256 != 0) {
    fault(state, what);
    return;
  }
  for (uint32_t i = 0; i < pages.count; ++i)
    if (numbers[i] >= entries / 256)
      fault(state, what);
}

static void check_generation(check *state, const ashlar_text_header *header) {
  const int32_t *ends =
      elements(state, header->end_tokens, sizeof(*ends), "end tokens");
  for (uint32_t i = 0; ends && i < header->end_tokens.count; ++i)
    if (ends[i] < 0)
      fault(state, "end tokens");
  if (header->decoder_start < ASHLAR_TEXT_NONE ||
      header->forced_first < ASHLAR_TEXT_NONE ||
      header->forced_last < ASHLAR_TEXT_NONE ||
      header->max_length < ASHLAR_TEXT_NONE ||
      header->max_new_tokens < ASHLAR_TEXT_NONE)
    fault(state, "generation settings");
  check_strings(state, header->labels, "labels");
}

static void check_tokens(check *state, const ashlar_text_header *header) {
  uint32_t count = header->tokens.count;
  const ashlar_text_token *tokens =
      elements(state, header->tokens, sizeof(*tokens), "tokens");
  if (!tokens || count > INT32_MAX) {
    fault(state, "tokens");
    return;
  }
  for (uint32_t i = 0; i < count; ++i)
    check_string(state, tokens[i].text, "tokens");
  const uint32_t *hash =
      elements(state, header->hash, sizeof(*hash), "vocabulary");
  if (!hash || (header->hash.count & (header->hash.count - 1)) != 0 ||
      header->max_probe > header->hash.count) {
    fault(state, "vocabulary");
    return;
  }
  for (uint32_t i = 0; i < header->hash.count; ++i)
    if (hash[i] > count)
      fault(state, "vocabulary");
  if (header->unknown < ASHLAR_TEXT_NONE || header->unknown >= (int64_t)count)
    fault(state, "unknown token");
  const ashlar_text_item *items =
      elements(state, header->items, sizeof(*items), "template");
  for (uint32_t i = 0; items && i < header->items.count; ++i)
    if (items[i].id < ASHLAR_TEXT_NONE || items[i].id >= (int64_t)count ||
        items[i].type < 0)
      fault(state, "template");
}

static void check_added(check *state, const ashlar_text_header *header) {
  const ashlar_text_added *added =
      elements(state, header->added, sizeof(*added), "added tokens");
  for (uint32_t i = 0; added && i < header->added.count; ++i)
    if (added[i].id < 0 || added[i].id >= (int64_t)header->tokens.count ||
        (header->class_pages.count == 0 &&
         (added[i].flags & ~(uint32_t)ASHLAR_ADDED_SPECIAL)))
      fault(state, "added tokens");
  const ashlar_text_node *nodes =
      elements(state, header->nodes, sizeof(*nodes), "trie of added tokens");
  const ashlar_text_edge *edges =
      elements(state, header->edges, sizeof(*edges), "trie of added tokens");
  uint32_t count = header->nodes.count;
  if (!nodes || header->raw_root < 0 || header->raw_root >= (int64_t)count ||
      header->normalized_root < 0 || header->normalized_root >= (int64_t)count)
    fault(state, "trie of added tokens");
  for (uint32_t i = 0; nodes && !state->fault && i < count; ++i) {
    if (nodes[i].first_edge > header->edges.count ||
        nodes[i].edges > header->edges.count - nodes[i].first_edge ||
        nodes[i].added < ASHLAR_TEXT_NONE ||
        nodes[i].added >= (int64_t)header->added.count) {
      fault(state, "trie of added tokens");
      return;
    }
    for (uint32_t j = 0; j < nodes[i].edges; ++j) {
      uint32_t next = edges[nodes[i].first_edge + j].node;
      if (next <= i || next >= count)
        fault(state, "trie of added tokens");
    }
  }
  if (header->class_pages.count == 0)
    return;
  elements(state, header->class_entries, 1, "character classes");
  check_pages(state, header->class_pages, header->class_entries.count,
              "character classes");
}

static void check_map(check *state, const ashlar_text_header *header) {
  if (header->map_growth < 1 || header->map_growth > ASHLAR_TEXT_MAX_GROWTH)
    fault(state, "normalizer");
  check_strings(state, header->map_strings, "normalizer");
  if (header->map_pages.count == 0)
    return;
  const int32_t *entries =
      elements(state, header->map_entries, sizeof(*entries), "normalizer");
  check_pages(state, header->map_pages, header->map_entries.count,
              "normalizer");
  for (uint32_t i = 0; entries && i < header->map_entries.count; ++i)
    if (entries[i] >= ASHLAR_TEXT_REPLACED &&
        (uint32_t)(entries[i] - ASHLAR_TEXT_REPLACED) >=
            header->map_strings.count)
      fault(state, "normalizer");
}

static void check_split(check *state, const ashlar_text_split *split) {
  static const char what[] = "pre-tokenizer";
  const uint16_t *classes =
      elements(state, split->entries, sizeof(*classes), what);
  const uint16_t *next =
      elements(state, split->transitions, sizeof(*next), what);
  const uint8_t *accepting = elements(state, split->accepting, 1, what);
  check_pages(state, split->pages, split->entries.count, what);
  if (!classes || !next || !accepting || split->classes > 65536 ||
      split->states > 65536 || split->start >= split->states ||
      split->accepting.count != split->states ||
      split->transitions.count != (uint64_t)split->states * split->classes) {
    fault(state, what);
    return;
  }
  for (uint32_t i = 0; i < split->entries.count; ++i)
    if (classes[i] >= split->classes)
      fault(state, what);
  for (uint32_t i = 0; i < split->transitions.count; ++i)
    if (next[i] >= split->states)
      fault(state, what);
}

int ashlar_text_open(const void *blob, size_t bytes, ashlar_text *text,
                     ashlar_error *error) {
  const ashlar_text_header *header = blob;
  if (!blob)
    return ashlar_fail(error, "the artifact has no text tables");
  if ((uintptr_t)blob % ASHLAR_TEXT_ALIGNMENT != 0)
    return ashlar_fail(error, "the text tables are not aligned to %d bytes",
                       ASHLAR_TEXT_ALIGNMENT);
  if (bytes < sizeof(*header) ||
      memcmp(header->magic, ASHLAR_TEXT_MAGIC, sizeof(header->magic)) != 0)
    return ashlar_fail(error, "the text tables are truncated or foreign");
  if (header->version != ASHLAR_TEXT_VERSION)
    return ashlar_fail(error,
                       "the text tables have version %u; this build reads %d",
                       header->version, ASHLAR_TEXT_VERSION);
  if (header->bytes != bytes)
    return ashlar_fail(error, "the text tables have %zu bytes, not %u", bytes,
                       header->bytes);
  check state = {.blob = blob, .bytes = bytes};
  check_generation(&state, header);
  if (header->has_tokenizer) {
    check_tokens(&state, header);
    check_added(&state, header);
    check_map(&state, header);
    const ashlar_text_split *splits =
        elements(&state, header->splits, sizeof(*splits), "pre-tokenizer");
    if (header->splits.count > ASHLAR_TEXT_MAX_SPLITS)
      fault(&state, "pre-tokenizer");
    for (uint32_t i = 0; splits && !state.fault && i < header->splits.count;
         ++i)
      check_split(&state, &splits[i]);
  }
  if (state.fault)
    return ashlar_fail(error, "the text tables are damaged (%s)", state.fault);
  text->blob = blob;
  text->header = header;
  return 0;
}
