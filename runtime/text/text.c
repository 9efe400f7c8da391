/*===- text.c - Text to token ids ----------------------------------- C -*-===*/

#include "runtime/text/text.h"
#include "runtime/text/internal.h"

#include <stdlib.h>
#include <string.h>

int ashlar_text_has_tokenizer(const ashlar_text *text) {
  return text->header->has_tokenizer != 0;
}

int ashlar_text_check_reads(const ashlar_text *text, ashlar_error *error) {
  const ashlar_text_header *header = text->header;
  const ashlar_text_step *steps = section(text, header->steps);
  if (!header->has_tokenizer)
    return ashlar_fail(error, "the model has no tokenizer: give token ids");
  for (uint32_t i = 0; !text->matcher && i < header->steps.count; ++i)
    if (steps[i].pattern.notation.bytes > 0)
      return ashlar_fail(error, "the tokenizer has a pattern that is not "
                                "regular, which an executable cannot follow: "
                                "give token ids (--ids), or use ashlar itself");
  return 0;
}

/*===-- Memory -----------------------------------------------------------===*/

int ashlar_buffer_reserve(buffer *out, size_t capacity, ashlar_error *error) {
  if (capacity <= out->capacity)
    return 0;
  unsigned char *bytes = realloc(out->bytes, capacity);
  if (!bytes)
    return ashlar_fail(error, "out of memory for a text: %zu bytes", capacity);
  out->bytes = bytes;
  out->capacity = capacity;
  return 0;
}

static int append(buffer *out, int32_t value, ashlar_error *error) {
  if (out->count + sizeof(value) > out->capacity &&
      ashlar_buffer_reserve(out, 2 * out->capacity + 256, error))
    return 1;
  memcpy(out->bytes + out->count, &value, sizeof(value));
  out->count += sizeof(value);
  return 0;
}

int ashlar_encoding_add(encoding *state, int32_t id) {
  return append(&state->ids, id, state->error) ||
         append(&state->types, state->type, state->error);
}

void ashlar_encoding_free(encoding *state) {
  free(state->ids.bytes);
  free(state->types.bytes);
  free(state->work.bytes);
  free(state->points.bytes);
  for (size_t i = 0; i < ASHLAR_TEXT_MAX_STEPS; ++i) {
    free(state->steps[i].bytes);
    free(state->letters[i].bytes);
  }
}

/*===-- Characters -------------------------------------------------------===*/

static int in_class(const ashlar_text *text, uint32_t c, int class) {
  const uint16_t *pages = section(text, text->header->classes.pages);
  const uint8_t *entries = section(text, text->header->classes.entries);
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

/*===-- Added tokens -----------------------------------------------------===*/

/* The longest added token that begins the text: its index, or none. */
static int32_t longest_added(const ashlar_text *text, uint32_t root,
                             const unsigned char *bytes, size_t count,
                             size_t *length) {
  trie tokens = ashlar_trie(text, &text->header->added_tries);
  int32_t found = ASHLAR_TEXT_NONE;
  uint32_t node = root;
  for (size_t at = 0; at < count; ++at) {
    node = ashlar_trie_child(&tokens, node, bytes[at]);
    if (node == 0)
      break;
    if (tokens.values[node] != ASHLAR_TEXT_NONE) {
      found = tokens.values[node];
      *length = at + 1;
    }
  }
  return found;
}

static int is_trusted(const encoding *state, const unsigned char *begin,
                      const unsigned char *end) {
  /* The first of the spans that do not end before `end`. */
  size_t low = 0, high = state->trusted_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (state->trusted[middle].end < end)
      low = middle + 1;
    else
      high = middle;
  }
  return low < state->trusted_count && begin >= state->trusted[low].begin;
}

/* Whether an added token at [begin, end) counts, given what surrounds it. */
static int counts(const encoding *state, const ashlar_text_added *token,
                  const unsigned char *bytes, size_t count, size_t begin,
                  size_t end) {
  size_t unused;
  if ((token->flags & ASHLAR_ADDED_SPECIAL) &&
      !(state->flags & ASHLAR_TEXT_SPECIAL) &&
      !is_trusted(state, bytes + begin, bytes + end))
    return 0;
  if (!(token->flags & ASHLAR_ADDED_SINGLE_WORD))
    return 1;
  return !ends_with(state->text, bytes, begin, ASHLAR_CLASS_WORD, &unused) &&
         !begins_with(state->text, bytes + end, count - end, ASHLAR_CLASS_WORD,
                      &unused);
}

