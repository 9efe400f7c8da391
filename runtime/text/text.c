/*===- text.c - Text to token ids and back -------------------------- C -*-===*/

#include "runtime/text/text.h"
#include "runtime/text/internal.h"

#include <stdlib.h>
#include <string.h>

int ashlar_text_has_tokenizer(const ashlar_text *text) {
  return text->header->has_tokenizer != 0;
}

void ashlar_encoding_add(encoding *state, int32_t id) {
  if (state->count < state->capacity) {
    state->ids[state->count] = id;
    if (state->types)
      state->types[state->count] = state->type;
  }
  ++state->count;
}

/*===-- Characters -------------------------------------------------------===*/

static int in_class(const ashlar_text *text, uint32_t c, int class) {
  const uint16_t *pages = section(text, text->header->class_pages);
  const uint8_t *entries = section(text, text->header->class_entries);
  return (entries[table_index(pages, c)] & class) != 0;
}

/* Whether a character of `class` begins (or ends) the text. */
static int begins_with(const ashlar_text *text, const unsigned char *bytes,
                       size_t count, int class, size_t *length) {
  return count > 0 &&
         in_class(text, ashlar_utf8_read(bytes, count, length), class);
}

static int ends_with(const ashlar_text *text, const unsigned char *bytes,
                     size_t count, int class, size_t *length) {
  size_t unused;
  if (count == 0)
    return 0;
  *length = ashlar_utf8_last(bytes, count);
  return in_class(
      text, ashlar_utf8_read(bytes + count - *length, *length, &unused), class);
}

/* Copies text with everything that is no UTF-8 replaced; at most 3 bytes for
   each byte. */
static size_t make_valid(const unsigned char *input, size_t bytes,
                         unsigned char *out) {
  size_t written = 0;
  for (size_t at = 0, length; at < bytes; at += length)
    written += ashlar_utf8_write(
        ashlar_utf8_read(input + at, bytes - at, &length), out + written);
  return written;
}

/*===-- Normalizer -------------------------------------------------------===*/

/* Into state->normalized; its size, or an error when a damaged table makes more
   of the text than it promises. */
static int normalize(encoding *state, const unsigned char *bytes, size_t count,
                     size_t *written) {
  const ashlar_text *text = state->text;
  const ashlar_text_header *header = text->header;
  const uint16_t *pages = section(text, header->map_pages);
  const int32_t *entries = section(text, header->map_entries);
  const ashlar_text_string *strings = section(text, header->map_strings);
  unsigned char *out = state->normalized;
  *written = 0;
  for (size_t at = 0, length; at < count; at += length) {
    uint32_t c = ashlar_utf8_read(bytes + at, count - at, &length);
    int32_t entry = entries[table_index(pages, c)];
    unsigned char buffer[4];
    const void *part = buffer;
    size_t size;
    if (entry >= ASHLAR_TEXT_REPLACED) {
      ashlar_text_string replacement = strings[entry - ASHLAR_TEXT_REPLACED];
      part = string(text, replacement);
      size = replacement.bytes;
    } else {
      uint32_t mapped = c + (uint32_t)entry;
      if (mapped >= ASHLAR_TEXT_CODE_POINTS || mapped >> 11 == 0xD800 >> 11)
        mapped = REPLACEMENT;
      size = ashlar_utf8_write(mapped, buffer);
    }
    if (size > state->normalized_bytes - *written)
      return ashlar_fail(state->error, "the text tables are damaged "
                                       "(normalizer)");
    memcpy(out + *written, part, size);
    *written += size;
  }
  return 0;
}

/*===-- Added tokens -----------------------------------------------------===*/

/* The longest added token that begins the text: its index, or none. */
static int32_t longest_added(const ashlar_text *text, int32_t root,
                             const unsigned char *bytes, size_t count,
                             size_t *length) {
  const ashlar_text_node *nodes = section(text, text->header->nodes);
  const ashlar_text_edge *edges = section(text, text->header->edges);
  const ashlar_text_node *node = &nodes[root];
  int32_t found = ASHLAR_TEXT_NONE;
  for (size_t at = 0; at < count; ++at) {
    uint32_t low = node->first_edge, high = low + node->edges;
    while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (edges[middle].byte < bytes[at])
        low = middle + 1;
      else
        high = middle;
    }
    if (low == node->first_edge + node->edges || edges[low].byte != bytes[at])
      break;
    node = &nodes[edges[low].node];
    if (node->added != ASHLAR_TEXT_NONE) {
      found = node->added;
      *length = at + 1;
    }
  }
  return found;
}

