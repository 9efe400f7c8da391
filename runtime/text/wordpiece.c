/*===- wordpiece.c - The longest token first ------------------------ C -*-===*/

#include "runtime/text/internal.h"

/* The longest token that begins at `bytes`, beginning or continuing a word. */
static int32_t longest(encoding *state, const trie *tokens, uint32_t root,
                       const unsigned char *bytes, size_t count,
                       size_t *length) {
  const ashlar_text_token *all =
      section(state->text, state->text->header->tokens);
  int32_t found = ASHLAR_TEXT_NONE;
  uint32_t node = root;
  for (size_t i = 0; i < count && state->budget > 0; ++i, --state->budget) {
    node = ashlar_trie_child(tokens, node, bytes[i]);
    if (node == 0)
      break;
    int32_t id = tokens->values[node];
    if (id == ASHLAR_TEXT_NONE || ((all[id].flags & ASHLAR_TOKEN_SPECIAL) &&
                                   !(state->flags & ASHLAR_TEXT_SPECIAL)))
      continue;
    found = id;
    *length = i + 1;
  }
  return found;
}

/* Whether the word has no more characters than the model takes. */
static int is_short(const ashlar_text_header *header, const piece *word) {
  size_t characters = 0;
  for (size_t at = 0, length; at < word->count; at += length) {
    ashlar_utf8_read(word->bytes + at, word->count - at, &length);
    if (++characters > header->max_word)
      return 0;
  }
  return 1;
}

/* A word with a part that no token begins is unknown as a whole. */
int ashlar_encode_wordpiece(encoding *state, const piece *word) {
  const ashlar_text_header *header = state->text->header;
  trie tokens = ashlar_trie(state->text, &header->vocabulary);
  size_t ids = state->ids.count, types = state->types.count;
  if (!is_short(header, word))
    return ashlar_add_unknown(state, word);
  for (size_t at = 0, length = 0; at < word->count; at += length) {
    int32_t id = longest(state, &tokens, at > 0, word->bytes + at,
                         word->count - at, &length);
    if (state->budget == 0)
      return ashlar_out_of_budget(state);
    if (id == ASHLAR_TEXT_NONE) {
      state->ids.count = ids;
      state->types.count = types;
      return ashlar_add_unknown(state, word);
    }
    if (ashlar_encoding_add(state, id))
      return 1;
  }
  return 0;
}
