/*===- unigram.c - The likeliest sequence of tokens ----------------- C -*-===*/
/* Viterbi's algorithm over the bytes of a piece. */

#include "runtime/text/internal.h"

/* The best way to a position of the piece. */
typedef struct node {
  double score;
  uint32_t begin; /* of the last token; on the way back: where the next ends */
  int32_t id;     /* UNREACHED, or a token; UNKNOWN */
} node;

enum { UNREACHED = -1, UNKNOWN = -2 };

typedef struct lattice {
  encoding *state;
  trie tokens;
  const ashlar_text_token *all;
  const double *scores;
  node *nodes; /* [bytes + 1] */
} lattice;

static void offer(lattice *with, size_t begin, size_t end, double score,
                  int32_t id) {
  node *target = &with->nodes[end];
  score += with->nodes[begin].score;
  if (target->id != UNREACHED && !(score > target->score))
    return;
  *target = (node){score, (uint32_t)begin, id};
}

static int is_allowed(const lattice *with, int32_t id) {
  return !(with->all[id].flags & ASHLAR_TOKEN_SPECIAL) ||
         (with->state->flags & ASHLAR_TEXT_SPECIAL);
}

/* Offers what begins at `at` with a character of `length` bytes. */
static void extend(lattice *with, const piece *text, size_t at, size_t length) {
  const ashlar_text_header *header = with->state->text->header;
  int has_character = 0;
  uint32_t at_node = 0;
  for (size_t i = at; i < text->count && with->state->budget > 0;
       ++i, --with->state->budget) {
    at_node = ashlar_trie_child(&with->tokens, at_node, text->bytes[i]);
    if (at_node == 0)
      break;
    int32_t id = with->tokens.values[at_node];
    if (id == ASHLAR_TEXT_NONE || !is_allowed(with, id))
      continue;
    offer(with, at, i + 1, with->scores[id], id);
    has_character |= i + 1 == at + length;
  }
  if (!has_character)
    offer(with, at, at + length, header->unknown_score, UNKNOWN);
}

/* Tokens of [begin, end), in which nothing is known. */
static int add_unknown_run(const lattice *with, const piece *text, size_t begin,
                           size_t end) {
  piece run = {text->bytes + begin, end - begin, 0};
  int result = ashlar_add_bytes(with->state, run.bytes, run.count);
  return result < 0 ? ashlar_add_unknown(with->state, &run) : result;
}

static int add_best(const lattice *with, const piece *text) {
  int32_t unknown = with->state->text->header->unknown;
  /* Turn the links around, from the end to the beginning. */
  size_t next = text->count;
  for (size_t at = text->count; at > 0;) {
    size_t begin = with->nodes[at].begin;
    with->nodes[at].begin = (uint32_t)next;
    next = at;
    at = begin;
  }
  for (size_t begin = 0, end = next; begin < text->count;) {
    size_t run = end;
    int32_t id = with->nodes[end].id;
    int is_unknown = id == UNKNOWN || id == unknown;
    while (is_unknown && run < text->count) {
      size_t following = with->nodes[run].begin;
      int32_t other = with->nodes[following].id;
      if (other != UNKNOWN && other != unknown)
        break;
      run = following;
    }
    int failed = is_unknown ? add_unknown_run(with, text, begin, run)
                            : ashlar_encoding_add(with->state, id);
    if (failed)
      return 1;
    begin = run;
    end = with->nodes[run].begin;
  }
  return 0;
}

int ashlar_encode_unigram(encoding *state, const piece *text) {
  const ashlar_text_header *header = state->text->header;
  if (ashlar_buffer_reserve(&state->work, (text->count + 1) * sizeof(node),
                            state->error))
    return 1;
  lattice with = {.state = state,
                  .tokens = ashlar_trie(state->text, &header->vocabulary),
                  .all = section(state->text, header->tokens),
                  .scores = section(state->text, header->scores),
                  .nodes = (node *)state->work.bytes};
  for (size_t i = 0; i <= text->count; ++i)
    with.nodes[i] = (node){0, 0, UNREACHED};
  for (size_t at = 0, length; at < text->count; at += length) {
    ashlar_utf8_read(text->bytes + at, text->count - at, &length);
    extend(&with, text, at, length);
    if (state->budget == 0)
      return ashlar_out_of_budget(state);
  }
  return add_best(&with, text);
}