/* Whether an added token at [begin, end) counts, given what surrounds it. */
static int counts(const encoding *state, const ashlar_text_added *token,
                  const unsigned char *bytes, size_t count, size_t begin,
                  size_t end) {
  size_t unused;
  if ((token->flags & ASHLAR_ADDED_SPECIAL) &&
      !(state->flags & ASHLAR_TEXT_SPECIAL))
    return 0;
  if (!(token->flags & ASHLAR_ADDED_SINGLE_WORD))
    return 1;
  return !ends_with(state->text, bytes, begin, ASHLAR_CLASS_WORD, &unused) &&
         !begins_with(state->text, bytes + end, count - end, ASHLAR_CLASS_WORD,
                      &unused);
}

typedef int (*section_function)(encoding *state, const unsigned char *bytes,
                                size_t count);

/* Adds the added tokens of the trie at `root` and hands on what lies between.
 */
static int cut_at_added(encoding *state, int32_t root,
                        const unsigned char *bytes, size_t count,
                        section_function rest) {
  const ashlar_text *text = state->text;
  const ashlar_text_added *added = section(text, text->header->added);
  const ashlar_text_node *nodes = section(text, text->header->nodes);
  size_t done = 0;
  for (size_t at = 0; nodes[root].edges && at < count;) {
    size_t length = 1;
    int32_t index = longest_added(text, root, bytes + at, count - at, &length);
    size_t begin = at, end = at + length;
    at = end;
    if (index == ASHLAR_TEXT_NONE ||
        !counts(state, &added[index], bytes, count, begin, end))
      continue;
    const ashlar_text_added *token = &added[index];
    size_t space;
    while ((token->flags & ASHLAR_ADDED_LSTRIP) && begin > done &&
           ends_with(text, bytes, begin, ASHLAR_CLASS_SPACE, &space))
      begin -= space;
    while (
        (token->flags & ASHLAR_ADDED_RSTRIP) &&
        begins_with(text, bytes + end, count - end, ASHLAR_CLASS_SPACE, &space))
      end += space;
    if (begin > done && rest(state, bytes + done, begin - done))
      return 1;
    ashlar_encoding_add(state, token->id);
    done = end;
  }
  return done < count ? rest(state, bytes + done, count - done) : 0;
}

static int encode_normalized(encoding *state, const unsigned char *bytes,
                             size_t count) {
  return ashlar_encode_pieces(state, 0, bytes, count);
}

static int encode_raw(encoding *state, const unsigned char *bytes,
                      size_t count) {
  if (state->text->header->map_pages.count != 0) {
    if (normalize(state, bytes, count, &count))
      return 1;
    bytes = state->normalized;
  }
  return cut_at_added(state, state->text->header->normalized_root, bytes, count,
                      encode_normalized);
}

/*===-- Encoding ---------------------------------------------------------===*/

size_t ashlar_text_scratch_bytes(const ashlar_text *text, size_t bytes) {
  if (!text->header->has_tokenizer || bytes > ASHLAR_TEXT_MAX_BYTES)
    return 0;
  return 3 * bytes * (1 + text->header->map_growth);
}

static int check_text(const ashlar_text *text, size_t bytes,
                      ashlar_error *error) {
  if (!text->header->has_tokenizer)
    return ashlar_fail(error, "the model has no tokenizer: give token ids");
  if (bytes > ASHLAR_TEXT_MAX_BYTES)
    return ashlar_fail(error, "text of %zu bytes; at most %u are supported",
                       bytes, ASHLAR_TEXT_MAX_BYTES);
  return 0;
}

