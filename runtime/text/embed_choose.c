/*===- embed_choose.c - How a text becomes an embedding -------------- C
 * -*-===*/

#include "runtime/text/embed.h"

#include <stdlib.h>
#include <string.h>

static const char *const pooling_names[] = {"", "mean", "cls", "last", "max"};

int32_t ashlar_pooling_named(const char *name) {
  for (int32_t i = ASHLAR_POOLING_MEAN; i <= ASHLAR_POOLING_MAX; ++i)
    if (strcmp(name, pooling_names[i]) == 0)
      return i;
  return ASHLAR_POOLING_NONE;
}

/* The head that makes a text's vector in models of texts and images: it is
   "text_embeds" or, where nothing is projected, a "pooler_output" of the row
   that ends the text. (That of a first row, as bert has it, is no embedding of
   sentences.) */
static int32_t find_head(const ashlar_plan *plan) {
  for (int64_t i = 0; i < plan->head_count; ++i) {
    const ashlar_head_plan *head = &plan->heads[i];
    int ends = head->first_row_only && head->row_token != ASHLAR_ROW_FIRST;
    if (ends && !head->pools && plan->decoder < 0 &&
        (strcmp(head->output, "text_embeds") == 0 ||
         strcmp(head->output, "pooler_output") == 0))
      return (int32_t)i;
  }
  return -1;
}

int ashlar_embedding_choose(const ashlar_plan *plan, const ashlar_text *text,
                            int32_t pooling, int normalize,
                            ashlar_embedding *embedding, int *assumed,
                            ashlar_error *error) {
  const ashlar_text_header *header = text->header;
  int nobody_says =
      pooling == ASHLAR_POOLING_NONE && header->pooling == ASHLAR_POOLING_NONE;
  int32_t head = nobody_says ? find_head(plan) : -1;
  *assumed = nobody_says && head < 0;
  if (pooling == ASHLAR_POOLING_NONE)
    pooling = nobody_says ? ASHLAR_POOLING_MEAN : (int32_t)header->pooling;
  if (pooling == ASHLAR_POOLING_OTHER)
    return ashlar_fail(error, "the model's modules.json makes embeddings in a "
                              "way that is not known here: choose one with "
                              "--pooling");
  *embedding = (ashlar_embedding){
      pooling, normalize < 0 ? (int)header->normalize : normalize, head};
  return 0;
}

int64_t ashlar_embedding_features(const ashlar_plan *plan,
                                  const ashlar_embedding *embedding) {
  return embedding->head < 0 ? plan->stacks[0].hidden
                             : plan->heads[embedding->head].output_features;
}

/*===-- Texts ------------------------------------------------------------===*/

/* Fills a text up, behind its template, as models that read its last row were
   trained. */
static int pad(const ashlar_text_header *header, ashlar_tokens *tokens,
               ashlar_error *error) {
  size_t count = header->padded_tokens, given = tokens->count;
  if (given >= count)
    return 0;
  int32_t *ids = calloc(2 * count, sizeof(*ids));
  if (!ids)
    return ashlar_fail(error, "out of memory for %zu tokens", count);
  memcpy(ids, tokens->ids, given * sizeof(*ids));
  memcpy(ids + count, tokens->types, given * sizeof(*ids));
  for (size_t i = given; i < count; ++i)
    ids[i] = header->padding;
  ashlar_tokens_free(tokens);
  *tokens = (ashlar_tokens){ids, ids + count, count};
  return 0;
}

int ashlar_embedding_tokens(const ashlar_text *text,
                            const ashlar_embedding *embedding,
                            const char *input, size_t bytes, unsigned flags,
                            ashlar_tokens *tokens, ashlar_error *error) {
  const ashlar_text_header *header = text->header;
  const char *prompt = (const char *)text->blob + header->prompt.offset;
  size_t before = header->prompt.bytes;
  *tokens = (ashlar_tokens){0};
  char *whole = malloc(before + bytes + 1);
  if (!whole)
    return ashlar_fail(error, "out of memory for a text of %zu bytes", bytes);
  memcpy(whole, prompt, before);
  memcpy(whole + before, input, bytes);
  int failed = ashlar_text_tokens_within(text, whole, before + bytes, flags,
                                         header->most_tokens, tokens, error) ||
               (embedding->head >= 0 && pad(header, tokens, error));
  free(whole);
  if (failed)
    ashlar_tokens_free(tokens);
  return failed;
}
