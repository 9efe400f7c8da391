/*===- inputs.c - Named arrays to the stacks that read them --------- C -*-===*/

#include "runtime/text/run_internal.h"

#include <stdio.h>
#include <string.h>

/* An input that the model has: its name and what it feeds. */
typedef enum role { VALUES, MASK, POSITIONS, TYPES, MARKS } role;

typedef struct slot {
  const char *name;
  role role;
  int is_decoder;
} slot;

static size_t list_slots(const ashlar_plan *plan, slot *slots) {
  size_t count = 0;
  int both = plan->encoder >= 0 && plan->decoder >= 0;
  for (int is_decoder = 0; is_decoder <= 1; ++is_decoder) {
    int64_t index = is_decoder ? plan->decoder : plan->encoder;
    if (index < 0)
      continue;
    const ashlar_stack_plan *stack = &plan->stacks[index];
    slots[count++] = (slot){stack->input, VALUES, is_decoder};
    /* Images are whole; and where a token is made of several vectors, none of
       them can be missing. */
    if (stack->image.channels > 0 || stack->vector_rows > 1)
      continue;
    slots[count++] =
        (slot){both && is_decoder ? "decoder_attention_mask" : "attention_mask",
               MASK, is_decoder};
    if (!both && stack->positions_offset >= 0)
      slots[count++] = (slot){"position_ids", POSITIONS, is_decoder};
    if (!both && stack->types_offset >= 0)
      slots[count++] = (slot){"token_type_ids", TYPES, is_decoder};
    if (stack->marks_input)
      slots[count++] = (slot){stack->marks_input, MARKS, is_decoder};
  }
  return count;
}

size_t ashlar_input_names(const ashlar_plan *plan,
                          const char *names[ASHLAR_MAX_NAMES]) {
  slot slots[ASHLAR_MAX_NAMES];
  size_t count = list_slots(plan, slots);
  for (size_t i = 0; i < count; ++i)
    names[i] = slots[i].name;
  return count;
}

void ashlar_join_names(const char *const *names, size_t count, char *text,
                       size_t bytes) {
  size_t at = 0;
  text[0] = 0;
  for (size_t i = 0; i < count && at < bytes; ++i)
    at += (size_t)snprintf(text + at, bytes - at, "%s%s", i ? ", " : "",
                           names[i]);
}

static int is_integer(const ashlar_array *array) {
  return array->element == ASHLAR_INT32 || array->element == ASHLAR_INT64;
}

static int check_values(ashlar_feed *feed, const char *name,
                        const ashlar_array *array, ashlar_error *error) {
  char shape[160];
  ashlar_array_shape(array, shape, sizeof(shape));
  if (feed->plan->ids_offset >= 0) {
    if (!is_integer(array))
      return ashlar_fail(error, "%s: elements are %s; expected int64 or int32",
                         name, ashlar_element_name(array->element));
    if (array->rank != 2)
      return ashlar_fail(error, "%s: shape %s; expected [batch, tokens]", name,
                         shape);
    feed->columns = array->shape[1];
  } else if (ashlar_vectors_check(feed->plan, name, array, &feed->columns,
                                  error)) {
    return 1;
  }
  feed->batch = array->shape[0];
  return 0;
}

/* Masks hold 0 and 1 alone: anything else would mean something else to others.
 */
static int check_mask(const char *name, const ashlar_array *array,
                      ashlar_error *error) {
  int is_float =
      array->element == ASHLAR_FLOAT32 || array->element == ASHLAR_FLOAT64;
  int64_t count = ashlar_array_count(array);
  for (int64_t i = 0; i < count; ++i) {
    float value = is_float ? ashlar_array_float(array, i)
                           : (float)ashlar_array_integer(array, i);
    if (value != 0 && value != 1)
      return ashlar_fail(error, "%s: element %lld is %g; expected 0 or 1", name,
                         (long long)i, (double)value);
  }
  return 0;
}

static int check_shape(const ashlar_feed *feed, const char *name,
                       const ashlar_array *array, ashlar_error *error) {
  if (array->rank == 2 && array->shape[0] == feed->batch &&
      array->shape[1] == feed->columns)
    return 0;
  char shape[160];
  ashlar_array_shape(array, shape, sizeof(shape));
  return ashlar_fail(error, "%s: shape %s; expected [%lld, %lld] as %s has",
                     name, shape, (long long)feed->batch,
                     (long long)feed->columns, feed->values_name);
}

static const ashlar_array **field(ashlar_feed *feed, role which) {
  switch (which) {
  case VALUES:
    return &feed->values;
  case MASK:
    return &feed->mask;
  case POSITIONS:
    return &feed->positions;
  case TYPES:
    return &feed->types;
  case MARKS:
    return &feed->marks;
  }
  return &feed->values;
}

static int bind(const slot *slots, size_t slot_count,
                const ashlar_named_array *input, ashlar_feeds *feeds,
                ashlar_error *error) {
  for (size_t i = 0; i < slot_count; ++i) {
    if (strcmp(slots[i].name, input->name) != 0)
      continue;
    ashlar_feed *feed = slots[i].is_decoder ? &feeds->decoder : &feeds->encoder;
    const ashlar_array **place = field(feed, slots[i].role);
    if (*place)
      return ashlar_fail(error, "%s: given twice", input->name);
    *place = &input->array;
    return 0;
  }
  const char *names[ASHLAR_MAX_NAMES];
  for (size_t i = 0; i < slot_count; ++i)
    names[i] = slots[i].name;
  char list[320];
  ashlar_join_names(names, slot_count, list, sizeof(list));
  return ashlar_fail(error, "%s: no input of this model; it has: %s",
                     input->name, list);
}

