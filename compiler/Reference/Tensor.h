//===- Tensor.h - What the reference computes with -------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_REFERENCE_TENSOR_H
#define ASHLAR_COMPILER_REFERENCE_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cassert>
#include <cstdint>
#include <vector>

namespace ashlar::reference {

/// A dense float64 array, row-major: rows [tokens, features], heads
/// [tokens, heads, head_dim] or scores [tokens, heads, keys].
struct Tensor {
  llvm::SmallVector<int64_t, 3> shape;
  std::vector<double> data;

  Tensor() = default;
  explicit Tensor(llvm::ArrayRef<int64_t> shape)
      : shape(shape.begin(), shape.end()) {
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    data.resize(count);
  }

  int64_t dim(unsigned i) const { return shape[i]; }
  double *row(int64_t i) { return data.data() + i * shape[1]; }
  const double *row(int64_t i) const { return data.data() + i * shape[1]; }
  /// The vector at [i, j, :] of a tensor of rank 3.
  double *at(int64_t i, int64_t j) {
    return data.data() + (i * shape[1] + j) * shape[2];
  }
  const double *at(int64_t i, int64_t j) const {
    return data.data() + (i * shape[1] + j) * shape[2];
  }
};

/// Whose a row is: the sequence's slot, and the index in it from 0. `extent` is
/// what patterns take for the sequence's length; 0 = that of its keys.
/// `marked`: by the caller, for patterns.
struct RowPlace {
  int64_t slot = 0;
  int64_t index = 0;
  int64_t extent = 0;
  bool marked = false;
};

/// Of every row of a batch: a value of type !ashlar.sequences.
using Sequences = std::vector<RowPlace>;

} // namespace ashlar::reference

#endif // ASHLAR_COMPILER_REFERENCE_TENSOR_H
