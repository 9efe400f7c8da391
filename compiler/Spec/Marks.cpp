//===- Marks.cpp - Tokens that are marked without being asked -------------===//

#include "compiler/Spec/Marks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"

using namespace ashlar;

int64_t ashlar::markedByRule(const Marks &marks, llvm::ArrayRef<int32_t> ids) {
  switch (marks.otherwise) {
  case MarkRule::None:
    return 0;
  case MarkRule::First:
    return 1;
  case MarkRule::Before: {
    auto end = llvm::find(ids, marks.token);
    return end == ids.end() ? 0 : end - ids.begin();
  }
  }
  llvm_unreachable("every rule is handled above");
}
