//===- Names.cpp - The model's names in locations ------------------------===//

#include "dialect/Ashlar.h"

using namespace mlir;

SmallVector<StringRef> ashlar::ir::namesOf(Location location) {
  SmallVector<StringRef> names;
  location->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner))
      names.push_back(named.getName().getValue());
    return WalkResult::advance();
  });
  return names;
}

StringRef ashlar::ir::nameOf(Location location) {
  SmallVector<StringRef> names = namesOf(location);
  return names.empty() ? StringRef() : names.front();
}
