//===- Names.cpp - The model's names: in locations, of layers' tensors ----===//

#include "dialect/Ashlar.h"

#include "llvm/ADT/Twine.h"

using namespace mlir;

static constexpr llvm::StringLiteral layerMark = "{layer}";
static constexpr llvm::StringLiteral expertMark = "{expert}";

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

static std::string replace(StringRef tensor, StringRef mark,
                           const Twine &text) {
  std::string result;
  while (true) {
    size_t at = tensor.find(mark);
    result += tensor.substr(0, at);
    if (at == StringRef::npos)
      return result;
    result += text.str();
    tensor = tensor.substr(at + mark.size());
  }
}

std::string ashlar::ir::replaceLayer(StringRef tensor, const Twine &text) {
  return replace(tensor, layerMark, text);
}

std::string ashlar::ir::replaceExpert(StringRef tensor, const Twine &text) {
  return replace(tensor, expertMark, text);
}

bool ashlar::ir::namesLayer(StringRef tensor) {
  return tensor.contains(layerMark);
}

bool ashlar::ir::namesExpert(StringRef tensor) {
  return tensor.contains(expertMark);
}

std::string ashlar::ir::tensorName(StringRef tensor, WeightIndex index) {
  return replaceExpert(replaceLayer(tensor, Twine(index.layer)),
                       Twine(index.expert));
}
