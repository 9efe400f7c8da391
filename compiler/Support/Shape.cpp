//===- Shape.cpp - Shapes of stored arrays --------------------------------===//

#include "compiler/Support/Shape.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace ashlar;

std::optional<int64_t> ashlar::elementCount(llvm::ArrayRef<int64_t> shape) {
  int64_t product = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent == 0)
      empty = true;
    else if (llvm::MulOverflow(product, extent, product))
      return std::nullopt;
  }
  return empty ? 0 : product;
}

std::string ashlar::shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string result = "[";
  llvm::ListSeparator separator;
  for (int64_t extent : shape)
    result += (llvm::StringRef(separator) + llvm::Twine(extent)).str();
  return result + "]";
}
