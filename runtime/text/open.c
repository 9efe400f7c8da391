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

/* A table whose entries, of `size` bytes, are checked by the caller. */
static const void *check_table(check *state, const ashlar_text_table *table,
                               size_t size, const char *what) {
  const uint16_t *pages = elements(state, table->pages, sizeof(*pages), what);
  const void *entries = elements(state, table->entries, size, what);
  uint32_t count = table->entries.count;
  if (!pages || !entries || table->pages.count != ASHLAR_TEXT_PAGES ||
      count % 256 != 0) {
    fault(state, what);
    return NULL;
  }
  for (uint32_t i = 0; i < table->pages.count; ++i)
    if (pages[i] >= count / 256)
      fault(state, what);
  return entries;
}

/* Values are below `limit`. A path gets longer with every edge, so that it ends
   whatever the edges are. */
static void check_trie(check *state, const ashlar_text_trie *tree,
                       uint32_t roots, uint32_t limit, const char *what) {
  uint32_t nodes = tree->values.count;
  const uint32_t *first = elements(state, tree->first, sizeof(*first), what);
  const int32_t *values = elements(state, tree->values, sizeof(*values), what);
  if (!first || !values || !elements(state, tree->labels, 1, what) ||
      nodes < roots || tree->labels.count != nodes ||
      tree->first.count != (uint64_t)nodes + 1 || first[nodes] > nodes) {
    fault(state, what);
    return;
  }
  for (uint32_t i = 0; i < nodes; ++i)
    if (first[i] > first[i + 1] || first[i] == 0 ||
        values[i] < ASHLAR_TEXT_NONE || values[i] >= (int64_t)limit)
      fault(state, what);
}

/* Token ids or ASHLAR_TEXT_NONE. */
static void check_ids(check *state, const ashlar_text_header *header,
                      ashlar_text_section where, const char *what) {
  const int32_t *ids = elements(state, where, sizeof(*ids), what);
  for (uint32_t i = 0; ids && i < where.count; ++i)
    if (ids[i] < ASHLAR_TEXT_NONE || ids[i] >= (int64_t)header->tokens.count)
      fault(state, what);
}

/* Entries are numbers of elements, from 1; 0 = free. */
static void check_hash(check *state, ashlar_text_section where, uint32_t limit,
                       uint32_t probe, const char *what) {
  const uint32_t *hash = elements(state, where, sizeof(*hash), what);
  if (!hash || (where.count & (where.count - 1)) != 0 || probe > where.count) {
    fault(state, what);
    return;
  }
  for (uint32_t i = 0; i < where.count; ++i)
    if (hash[i] > limit)
      fault(state, what);
}

static void check_settings(check *state, ashlar_text_section where,
                           const char *what) {
  const int32_t *ids = elements(state, where, sizeof(*ids), what);
  for (uint32_t i = 0; ids && i < where.count; ++i)
    if (ids[i] < 0)
      fault(state, what);
}

static void check_generation(check *state, const ashlar_text_header *header) {
  check_settings(state, header->end_tokens, "end tokens");
  check_settings(state, header->decoder_start, "decoder start");
  check_settings(state, header->suppressed, "suppressed tokens");
  check_settings(state, header->suppressed_at_begin, "suppressed tokens");
  if (header->forced_first < ASHLAR_TEXT_NONE ||
      header->forced_last < ASHLAR_TEXT_NONE ||
      header->max_length < ASHLAR_TEXT_NONE ||
      header->max_new_tokens < ASHLAR_TEXT_NONE)
    fault(state, "generation settings");
  double penalty = header->length_penalty;
  if (!(penalty >= -ASHLAR_MAX_LENGTH_PENALTY &&
        penalty <= ASHLAR_MAX_LENGTH_PENALTY) ||
      header->early_stopping > ASHLAR_EARLY_STOPPING_NEVER ||
      header->num_return_sequences < 1 ||
      header->num_return_sequences > INT32_MAX)
    fault(state, "beam search");
  if (header->pooling > ASHLAR_POOLING_OTHER || header->normalize > 1)
    fault(state, "sentence embedding");
  check_strings(state, header->labels, "labels");
  if (header->label_scores > ASHLAR_SCORES_LOGITS)
    fault(state, "labels");
  check_string(state, header->prompt, "texts to embed");
  if (header->most_tokens > INT32_MAX || header->padded_tokens > INT32_MAX ||
      header->padding < 0)
    fault(state, "texts to embed");
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
  check_hash(state, header->hash, count, header->max_probe, "vocabulary");
  const ashlar_text_item *items =
      elements(state, header->items, sizeof(*items), "template");
  for (uint32_t i = 0; items && i < header->items.count; ++i)
    if (items[i].id < ASHLAR_TEXT_NONE || items[i].id >= (int64_t)count ||
        items[i].type < 0)
      fault(state, "template");
  if (header->decoded.count != count || header->firsts.count != count)
    fault(state, "decoder");
  check_strings(state, header->decoded, "decoder");
  check_strings(state, header->firsts, "decoder");
  if (header->decoder_flags & ASHLAR_DECODER_LAST) {
    if (header->lasts.count != count)
      fault(state, "decoder");
    check_strings(state, header->lasts, "decoder");
  }
}

