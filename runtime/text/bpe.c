/*===- bpe.c - Byte pair encoding ----------------------------------- C -*-===*/
/* A piece is a linked list of symbols; a heap holds the pairs that may become
   one, the lowest rank first and the leftmost among equals: O(n log n). */

#include "runtime/text/internal.h"

#include <string.h>

#define GONE (-2) /* id of a symbol that has become part of another one */

typedef struct symbol {
  int32_t id;
  int32_t previous; /* ASHLAR_TEXT_NONE at the ends */
  int32_t next;
} symbol;

typedef struct candidate {
  uint32_t rank; /* number of the merge */
  uint32_t at;   /* symbol on its left */
} candidate;

typedef struct merger {
  encoding *state;
  const ashlar_text_merge *merges;
  symbol *symbols; /* [count] */
  size_t count;
  candidate *heap; /* [3 * characters] */
  size_t heap_count;
} merger;

/*===-- Candidates -------------------------------------------------------===*/

static int is_before(candidate a, candidate b) {
  return a.rank < b.rank || (a.rank == b.rank && a.at < b.at);
}

static void push(merger *with, candidate added) {
  size_t at = with->heap_count++;
  while (at > 0 && is_before(added, with->heap[(at - 1) / 2])) {
    with->heap[at] = with->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  with->heap[at] = added;
}

static candidate pop(merger *with) {
  candidate top = with->heap[0], last = with->heap[--with->heap_count];
  size_t at = 0, child;
  while ((child = 2 * at + 1) < with->heap_count) {
    if (child + 1 < with->heap_count &&
        is_before(with->heap[child + 1], with->heap[child]))
      ++child;
    if (!is_before(with->heap[child], last))
      break;
    with->heap[at] = with->heap[child];
    at = child;
  }
  with->heap[at] = last;
  return top;
}

/* The number of the merge of two tokens; ASHLAR_TEXT_NONE. */
static int64_t find_merge(const merger *with, int32_t left, int32_t right) {
  const ashlar_text *text = with->state->text;
  const ashlar_text_header *header = text->header;
  const uint32_t *hash = section(text, header->merge_hash);
  if (header->merge_hash.count == 0)
    return ASHLAR_TEXT_NONE;
  uint32_t mask = header->merge_hash.count - 1;
  uint32_t slot = ashlar_text_pair_hash(left, right) & mask;
  for (uint32_t i = 0; i < header->max_merge_probe && hash[slot];
       ++i, slot = (slot + 1) & mask) {
    const ashlar_text_merge *merge = &with->merges[hash[slot] - 1];
    if (merge->left == left && merge->right == right)
      return hash[slot] - 1;
  }
  return ASHLAR_TEXT_NONE;
}

static void consider(merger *with, int32_t left) {
  if (left < 0 || with->symbols[left].next < 0)
    return;
  const symbol *first = &with->symbols[left];
  int64_t rank = find_merge(with, first->id, with->symbols[first->next].id);
  if (rank >= 0)
    push(with, (candidate){(uint32_t)rank, (uint32_t)left});
}

static void merge_all(merger *with) {
  for (size_t i = 0; i < with->count; ++i)
    consider(with, (int32_t)i);
  while (with->heap_count > 0) {
    candidate top = pop(with);
    symbol *left = &with->symbols[top.at];
    if (left->id == GONE || left->next < 0)
      continue;
    symbol *right = &with->symbols[left->next];
    /* The pair may have become another one since. */
    int64_t rank = find_merge(with, left->id, right->id);
    if (rank < 0 || with->merges[rank].merged != with->merges[top.rank].merged)
      continue;
    left->id = with->merges[top.rank].merged;
    left->next = right->next;
    right->id = GONE;
    if (left->next >= 0)
      with->symbols[left->next].previous = (int32_t)top.at;
    consider(with, left->previous);
    consider(with, (int32_t)top.at);
  }
}

/*===-- Symbols ----------------------------------------------------------===*/

static void add_symbol(merger *with, int32_t id) {
  with->symbols[with->count] = (symbol){
      .id = id, .previous = (int32_t)with->count - 1, .next = ASHLAR_TEXT_NONE};
  if (with->count > 0)
    with->symbols[with->count - 1].next = (int32_t)with->count;
  ++with->count;
}

/* The token of one character with the piece's prefix and suffix. */
static int32_t find_symbol(const merger *with, const unsigned char *bytes,
                           size_t length, int is_first, int is_last) {
  const ashlar_text *text = with->state->text;
  const ashlar_text_header *header = text->header;
  unsigned char name[2 * ASHLAR_TEXT_MAX_AFFIX + 4];
  size_t count = 0;
  if (!is_first) {
    memcpy(name, string(text, header->prefix), header->prefix.bytes);
    count = header->prefix.bytes;
  }
  memcpy(name + count, bytes, length);
  count += length;
  if (is_last) {
    memcpy(name + count, string(text, header->suffix), header->suffix.bytes);
    count += header->suffix.bytes;
  }
  return ashlar_find_token(with->state, name, count);
}

/* Symbols for the bytes of a character without a token of its own. */
static int add_byte_symbols(merger *with, const unsigned char *bytes,
                            size_t length) {
  const ashlar_text_header *header = with->state->text->header;
  const int32_t *tokens = section(with->state->text, header->byte_tokens);
  if (!(header->model_flags & ASHLAR_MODEL_FALLBACK))
    return 0;
  for (size_t i = 0; i < length; ++i)
    if (tokens[bytes[i]] == ASHLAR_TEXT_NONE)
      return 0;
  for (size_t i = 0; i < length; ++i)
    add_symbol(with, tokens[bytes[i]]);
  return 1;
}

/* An unknown character is left out where the model has no token for it. */
static void add_symbols(merger *with, const piece *text) {
  const ashlar_text_header *header = with->state->text->header;
  int waits = 0; /* an unknown token that the next one may join */
  for (size_t at = 0, length = 1; at < text->count; at += length) {
    if (!(header->model_flags & ASHLAR_MODEL_BYTES))
      ashlar_utf8_read(text->bytes + at, text->count - at, &length);
    int32_t id = find_symbol(with, text->bytes + at, length, at == 0,
                             at + length == text->count);
    if (id != ASHLAR_TEXT_NONE) {
      if (waits)
        add_symbol(with, header->unknown);
      waits = 0;
      add_symbol(with, id);
      continue;
    }
    if (add_byte_symbols(with, text->bytes + at, length) ||
        header->unknown == ASHLAR_TEXT_NONE)
      continue;
    if (waits && !(header->model_flags & ASHLAR_MODEL_FUSE_UNKNOWN))
      add_symbol(with, header->unknown);
    waits = 1;
  }
  if (waits)
    add_symbol(with, header->unknown);
}

int ashlar_encode_merges(encoding *state, const piece *text) {
  const ashlar_text_header *header = state->text->header;
  if (header->model_flags & ASHLAR_MODEL_WHOLE_FIRST) {
    int32_t id = ashlar_find_token(state, text->bytes, text->count);
    if (id != ASHLAR_TEXT_NONE)
      return ashlar_encoding_add(state, id);
  }
  /* A merge takes one pair away and adds two. */
  size_t symbols = text->count * sizeof(symbol);
  symbols += symbols % sizeof(candidate);
  if (ashlar_buffer_reserve(&state->work,
                            symbols + 3 * text->count * sizeof(candidate),
                            state->error))
    return 1;
  merger with = {.state = state,
                 .merges = section(state->text, header->merges),
                 .symbols = (symbol *)state->work.bytes,
                 .heap = (candidate *)(state->work.bytes + symbols)};
  add_symbols(&with, text);
  merge_all(&with);
  for (int32_t i = 0; with.count > 0 && i >= 0; i = with.symbols[i].next)
    if (ashlar_encoding_add(state, with.symbols[i].id))
      return 1;
  return 0;
}
