/*===- model.c - Open and close ------------------------------------ C -*-===*/

#include "runtime/internal.h"

#include <stdlib.h>

static ashlar_status check_machine(const ashlar_plan *plan) {
  if (plan->cpu_level > ashlar_rt_cpu_level())
    return ASHLAR_UNSUPPORTED_CPU;
  if (plan->uses_tiles && !ashlar_rt_cpu_request_tiles())
    return ASHLAR_NO_TILES;
  return ASHLAR_OK;
}

const ashlar_plan *ashlar_rt_choose_plan(const ashlar_plan *plan) {
  while (plan->lower && check_machine(plan) != ASHLAR_OK)
    plan = plan->lower;
  return plan;
}

ashlar_status ashlar_rt_open(const ashlar_plan *plan,
                             const ashlar_weights_source *weights,
                             ashlar_model **model) {
  if (!model)
    return ASHLAR_INVALID_ARGUMENT;
  *model = 0;
  if (!ashlar_rt_plan_is_sound(plan))
    return ASHLAR_BAD_WEIGHTS;
  ashlar_status status = check_machine(plan);
  if (status != ASHLAR_OK)
    return status;
  ashlar_model *opened = calloc(1, sizeof *opened);
  if (!opened)
    return ASHLAR_OUT_OF_MEMORY;
  opened->plan = plan;
  status = ashlar_rt_weights_open(weights, opened);
  if (status != ASHLAR_OK) {
    free(opened);
    return status;
  }
  *model = opened;
  return ASHLAR_OK;
}

ashlar_status ashlar_open(const ashlar_weights_source *weights,
                          ashlar_model **model) {
  const ashlar_plan *plan = ashlar_rt_choose_plan(&ashlar_artifact_plan);
  return ashlar_rt_open(plan, weights, model);
}

void ashlar_close(ashlar_model *model) {
  if (!model)
    return;
  ashlar_rt_weights_close(model);
  free(model);
}
