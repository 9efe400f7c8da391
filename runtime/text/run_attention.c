/*===- run_attention.c - Weights of attention as an output ---------- C -*-===*/

#include "runtime/text/run_internal.h"

#include <string.h>

/*===-- Which attention --------------------------------------------------===*/

/* A number below 2^31 at *text, which then points behind it; -1 without one. */
static int64_t take_number(const char **text) {
  int64_t number = -1;
  for (; **text >= '0' && **text <= '9' && number <= INT32_MAX; ++*text)
    number = (number < 0 ? 0 : number * 10) + (**text - '0');
  return number <= INT32_MAX ? number : -1;
}

static int take_word(const char **text, const char *word) {
  size_t length = strlen(word);
  if (strncmp(*text, word, length) != 0)
    return 0;
  *text += length;
  return 1;
}

static int has_layer(const ashlar_map_plan *map, int64_t layer) {
  int64_t distance = layer - map->first_layer;
  return distance >= 0 && distance % map->layer_step == 0 &&
         distance / map->layer_step < map->layers;
}

/* The attention of `stack` to `keys` in a layer; -1, and the last layer with
   such attention, when there is none. */
static int64_t find_map(const ashlar_plan *plan, int64_t stack, int64_t keys,
                        int64_t layer, int64_t *last) {
  *last = -1;
  for (int64_t i = 0; i < plan->map_count; ++i) {
    const ashlar_map_plan *map = &plan->maps[i];
    if (map->stack != stack || map->keys != keys)
      continue;
    if (has_layer(map, layer))
      return i;
    int64_t end = map->first_layer + (map->layers - 1) * map->layer_step;
    if (end > *last)
      *last = end;
  }
  return -1;
}

int ashlar_attention_find(const ashlar_plan *plan, const char *choice,
                          ashlar_attention *attention, ashlar_error *error) {
  const char *text = choice, *what = "the model";
  int64_t stack = plan->decoder >= 0 ? plan->decoder : plan->encoder;
  int64_t keys = ASHLAR_MAP_OWN, last;
  if (plan->map_count == 0)
    return ashlar_fail(error, "the artifact keeps no weights of attention: "
                              "compile it with --taps");
  if (take_word(&text, "encoder:")) {
    stack = plan->encoder;
    what = "the encoder";
  } else if (take_word(&text, "decoder:")) {
    stack = plan->decoder;
    what = "the decoder";
  } else if (take_word(&text, "cross:")) {
    keys = ASHLAR_MAP_SOURCE;
    what = "cross-attention";
  }
  attention->layer = take_number(&text);
  int names_head = take_word(&text, ":");
  attention->head = names_head ? take_number(&text) : -1;
  if (attention->layer < 0 || (names_head && attention->head < 0) || *text != 0)
    return ashlar_fail(error,
                       "attention \"%s\": expected LAYER[:HEAD], with "
                       "encoder:, decoder: or cross: before it where the model "
                       "has several",
                       choice);
  attention->map = find_map(plan, stack, keys, attention->layer, &last);
  if (attention->map < 0 && last < 0)
    return ashlar_fail(error, "attention \"%s\": this model has none", choice);
  if (attention->map < 0)
    return ashlar_fail(error, "attention \"%s\": layers of %s are 0 to %lld",
                       choice, what, (long long)last);
  int64_t heads = plan->maps[attention->map].heads;
  if (attention->head >= heads)
    return ashlar_fail(error, "attention \"%s\": heads are 0 to %lld", choice,
                       (long long)heads - 1);
  return 0;
}

/*===-- The output -------------------------------------------------------===*/

/* Whose keys the columns are. */
static const ashlar_feed *keys_of(const ashlar_runner *state,
                                  const ashlar_map_plan *map) {
  return map->keys == ASHLAR_MAP_SOURCE ? &state->feeds.encoder
                                        : ashlar_feed_of(state, map->stack);
}

int ashlar_attention_make(const ashlar_runner *state, ashlar_array *array) {
  const ashlar_map_plan *map = &state->plan->maps[state->attention->map];
  const ashlar_feed *rows = ashlar_feed_of(state, map->stack);
  int64_t shape[4] = {rows->batch, map->heads, rows->columns,
                      keys_of(state, map)->columns};
  int one = state->attention->head >= 0;
  if (one)
    memmove(shape + 1, shape + 2, 2 * sizeof(*shape));
  return ashlar_array_make(array, ASHLAR_FLOAT32, one ? 3 : 4, shape,
                           state->error);
}

/* Weights of a row, of which there is one for each token, to their columns. */
static void spread(const ashlar_feed *keys, int64_t row, int64_t most,
                   const float *from, float *to) {
  int64_t key = 0;
  for (int64_t column = 0; column < keys->columns && key < most; ++column)
    if (ashlar_feed_keeps(keys, row, column))
      to[column] = from[key++];
}

void ashlar_attention_collect(const ashlar_runner *state, ashlar_array *array) {
  const ashlar_plan *plan = state->plan;
  const ashlar_map_plan *map = &plan->maps[state->attention->map];
  const ashlar_feed *rows = ashlar_feed_of(state, map->stack);
  const ashlar_feed *keys = keys_of(state, map);
  const char *arena = state->api->arena(state->session);
  const float *weights = (const float *)(arena + plan->map_offset);
  int64_t first = state->attention->head >= 0 ? state->attention->head : 0;
  int64_t heads = state->attention->head >= 0 ? 1 : map->heads;
  float *out = array->data;
  for (int64_t token = 0; token < state->tokens; ++token)
    for (int64_t head = 0; head < heads; ++head) {
      int64_t place = (state->rows[token] * heads + head) * rows->columns +
                      state->columns[token];
      spread(keys, state->rows[token], plan->map_keys,
             weights +
                 ((first + head) * plan->map_rows + token) * plan->map_keys,
             out + place * keys->columns);
    }
}
