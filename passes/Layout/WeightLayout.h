//===- WeightLayout.h - Shapes of packed weights ---------------*- C++ -*-===//
//
// The one place that knows how a weight's numbers lie in the image; the
// packer writes by it, the kernels read by it.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LAYOUT_WEIGHTLAYOUT_H
#define ASHLAR_PASSES_LAYOUT_WEIGHTLAYOUT_H

#include "dialect/Ashlar.h"

namespace ashlar {

/// Output features of a panel, floats of a vector, unit of padding.
constexpr int64_t panelWidth = 16;

inline int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}
inline int64_t ceilDiv(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit;
}

/// Floats that a weight takes in the image in `layout`:
///   rows           [rows][columns rounded up to 16]; a vector [n + 16 rounded
///   up] panels         [rows / 16][columns][16] gated_panels   [rows / 2 /
///   16][gate, up][columns][16]
int64_t packedFloats(ir::WeightOp weight, ir::WeightLayout layout);

/// Floats from one row of a `rows` table to the next.
int64_t tableStride(ir::WeightOp weight);

/// Name of the module's attribute that holds the size of the image in bytes.
constexpr llvm::StringLiteral weightBytesAttr = "ashlar.weight_bytes";

} // namespace ashlar

#endif // ASHLAR_PASSES_LAYOUT_WEIGHTLAYOUT_H
