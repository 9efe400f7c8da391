/*===- head.c - Heads on rows of the last result -------------------- C -*-===*\
|*
|* A head takes max_rows rows at a time, so that its place in the arena does not
|* grow with max_tokens: rows are gathered, run and copied out piece by piece.
|* One that reads whole sequences (`pools`) reads the result where it lies.
|*
\*===----------------------------------------------------------------------===*/

#include "runtime/choose_row.h"
#include "runtime/internal.h"

#include <string.h>

/* Rows that the caller asked for; `rows` null = row i itself. */
typedef struct row_list {
  const int32_t *rows;
  int64_t count;
} row_list;

/* One row of each sequence of the last call. */
static const int32_t *choose_rows(const ashlar_session *session,
                                  const ashlar_head_plan *head) {
  if (head->row_token == ASHLAR_ROW_FIRST || head->pools)
    return session->first_rows;
  const ashlar_stack_plan *stack =
      &session->plan->stacks[session->result_stack];
  const int32_t *ids = (const int32_t *)(session->arena + stack->ids_offset);
  for (int64_t i = 0; i < session->result_sequences; ++i) {
    int64_t end = i + 1 < session->result_sequences ? session->first_rows[i + 1]
                                                    : session->result_rows;
    session->chosen_rows[i] = (int32_t)ashlar_choose_row(
        head->row_token, ids, session->first_rows[i], end);
  }
  return session->chosen_rows;
}

static ashlar_status list_rows(const ashlar_session *session,
                               const ashlar_head_plan *head,
                               const int32_t *rows, int32_t count,
                               row_list *list) {
  if (count < 0 || (rows && head->pools))
    return ASHLAR_INVALID_ARGUMENT;
  if (rows) {
    for (int32_t i = 0; i < count; ++i)
      if (rows[i] < 0 || rows[i] >= session->result_rows)
        return ASHLAR_INVALID_ARGUMENT;
    *list = (row_list){rows, count};
    return ASHLAR_OK;
  }
  *list = head->first_row_only ? (row_list){choose_rows(session, head),
                                            session->result_sequences}
                               : (row_list){0, session->result_rows};
  return count == 0 || count == list->count ? ASHLAR_OK
                                            : ASHLAR_INVALID_ARGUMENT;
}

static ashlar_status check(const ashlar_session *session, int32_t index,
                           const float *out) {
  if (!session || !out || index < 0)
    return ASHLAR_INVALID_ARGUMENT;
  const ashlar_plan *plan = session->plan;
  if (index >= plan->head_count)
    return plan->head_count ? ASHLAR_INVALID_ARGUMENT : ASHLAR_NOT_SUPPORTED;
  if (session->result_stack < 0)
    return ASHLAR_INVALID_ARGUMENT;
  /* An encoder's result, where the heads belong to the decoder. */
  int64_t last = plan->decoder >= 0 ? plan->decoder : plan->encoder;
  if (session->result_stack != last)
    return ASHLAR_NOT_SUPPORTED;
  return ashlar_rt_team_is_foreign(session->team) ? ASHLAR_AFTER_FORK
                                                  : ASHLAR_OK;
}

/* The head's function, and its first `count` rows to `out`. */
static void run(ashlar_session *session, const ashlar_head_plan *head,
                int64_t count, float *out) {
  ashlar_rt_job job = {.function = head->function,
                       .weights = session->weights,
                       .arena = session->arena,
                       .cache = session->cache};
  ashlar_rt_team_run(session->team, &job);
  const float *output = (const float *)(session->arena + head->output_offset);
  for (int64_t i = 0; i < count; ++i)
    memcpy(out + i * head->output_features, output + i * head->output_stride,
           (size_t)head->output_features * sizeof *out);
}

/* Rows [first, first + count) of the list: in, through the head, out. */
static void run_piece(ashlar_session *session, const ashlar_head_plan *head,
                      const row_list *list, int64_t first, int64_t count,
                      float *out) {
  const ashlar_stack_plan *stack =
      &session->plan->stacks[session->result_stack];
  const float *hidden = (const float *)(session->arena + stack->hidden_offset);
  float *input = (float *)(session->arena + head->input_offset);
  for (int64_t i = 0; i < count; ++i) {
    int64_t row = list->rows ? list->rows[first + i] : first + i;
    ashlar_rt_copy_rows(input + i * head->input_stride, head->input_stride,
                        hidden + row * stack->hidden_stride,
                        head->input_features);
  }
  ashlar_rt_write_header(session, count, 0, 0);
  run(session, head, count, out + first * head->output_features);
}

ashlar_status ashlar_head(ashlar_session *session, int32_t head,
                          const int32_t *rows, int32_t count, float *out,
                          size_t out_floats) {
  ashlar_status status = check(session, head, out);
  if (status != ASHLAR_OK)
    return status;
  const ashlar_head_plan *plan = &session->plan->heads[head];
  row_list list;
  status = list_rows(session, plan, rows, count, &list);
  if (status != ASHLAR_OK)
    return status;
  if (out_floats / (uint64_t)plan->output_features < (uint64_t)list.count)
    return ASHLAR_INVALID_ARGUMENT;
  ashlar_rt_clear_marks(session->team);
  if (plan->pools) {
    ashlar_rt_write_header(session, session->result_rows, session->result_tiles,
                           session->result_sequences);
    run(session, plan, list.count, out);
    return ASHLAR_OK;
  }
  for (int64_t first = 0; first < list.count; first += plan->max_rows) {
    int64_t left = list.count - first;
    run_piece(session, plan, &list, first,
              left < plan->max_rows ? left : plan->max_rows, out);
  }
  return ASHLAR_OK;
}
