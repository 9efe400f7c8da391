//===- TableBuilder.h - Values for all code points -------------*- C++ -*-===//
//
// Two-level tables: pages of 256 code points, equal pages stored once.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_TABLEBUILDER_H
#define ASHLAR_COMPILER_TEXT_TABLEBUILDER_H

#include "compiler/Text/regex/CodePointSet.h"
#include "compiler/Text/regex/CodePointTable.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>

namespace ashlar {

/// Successive code points with one value, up to `last`.
template <typename T> struct CodePointRun {
  T value;
  uint32_t last;
};

/// Asks `runAt` in ascending order for the run that begins at a code point.
template <typename T>
CodePointTable<T>
buildCodePointTable(llvm::function_ref<CodePointRun<T>(uint32_t)> runAt) {
  CodePointTable<T> table;
  std::map<std::vector<T>, uint16_t> numbers;
  std::map<T, uint16_t> uniform; // pages of one value
  auto add = [&](const std::vector<T> &page) {
    auto [it, isNew] = numbers.try_emplace(page, numbers.size());
    if (isNew)
      table.entries.insert(table.entries.end(), page.begin(), page.end());
    return it->second;
  };
  CodePointRun<T> run = runAt(0);
  for (uint32_t first = 0; first <= CodePointSet::maximum; first += 256) {
    std::vector<T> page;
    auto known = uniform.find(run.value);
    bool isUniform = run.last >= first + 255;
    if (isUniform && known != uniform.end()) {
      table.pages.push_back(known->second);
    } else {
      for (uint32_t i = 0; i < 256; ++i) {
        if (first + i > run.last)
          run = runAt(first + i);
        page.push_back(run.value);
      }
      table.pages.push_back(add(page));
      if (isUniform)
        uniform[run.value] = table.pages.back();
    }
    if (run.last == first + 255 && run.last < CodePointSet::maximum)
      run = runAt(first + 256);
  }
  return table;
}

/// `valueOf` each member of `set`, 0 for all others.
template <typename T>
CodePointTable<T> buildCodePointTable(const CodePointSet &set,
                                      llvm::function_ref<T(uint32_t)> valueOf) {
  const CodePointSet::Range *range = set.ranges().begin();
  const CodePointSet::Range *end = set.ranges().end();
  return buildCodePointTable<T>([&](uint32_t codePoint) -> CodePointRun<T> {
    while (range != end && range->last < codePoint)
      ++range;
    if (range == end)
      return {T(0), CodePointSet::maximum};
    if (codePoint < range->first)
      return {T(0), range->first - 1};
    return {valueOf(codePoint), codePoint};
  });
}

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_TABLEBUILDER_H
