/*===- call.c - Encode and decode ---------------------------------- C -*-===*/

#include "runtime/internal.h"

/* After the workers are done: what the slots hold now. */
static void commit(ashlar_session *session, int64_t stack,
                   const ashlar_batch *batch) {
  const ashlar_plan *plan = session->plan;
  for (int32_t i = 0; i < batch->sequences; ++i) {
    ashlar_rt_slot *slot = &session->slots[ashlar_rt_slot_of(batch, i)];
    int64_t length = ashlar_rt_length_of(&plan->stacks[stack], batch, i);
    if (stack == plan->decoder) {
      slot->length += length;
      continue;
    }
    slot->source = length;
    slot->source_number = ++session->sources;
    slot->length = 0;
  }
}

static ashlar_status run_stack(ashlar_session *session, int64_t stack,
                               const ashlar_batch *batch) {
  if (stack < 0)
    return ASHLAR_NOT_SUPPORTED;
  if (ashlar_rt_team_is_foreign(session->team))
    return ASHLAR_AFTER_FORK;
  ashlar_status status = ashlar_rt_check_batch(session, stack, batch);
  if (status != ASHLAR_OK)
    return status;
  ashlar_rt_write_call(session, stack, batch);
  ashlar_rt_job job = {.function = session->plan->stacks[stack].function,
                       .weights = session->weights,
                       .arena = session->arena,
                       .cache = session->cache};
  ashlar_rt_clear_marks(session->team);
  ashlar_rt_team_run(session->team, &job);
  commit(session, stack, batch);
  return ASHLAR_OK;
}

ashlar_status ashlar_encode(ashlar_session *session,
                            const ashlar_batch *batch) {
  if (!session || !batch)
    return ASHLAR_INVALID_ARGUMENT;
  return run_stack(session, session->plan->encoder, batch);
}

ashlar_status ashlar_decode(ashlar_session *session,
                            const ashlar_batch *batch) {
  if (!session || !batch)
    return ASHLAR_INVALID_ARGUMENT;
  return run_stack(session, session->plan->decoder, batch);
}

ashlar_status ashlar_hidden(const ashlar_session *session, const float **hidden,
                            int64_t *rows, int64_t *features, int64_t *stride) {
  if (!session || !hidden || !rows || !features || !stride ||
      session->result_stack < 0)
    return ASHLAR_INVALID_ARGUMENT;
  const ashlar_stack_plan *stack =
      &session->plan->stacks[session->result_stack];
  *hidden = (const float *)(session->arena + stack->hidden_offset);
  *rows = session->result_rows;
  *features = stack->hidden;
  *stride = stack->hidden_stride;
  return ASHLAR_OK;
}
