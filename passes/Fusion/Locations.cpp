//===- Locations.cpp - Locations of fused ops ----------------------------===//

#include "passes/Fusion/Locations.h"

#include "dialect/Ashlar.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace ashlar;

std::string ashlar::joinNames(ArrayRef<StringRef> names) {
  SmallVector<SmallVector<StringRef>> parts;
  size_t shortest = SIZE_MAX;
  for (StringRef name : names) {
    name.split(parts.emplace_back(), '.');
    shortest = std::min(shortest, parts.back().size());
  }
  auto shared = [&](size_t i, bool fromBack) {
    return llvm::all_of(parts, [&](ArrayRef<StringRef> p) {
      ArrayRef<StringRef> f = parts.front();
      return fromBack ? p[p.size() - 1 - i] == f[f.size() - 1 - i]
                      : p[i] == f[i];
    });
  };
  size_t prefix = 0, suffix = 0;
  while (prefix + 1 < shortest && shared(prefix, /*fromBack=*/false))
    ++prefix;
  while (prefix + suffix + 1 < shortest && shared(suffix, /*fromBack=*/true))
    ++suffix;
  SmallVector<std::string> different;
  for (ArrayRef<StringRef> p : parts)
    different.push_back(
        llvm::join(p.drop_front(prefix).drop_back(suffix), "."));
  SmallVector<std::string> joined;
  for (StringRef part : ArrayRef(parts.front()).take_front(prefix))
    joined.push_back(part.str());
  joined.push_back(llvm::join(different, "_"));
  for (StringRef part : ArrayRef(parts.front()).take_back(suffix))
    joined.push_back(part.str());
  return llvm::join(joined, ".");
}

Location ashlar::fuseLocations(ArrayRef<Operation *> parts) {
  SmallVector<Location> locations;
  for (Operation *part : llvm::reverse(parts))
    locations.push_back(part->getLoc());
  return FusedLoc::get(parts.front()->getContext(), locations);
}

Location ashlar::joinLocations(ArrayRef<Operation *> parts) {
  MLIRContext *context = parts.front()->getContext();
  SmallVector<Location> locations;
  SmallVector<StringRef> names;
  for (Operation *part : parts) {
    locations.push_back(part->getLoc());
    names.push_back(ir::nameOf(part->getLoc()));
  }
  Location fused = FusedLoc::get(context, locations);
  if (llvm::any_of(names, [](StringRef name) { return name.empty(); }))
    return fused;
  return NameLoc::get(StringAttr::get(context, joinNames(names)), fused);
}
