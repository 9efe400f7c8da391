/* Prints the first weight behind the header and what the first stack adds. */
#include "runtime/api.h"

#include <stdio.h>

int main(int argc, char **argv) {
  const ashlar_plan *plan = ashlar_get_api()->plan;
  float arena[1] = {1};
  ashlar_model *model;
  if (ashlar_get_api()->open(0, &model) != ASHLAR_OK)
    return 1;
  plan->stacks[0].function(plan->weights, arena, 0, 0, 0, 1);
  printf("%s %g %s\n", plan->name, arena[0], argc > 1 ? argv[1] : "");
  return 0;
}