static void check_chat(check *state, const ashlar_text_header *header) {
  static const char what[] = "chat template";
  if ((header->chat_flags & ~(uint32_t)ASHLAR_CHAT_FLAGS) ||
      (header->chat_texts & ~(uint32_t)ASHLAR_CHAT_TEXTS))
    fault(state, what);
  for (int i = 0; i < 2; ++i)
    check_string(state, header->chat[i], what);
  for (int i = 0; i < 3; ++i)
    check_string(state, header->system_chat[i], what);
  for (int i = 0; i < 2; ++i) {
    check_string(state, header->turn[i], what);
    check_string(state, header->system_turn[i], what);
  }
}

static void check_languages(check *state, const ashlar_text_header *header) {
  static const char what[] = "languages";
  const ashlar_text_language *languages =
      elements(state, header->languages, sizeof(*languages), what);
  for (uint32_t i = 0; languages && i < header->languages.count; ++i) {
    check_string(state, languages[i].code, what);
    if (languages[i].id < 0 || languages[i].id >= (int64_t)header->tokens.count)
      fault(state, what);
  }
  const int32_t *ids =
      elements(state, header->language_start, sizeof(*ids), what);
  if (header->language_start.count > ASHLAR_TEXT_MAX_LANGUAGE_START)
    fault(state, what);
  for (uint32_t i = 0; ids && i < header->language_start.count; ++i)
    if (ids[i] < ASHLAR_TEXT_NONE)
      fault(state, what);
}

static void check_added(check *state, const ashlar_text_header *header) {
  static const char what[] = "added tokens";
  const ashlar_text_added *added =
      elements(state, header->added, sizeof(*added), what);
  for (uint32_t i = 0; added && i < header->added.count; ++i)
    if (added[i].id < 0 || added[i].id >= (int64_t)header->tokens.count ||
        (header->classes.pages.count == 0 &&
         (added[i].flags & ~(uint32_t)ASHLAR_ADDED_SPECIAL)))
      fault(state, what);
  check_trie(state, &header->added_tries, /*roots=*/2, header->added.count,
             what);
  if (header->classes.pages.count > 0)
    check_table(state, &header->classes, 1, "character classes");
}

/* The states of a pattern that tables follow. */
static void check_states(check *state, const ashlar_text_pattern *pattern,
                         const char *what) {
  const uint16_t *next =
      elements(state, pattern->transitions, sizeof(*next), what);
  const uint16_t *starts =
      elements(state, pattern->starts, sizeof(*starts), what);
  int last_line = (pattern->flags & ASHLAR_PATTERN_LAST_LINE) != 0;
  if (!next || pattern->classes < (last_line ? 2 : 1) ||
      pattern->states > ASHLAR_TEXT_MATCH ||
      pattern->start >= pattern->states ||
      pattern->transitions.count !=
          (uint64_t)pattern->states * pattern->classes ||
      (starts && pattern->starts.count != pattern->classes)) {
    fault(state, what);
    return;
  }
  for (uint32_t i = 0; i < pattern->transitions.count; ++i)
    if ((next[i] & (ASHLAR_TEXT_MATCH - 1)) >= pattern->states)
      fault(state, what);
  for (uint32_t i = 0; starts && i < pattern->starts.count; ++i)
    if (starts[i] >= pattern->states)
      fault(state, what);
}

static void check_pattern(check *state, const ashlar_text_pattern *pattern,
                          const char *what) {
  const uint16_t *classes =
      check_table(state, &pattern->table, sizeof(*classes), what);
  int outside = pattern->notation.bytes > 0;
  check_string(state, pattern->notation, what);
  if (pattern->classes > (outside ? ASHLAR_TEXT_MAX_LETTER_CLASSES + 1 : 65536))
    fault(state, what);
  for (uint32_t i = 0; classes && i < pattern->table.entries.count; ++i)
    if (classes[i] >= pattern->classes)
      fault(state, what);
  if (!outside)
    check_states(state, pattern, what);
}

