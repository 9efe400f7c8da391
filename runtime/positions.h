/*===- positions.h - Positions that leave out the padding token ------ C
 * -*-===*/

#ifndef ASHLAR_RUNTIME_POSITIONS_H
#define ASHLAR_RUNTIME_POSITIONS_H

#include "runtime/abi.h"

/* Models after fairseq (roberta, m2m_100) number the ids of a sequence that are
   not the padding's, from the padding's id + 1 on; each padding has its id as
   position. The padding's id for such a stack, else -1. Other stacks that
   number tokens (opt) begin with 0. */
static inline int64_t ashlar_padding_id(const ashlar_stack_plan *stack) {
  return stack->positions_by_token && stack->ids_offset >= 0
             ? stack->first_position - 1
             : -1;
}

#endif /* ASHLAR_RUNTIME_POSITIONS_H */