/* As in transformers: angles are of the highest position in the batch. */
static int64_t extent_of(const ashlar_feed *feed) {
  if (!feed->positions || !(feed->plan->reads_extents & ASHLAR_EXTENT_ANGLES))
    return feed->columns;
  int64_t extent = 0;
  for (int64_t row = 0; row < feed->batch; ++row)
    for (int64_t column = 0; column < feed->columns; ++column) {
      int64_t position =
          ashlar_array_integer(feed->positions, row * feed->columns + column);
      if (ashlar_feed_keeps(feed, row, column) && position >= extent)
        extent = position + 1;
    }
  return extent;
}

static int set_extent(ashlar_feed *feed, const ashlar_plan *plan,
                      ashlar_error *error) {
  if (!feed->values)
    return 0;
  feed->extent = extent_of(feed);
  int64_t most = plan->max_tokens > plan->max_context ? plan->max_tokens
                                                      : plan->max_context;
  if (!(feed->plan->reads_extents & ASHLAR_EXTENT_ANGLES) ||
      feed->extent <= most)
    return 0;
  return ashlar_fail(error,
                     "%s: angles are asked for a length of %lld; the artifact "
                     "has those of lengths up to %lld (--max-context of "
                     "compile)",
                     feed->positions ? "position_ids" : feed->values_name,
                     (long long)feed->extent, (long long)most);
}

static int check_feed(ashlar_feed *feed, const slot *slots, size_t slot_count,
                      int is_decoder, ashlar_error *error) {
  if (feed->stack < 0)
    return 0;
  if (!feed->values) {
    /* The caller reports what is missing, once it knows what is asked for. */
    if (feed->mask || feed->positions || feed->types || feed->marks)
      return ashlar_fail(error, "%s: missing", feed->values_name);
    return 0;
  }
  if (check_values(feed, feed->values_name, feed->values, error))
    return 1;
  for (size_t i = 0; i < slot_count; ++i) {
    const ashlar_array *array = *field(feed, slots[i].role);
    const char *name = slots[i].name;
    if (slots[i].is_decoder != is_decoder || slots[i].role == VALUES || !array)
      continue;
    if (check_shape(feed, name, array, error))
      return 1;
    if (slots[i].role == MASK || slots[i].role == MARKS) {
      if (check_mask(name, array, error))
        return 1;
    } else if (!is_integer(array)) {
      return ashlar_fail(error, "%s: elements are %s; expected int64 or int32",
                         name, ashlar_element_name(array->element));
    }
  }
  return 0;
}

int ashlar_bind_inputs(const ashlar_plan *plan,
                       const ashlar_named_array *inputs, size_t count,
                       ashlar_feeds *feeds, ashlar_error *error) {
  *feeds = (ashlar_feeds){.encoder.stack = plan->encoder,
                          .decoder.stack = plan->decoder};
  if (plan->encoder >= 0)
    feeds->encoder.plan = &plan->stacks[plan->encoder];
  if (plan->decoder >= 0)
    feeds->decoder.plan = &plan->stacks[plan->decoder];
  slot slots[ASHLAR_MAX_NAMES];
  size_t slot_count = list_slots(plan, slots);
  for (size_t i = 0; i < slot_count; ++i)
    if (slots[i].role == VALUES)
      (slots[i].is_decoder ? &feeds->decoder : &feeds->encoder)->values_name =
          slots[i].name;
  for (size_t i = 0; i < count; ++i)
    if (bind(slots, slot_count, &inputs[i], feeds, error))
      return 1;
  if (check_feed(&feeds->encoder, slots, slot_count, 0, error) ||
      check_feed(&feeds->decoder, slots, slot_count, 1, error) ||
      set_extent(&feeds->encoder, plan, error) ||
      set_extent(&feeds->decoder, plan, error))
    return 1;
  if (feeds->encoder.values && feeds->decoder.values &&
      feeds->encoder.batch != feeds->decoder.batch)
    return ashlar_fail(
        error, "%s has %lld sequences, %s has %lld", feeds->encoder.values_name,
        (long long)feeds->encoder.batch, feeds->decoder.values_name,
        (long long)feeds->decoder.batch);
  return 0;
}

int ashlar_feed_is_set(const ashlar_array *array, int64_t row, int64_t column) {
  int64_t index = row * array->shape[1] + column;
  if (array->element == ASHLAR_FLOAT32 || array->element == ASHLAR_FLOAT64)
    return ashlar_array_float(array, index) != 0;
  return ashlar_array_integer(array, index) != 0;
}

int ashlar_feed_keeps(const ashlar_feed *feed, int64_t row, int64_t column) {
  return !feed->mask || ashlar_feed_is_set(feed->mask, row, column);
}

int64_t ashlar_feed_count(const ashlar_feed *feed, int64_t row) {
  int64_t count = 0;
  for (int64_t column = 0; column < feed->columns; ++column)
    count += ashlar_feed_keeps(feed, row, column);
  return count;
}

int ashlar_feed_integer(const ashlar_array *array, const char *name,
                        int64_t row, int64_t column, int64_t limit,
                        int32_t *value, ashlar_error *error) {
  int64_t found = ashlar_array_integer(array, row * array->shape[1] + column);
  if (found < 0 || found >= limit || found > INT32_MAX)
    return ashlar_fail(error,
                       "%s: element [%lld, %lld] is %lld; expected 0 to "
                       "%lld",
                       name, (long long)row, (long long)column,
                       (long long)found, (long long)limit - 1);
  *value = (int32_t)found;
  return 0;
}