static void check_map(check *state, const ashlar_text_step *step) {
  static const char what[] = "normalizer";
  const int32_t *entries =
      check_table(state, &step->map, sizeof(*entries), what);
  check_strings(state, step->strings, what);
  for (uint32_t i = 0; entries && i < step->map.entries.count; ++i)
    if (entries[i] >= ASHLAR_TEXT_REPLACED &&
        (uint32_t)(entries[i] - ASHLAR_TEXT_REPLACED) >= step->strings.count)
      fault(state, what);
}

static void check_form(check *state, const ashlar_text_step *step) {
  static const char what[] = "normalizer";
  check_map(state, step);
  check_table(state, &step->orders, 1, what);
  const ashlar_text_pair *pairs =
      elements(state, step->pairs, sizeof(*pairs), what);
  for (uint32_t i = 0; pairs && i < step->pairs.count; ++i)
    if (pairs[i].composed >= ASHLAR_TEXT_CODE_POINTS ||
        pairs[i].composed >> 11 == 0xD800 >> 11)
      fault(state, what);
}

static void check_step(check *state, const ashlar_text_step *step,
                       int normalizes) {
  const char *what = normalizes ? "normalizer" : "pre-tokenizer";
  check_string(state, step->string, what);
  switch (step->kind) {
  case ASHLAR_STEP_SPLIT:
    if (normalizes)
      fault(state, what);
    check_pattern(state, &step->pattern, what);
    break;
  case ASHLAR_STEP_MAP:
    check_map(state, step);
    break;
  case ASHLAR_STEP_FORM:
    check_form(state, step);
    break;
  case ASHLAR_STEP_STRIP:
    check_table(state, &step->orders, 1, what);
    break;
  case ASHLAR_STEP_PREPEND:
    break;
  case ASHLAR_STEP_REPLACE:
    check_pattern(state, &step->pattern, what);
    break;
  case ASHLAR_STEP_CHARSMAP:
    check_pattern(state, &step->pattern, what);
    if (!elements(state, step->units, sizeof(uint32_t), what))
      fault(state, what);
    break;
  default:
    fault(state, what);
  }
}

static void check_steps(check *state, const ashlar_text_header *header) {
  const ashlar_text_step *steps =
      elements(state, header->steps, sizeof(*steps), "pre-tokenizer");
  if (header->steps.count > ASHLAR_TEXT_MAX_STEPS ||
      header->normalizer_steps > header->steps.count)
    fault(state, "pre-tokenizer");
  for (uint32_t i = 0; steps && !state->fault && i < header->steps.count; ++i)
    check_step(state, &steps[i], i < header->normalizer_steps);
}

static void check_merges(check *state, const ashlar_text_header *header) {
  static const char what[] = "merges";
  uint32_t count = header->merges.count, tokens = header->tokens.count;
  const ashlar_text_merge *merges =
      elements(state, header->merges, sizeof(*merges), what);
  for (uint32_t i = 0; merges && i < count; ++i)
    if (merges[i].merged < 0 || merges[i].merged >= (int64_t)tokens)
      fault(state, what);
  if (header->merge_hash.count > 0)
    check_hash(state, header->merge_hash, count, header->max_merge_probe, what);
  check_string(state, header->prefix, what);
  check_string(state, header->suffix, what);
  if (header->prefix.bytes > ASHLAR_TEXT_MAX_AFFIX ||
      header->suffix.bytes > ASHLAR_TEXT_MAX_AFFIX)
    fault(state, what);
}

static void check_model(check *state, const ashlar_text_header *header) {
  uint32_t tokens = header->tokens.count;
  if (header->unknown < ASHLAR_TEXT_NONE || header->unknown >= (int64_t)tokens)
    fault(state, "unknown token");
  if ((header->model_flags & ASHLAR_MODEL_FALLBACK) &&
      header->byte_tokens.count != 256)
    fault(state, "tokens of bytes");
  check_ids(state, header, header->byte_tokens, "tokens of bytes");
  check_merges(state, header);
  if (header->model == ASHLAR_MODEL_WORDPIECE)
    check_trie(state, &header->vocabulary, /*roots=*/2, tokens, "vocabulary");
  if (header->model == ASHLAR_MODEL_UNIGRAM) {
    check_trie(state, &header->vocabulary, /*roots=*/1, tokens, "vocabulary");
    if (header->scores.count != tokens ||
        !elements(state, header->scores, sizeof(double), "scores"))
      fault(state, "scores");
  }
  if (header->model > ASHLAR_MODEL_UNIGRAM)
    fault(state, "model");
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
    check_steps(&state, header);
    check_model(&state, header);
    check_chat(&state, header);
    check_languages(&state, header);
  }
  if (state.fault)
    return ashlar_fail(error, "the text tables are damaged (%s)", state.fault);
  text->blob = blob;
  text->header = header;
  text->matcher = NULL;
  return 0;
}
