/*===- choose_plan.h - The plan that holds on this machine ------------ C -*-===*\
|*
|* An artifact has a plan for each level of CPUs that it has code for.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_CHOOSE_PLAN_H
#define ASHLAR_RUNTIME_CHOOSE_PLAN_H

#include "runtime/api.h"

/* What `open` takes. */
static inline const ashlar_plan *ashlar_plan_of(const ashlar_api *api) {
  return api->choose_plan(api->best_plan);
}

#endif /* ASHLAR_RUNTIME_CHOOSE_PLAN_H */
