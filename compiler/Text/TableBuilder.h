//===- TableBuilder.h - Values for all code points -------------*- C++ -*-===//
//
// Two-level tables: pages of 256 code points, equal pages stored once.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_TABLEBUILDER_H
#define ASHLAR_COMPILER_TEXT_TABLEBUILDER_H

#include "compiler/Text/RegexDfa.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>

namespace ashlar {

/// Asks `valueOf` for every code point, in ascending order.
template <typename T>
CodePointTable<T> buildCodePointTable(llvm::function_ref<T(uint32_t)> valueOf) {
  CodePointTable<T> table;
  std::map<std::vector<T>, uint16_t> numbers;
  for (uint32_t first = 0; first <= CodePointSet::maximum; first += 256) {
    std::vector<T> page(256);
    for (uint32_t i = 0; i < 256; ++i)
      page[i] = valueOf(first + i);
    auto [it, isNew] = numbers.try_emplace(page, numbers.size());
    if (isNew)
      table.entries.insert(table.entries.end(), page.begin(), page.end());
    table.pages.push_back(it->second);
  }
  return table;
}

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_TABLEBUILDER_H