typedef int (*section_function)(encoding *state, piece text);

static piece part_of(piece text, size_t begin, size_t end) {
  return (piece){text.bytes + begin, end - begin, text.first && begin == 0};
}

/* Adds the added tokens of the trie at `root` and hands on what lies between.
 */
static int cut_at_added(encoding *state, uint32_t root, piece in,
                        section_function rest) {
  const ashlar_text *text = state->text;
  const ashlar_text_added *added = section(text, text->header->added);
  size_t done = 0;
  for (size_t at = 0; text->header->added.count && at < in.count;) {
    size_t length = 1;
    int32_t index =
        longest_added(text, root, in.bytes + at, in.count - at, &length);
    size_t begin = at, end = at + length;
    at = end;
    if (index == ASHLAR_TEXT_NONE ||
        !counts(state, &added[index], in.bytes, in.count, begin, end))
      continue;
    const ashlar_text_added *token = &added[index];
    size_t space;
    while ((token->flags & ASHLAR_ADDED_LSTRIP) && begin > done &&
           ends_with(text, in.bytes, begin, ASHLAR_CLASS_SPACE, &space))
      begin -= space;
    while ((token->flags & ASHLAR_ADDED_RSTRIP) &&
           begins_with(text, in.bytes + end, in.count - end, ASHLAR_CLASS_SPACE,
                       &space))
      end += space;
    at = end;
    if ((begin > done && rest(state, part_of(in, done, begin))) ||
        ashlar_encoding_add(state, token->id))
      return 1;
    done = end;
  }
  return done < in.count ? rest(state, part_of(in, done, in.count)) : 0;
}

static int encode_normalized(encoding *state, piece text) {
  return ashlar_encode_pieces(state, state->text->header->normalizer_steps,
                              text);
}

static int encode_raw(encoding *state, piece text) {
  for (uint32_t i = 0; i < state->text->header->normalizer_steps; ++i)
    if (text.count > 0 && ashlar_rewrite(state, i, &text))
      return 1;
  return cut_at_added(state, 1, text, encode_normalized);
}

/*===-- Encoding ---------------------------------------------------------===*/

static int check_text(const ashlar_text *text, size_t bytes,
                      ashlar_error *error) {
  if (ashlar_text_check_reads(text, error))
    return 1;
  if (bytes > ASHLAR_TEXT_MAX_BYTES)
    return ashlar_fail(error, "text of %zu bytes; at most %u are supported",
                       bytes, ASHLAR_TEXT_MAX_BYTES);
  return 0;
}

static encoding begin_encoding(const ashlar_text *text, size_t bytes,
                               unsigned flags, ashlar_error *error) {
  return (encoding){.text = text,
                    .flags = flags,
                    /* A pattern may look far ahead in vain at every character:
                       linear time for all that matters, and an end to it. */
                    .budget = 1000000 + 1000 * (uint64_t)bytes,
                    .limit = ASHLAR_TEXT_MAX_GROWTH * bytes +
                             ASHLAR_TEXT_FREE_GROWTH,
                    .error = error};
}

/* Drops the text's tokens behind the first `most`; they begin at `begin`. */
static void truncate_text(encoding *state, size_t begin, size_t most) {
  size_t end = begin + most * sizeof(int32_t);
  if (state->ids.count > end)
    state->ids.count = state->types.count = end;
}

/* The template around the text; `most` tokens in all, 0 = any number. */
static int encode(encoding *state, piece text, size_t most) {
  const ashlar_text_header *header = state->text->header;
  const ashlar_text_item *items = section(state->text, header->items);
  size_t around = 0;
  for (uint32_t i = 0; i < header->items.count; ++i)
    around += items[i].id != ASHLAR_TEXT_NONE;
  for (uint32_t i = 0; i < header->items.count; ++i) {
    state->type = items[i].type;
    size_t begin = state->ids.count;
    int failed = items[i].id != ASHLAR_TEXT_NONE
                     ? ashlar_encoding_add(state, items[i].id)
                     : cut_at_added(state, 0, text, encode_raw);
    if (failed)
      return 1;
    if (most > 0 && items[i].id == ASHLAR_TEXT_NONE)
      truncate_text(state, begin, most > around ? most - around : 0);
  }
  return 0;
}

