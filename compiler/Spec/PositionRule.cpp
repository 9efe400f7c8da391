//===- PositionRule.cpp - Positions that nobody gives ---------------------===//

#include "compiler/Spec/PositionRule.h"

using namespace ashlar;

/// Whether positions number what is at the column: every column, or tokens that
/// the mask keeps, or ids that are not the padding's, masked or not.
static bool isNumbered(const Positions &rule, int64_t column,
                       llvm::ArrayRef<int64_t> ids,
                       llvm::ArrayRef<int64_t> mask) {
  if (!rule.byToken)
    return true;
  if (rule.first > 0 && !ids.empty())
    return ids[column] != rule.first - 1;
  return mask.empty() || mask[column] != 0;
}

std::vector<int64_t> ashlar::positionsByRule(const Stack &stack, int64_t count,
                                             llvm::ArrayRef<int64_t> ids,
                                             llvm::ArrayRef<int64_t> mask,
                                             int64_t begin) {
  const Positions &rule = stack.embedding.positions;
  int64_t next = rule.first + begin;
  std::vector<int64_t> positions;
  for (int64_t column = 0; column < count; ++column)
    positions.push_back(isNumbered(rule, column, ids, mask) ? next++
                                                            : rule.first - 1);
  return positions;
}
