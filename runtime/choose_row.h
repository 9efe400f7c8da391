/*===- choose_row.h - The row that a head of one row reads ---------- C -*-===*/

#ifndef ASHLAR_RUNTIME_CHOOSE_ROW_H
#define ASHLAR_RUNTIME_CHOOSE_ROW_H

#include "runtime/abi.h"

/* Of the rows [begin, end) of a sequence, by the head's `row_token`: the first
   one with that id, or what an ashlar_row_choice says; the first one of all
   where no row has the id. `ids` is read for a choice by id only. */
static inline int64_t ashlar_choose_row(int64_t row_token, const int32_t *ids,
                                        int64_t begin, int64_t end) {
  if (row_token == ASHLAR_ROW_FIRST)
    return begin;
  if (row_token == ASHLAR_ROW_LAST)
    return end - 1;
  int64_t chosen = begin;
  for (int64_t row = begin; row < end; ++row) {
    if (ids[row] == row_token)
      return row;
    if (row_token == ASHLAR_ROW_HIGHEST_TOKEN && ids[row] > ids[chosen])
      chosen = row;
  }
  return chosen;
}

#endif /* ASHLAR_RUNTIME_CHOOSE_ROW_H */