int ashlar_text_encode(const ashlar_text *text, const char *input, size_t bytes,
                       unsigned flags, void *scratch, size_t scratch_bytes,
                       int32_t *ids, int32_t *types, size_t capacity,
                       size_t *count, ashlar_error *error) {
  const ashlar_text_header *header = text->header;
  *count = 0;
  if (check_text(text, bytes, error))
    return 1;
  if (scratch_bytes < ashlar_text_scratch_bytes(text, bytes))
    return ashlar_fail(error, "%zu bytes of scratch memory; the text needs %zu",
                       scratch_bytes, ashlar_text_scratch_bytes(text, bytes));
  unsigned char *valid = scratch;
  encoding state = {.text = text,
                    .flags = flags,
                    .ids = ids,
                    .types = types,
                    .capacity = capacity,
                    /* A pattern may look far ahead in vain at every character:
                       linear time for all that matters, and an end to it. */
                    .budget = 1000000 + 1000 * (uint64_t)bytes,
                    .normalized = valid + 3 * bytes,
                    .normalized_bytes = 3 * bytes * header->map_growth,
                    .error = error};
  size_t valid_bytes = make_valid((const unsigned char *)input, bytes, valid);
  const ashlar_text_item *items = section(text, header->items);
  for (uint32_t i = 0; i < header->items.count; ++i) {
    state.type = items[i].type;
    if (items[i].id != ASHLAR_TEXT_NONE)
      ashlar_encoding_add(&state, items[i].id);
    else if (cut_at_added(&state, header->raw_root, valid, valid_bytes,
                          encode_raw))
      return 1;
  }
  *count = state.count;
  if (state.count > capacity)
    return ashlar_fail(error, "the text has %zu tokens; there is room for %zu",
                       state.count, capacity);
  return 0;
}

int ashlar_text_tokens(const ashlar_text *text, const char *input, size_t bytes,
                       unsigned flags, ashlar_tokens *tokens,
                       ashlar_error *error) {
  *tokens = (ashlar_tokens){0};
  if (check_text(text, bytes, error))
    return 1;
  size_t scratch_bytes = ashlar_text_scratch_bytes(text, bytes);
  /* Each token takes a byte of normalized text at least. */
  size_t capacity =
      text->header->items.count + 3 * bytes * text->header->map_growth;
  void *scratch = malloc(scratch_bytes + 1);
  int32_t *ids = malloc((capacity + 1) * 2 * sizeof(int32_t));
  int failed = !scratch || !ids;
  if (failed)
    ashlar_fail(error, "out of memory for a text of %zu bytes", bytes);
  size_t count = 0;
  if (!failed)
    failed =
        ashlar_text_encode(text, input, bytes, flags, scratch, scratch_bytes,
                           ids, ids + capacity, capacity, &count, error);
  free(scratch);
  if (failed) {
    free(ids);
    return 1;
  }
  memmove(ids + count, ids + capacity, count * sizeof(int32_t));
  int32_t *shrunk = realloc(ids, (count + 1) * 2 * sizeof(int32_t));
  tokens->ids = shrunk ? shrunk : ids;
  tokens->types = tokens->ids + count;
  tokens->count = count;
  return 0;
}

void ashlar_tokens_free(ashlar_tokens *tokens) {
  free(tokens->ids);
  *tokens = (ashlar_tokens){0};
}

/*===-- Decoding ---------------------------------------------------------===*/

void ashlar_text_decoder_init(ashlar_text_decoder *decoder,
                              const ashlar_text *text) {
  decoder->text = text;
  decoder->started = 0;
}

void ashlar_text_decode(ashlar_text_decoder *decoder, int32_t id,
                        ashlar_text_sink sink, void *user) {
  const ashlar_text *text = decoder->text;
  const ashlar_text_header *header = text->header;
  if (!header->has_tokenizer || id < 0 || id >= (int64_t)header->tokens.count)
    return;
  const ashlar_text_token *tokens = section(text, header->tokens);
  const ashlar_text_token *token = &tokens[id];
  if (!(token->flags & ASHLAR_TOKEN_PRESENT) ||
      (token->flags & ASHLAR_TOKEN_SPECIAL))
    return;
  if (decoder->started && header->decoder == ASHLAR_DECODER_SPACES)
    sink(user, " ", 1);
  decoder->started = 1;
  sink(user, string(text, token->text), token->text.bytes);
}

const char *ashlar_text_label(const ashlar_text *text, int64_t index,
                              size_t *bytes) {
  const ashlar_text_header *header = text->header;
  if (index < 0 || index >= (int64_t)header->labels.count)
    return NULL;
  const ashlar_text_string *labels = section(text, header->labels);
  *bytes = labels[index].bytes;
  return string(text, labels[index]);
}
