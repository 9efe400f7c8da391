//===- Shape.h - Shapes of stored arrays -----------------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_SUPPORT_SHAPE_H
#define ASHLAR_COMPILER_SUPPORT_SHAPE_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace ashlar {

/// The product of dimensions that are not negative, 1 for none of them. None
/// when the product of those that are not 0 exceeds int64_t: then strides
/// would overflow even where the array is empty.
std::optional<int64_t> elementCount(llvm::ArrayRef<int64_t> shape);

/// "[2, 3]"
std::string shapeText(llvm::ArrayRef<int64_t> shape);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SUPPORT_SHAPE_H