/* ids and types in one piece of memory. */
static int take_tokens(encoding *state, ashlar_tokens *tokens) {
  size_t bytes = state->ids.count;
  if (ashlar_buffer_reserve(&state->ids, 2 * bytes + 1, state->error))
    return 1;
  if (bytes > 0)
    memcpy(state->ids.bytes + bytes, state->types.bytes, bytes);
  tokens->ids = (int32_t *)state->ids.bytes;
  tokens->count = bytes / sizeof(int32_t);
  tokens->types = tokens->ids + tokens->count;
  state->ids = (buffer){0};
  return 0;
}

int ashlar_text_tokens(const ashlar_text *text, const char *input, size_t bytes,
                       unsigned flags, ashlar_tokens *tokens,
                       ashlar_error *error) {
  return ashlar_text_tokens_within(text, input, bytes, flags, 0, tokens, error);
}

int ashlar_text_tokens_within(const ashlar_text *text, const char *input,
                              size_t bytes, unsigned flags, size_t most,
                              ashlar_tokens *tokens, ashlar_error *error) {
  *tokens = (ashlar_tokens){0};
  if (check_text(text, bytes, error))
    return 1;
  encoding state = begin_encoding(text, bytes, flags, error);
  buffer valid = {0};
  int failed = ashlar_buffer_reserve(&valid, 3 * bytes + 1, error);
  if (!failed) {
    valid.count = make_valid((const unsigned char *)input, bytes, valid.bytes);
    failed = encode(&state, (piece){valid.bytes, valid.count, 1}, most) ||
             take_tokens(&state, tokens);
  }
  free(valid.bytes);
  ashlar_encoding_free(&state);
  return failed;
}

/* Copies the parts side by side, valid, and notes where each second one lies.
 */
static void join_parts(const piece *parts, size_t count, buffer *valid,
                       span *trusted) {
  for (size_t i = 0; i < count; ++i) {
    unsigned char *begin = valid->bytes + valid->count;
    valid->count += make_valid(parts[i].bytes, parts[i].count, begin);
    if (i % 2 == 0)
      trusted[i / 2] = (span){begin, valid->bytes + valid->count};
  }
}

int ashlar_encode_parts(const ashlar_text *text, const piece *parts,
                        size_t count, unsigned flags, ashlar_tokens *tokens,
                        ashlar_error *error) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i)
    bytes += parts[i].count;
  *tokens = (ashlar_tokens){0};
  if (check_text(text, bytes, error))
    return 1;
  encoding state = begin_encoding(text, bytes, flags, error);
  buffer valid = {0};
  span *trusted = calloc(count / 2 + 1, sizeof(*trusted));
  int failed = !trusted ? ashlar_fail(error, "out of memory for a chat")
                        : ashlar_buffer_reserve(&valid, 3 * bytes + 1, error);
  if (!failed) {
    join_parts(parts, count, &valid, trusted);
    state.trusted = trusted;
    state.trusted_count = (count + 1) / 2;
    failed = cut_at_added(&state, 0, (piece){valid.bytes, valid.count, 1},
                          encode_raw) ||
             take_tokens(&state, tokens);
  }
  free(trusted);
  free(valid.bytes);
  ashlar_encoding_free(&state);
  return failed;
}

void ashlar_tokens_free(ashlar_tokens *tokens) {
  free(tokens->ids);
  *tokens = (ashlar_tokens){0};
}

int ashlar_text_normalize(const ashlar_text *text, const char *input,
                          size_t bytes, ashlar_text_sink sink, void *user,
                          ashlar_error *error) {
  encoding state = begin_encoding(text, bytes, 0, error);
  piece part = {(const unsigned char *)input, bytes, 1};
  int failed = 0;
  for (uint32_t i = 0; !failed && i < text->header->normalizer_steps; ++i)
    failed = part.count > 0 && ashlar_rewrite(&state, i, &part);
  if (!failed && part.count > 0)
    sink(user, (const char *)part.bytes, part.count);
  ashlar_encoding_free(&state);
  return failed;
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
