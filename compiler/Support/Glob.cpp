//===- Glob.cpp - Patterns with '*' ---------------------------------------===//

#include "compiler/Support/Glob.h"

bool ashlar::matchesGlob(llvm::StringRef pattern, llvm::StringRef text) {
  size_t p = 0, t = 0;
  // The last '*' and how much of the text it covers so far. Earlier stars need
  // no second look: the first place where the part behind them fits is best.
  size_t star = llvm::StringRef::npos, covered = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      covered = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != llvm::StringRef::npos) {
      p = star + 1;
      t = ++covered;
    } else {
      return false;
    }
  }
  return pattern.drop_front(p).find_first_not_of('*') == llvm::StringRef::npos;
}
