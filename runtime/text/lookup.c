/*===- lookup.c - Tokens by their text ------------------------------ C -*-===*/

#include "runtime/text/internal.h"

#include <string.h>

int32_t ashlar_find_token(const encoding *state, const unsigned char *bytes,
                          size_t count) {
  const ashlar_text *text = state->text;
  const ashlar_text_header *header = text->header;
  const uint32_t *hash = section(text, header->hash);
  const ashlar_text_token *tokens = section(text, header->tokens);
  uint32_t mask = header->hash.count - 1;
  uint32_t slot = ashlar_text_hash(bytes, (uint32_t)count) & mask;
  for (uint32_t i = 0; i < header->max_probe && hash[slot];
       ++i, slot = (slot + 1) & mask) {
    const ashlar_text_token *token = &tokens[hash[slot] - 1];
    if (token->text.bytes != count ||
        memcmp(string(text, token->text), bytes, count) != 0)
      continue;
    if ((token->flags & ASHLAR_TOKEN_SPECIAL) &&
        !(state->flags & ASHLAR_TEXT_SPECIAL))
      return ASHLAR_TEXT_NONE;
    return (int32_t)(hash[slot] - 1);
  }
  return ASHLAR_TEXT_NONE;
}

int ashlar_add_unknown(encoding *state, const piece *text) {
  int32_t unknown = state->text->header->unknown;
  if (unknown == ASHLAR_TEXT_NONE)
    return ashlar_fail(state->error,
                       "the vocabulary has no token for \"%.*s\" and none for "
                       "unknown words",
                       text->count < 64 ? (int)text->count : 64,
                       (const char *)text->bytes);
  return ashlar_encoding_add(state, unknown);
}

int ashlar_add_bytes(encoding *state, const unsigned char *bytes,
                     size_t count) {
  const ashlar_text_header *header = state->text->header;
  const int32_t *tokens = section(state->text, header->byte_tokens);
  if (!(header->model_flags & ASHLAR_MODEL_FALLBACK))
    return -1;
  for (size_t i = 0; i < count; ++i)
    if (tokens[bytes[i]] == ASHLAR_TEXT_NONE)
      return -1;
  for (size_t i = 0; i < count; ++i)
    if (ashlar_encoding_add(state, tokens[bytes[i]]))
      return 1;
  return 0;
}

int ashlar_encode_words(encoding *state, const piece *text) {
  int32_t id = ashlar_find_token(state, text->bytes, text->count);
  if (id == ASHLAR_TEXT_NONE)
    return ashlar_add_unknown(state, text);
  return ashlar_encoding_add(state, id);
}
