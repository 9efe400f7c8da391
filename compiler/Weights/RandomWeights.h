//===- RandomWeights.h - A checkpoint of random numbers --------*- C++ -*-===//
//
// For measuring without a download. Every number depends on the seed, the
// tensor's name and the element's index alone, so any part of a tensor can be
// made by itself, and two compilers agree bit for bit.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_RANDOMWEIGHTS_H
#define ASHLAR_COMPILER_WEIGHTS_RANDOMWEIGHTS_H

#include "compiler/Weights/TensorReader.h"

namespace ashlar {

/// Uniform numbers of a spread that keeps activations in a sensible range:
/// matrices have variance 1/columns, gains lie around 1, biases around 0.
class RandomWeights : public TensorReader {
public:
  explicit RandomWeights(uint64_t seed) : seed(seed) {}

  llvm::Error read(llvm::StringRef name, llvm::ArrayRef<int64_t> stored,
                   int64_t first, llvm::MutableArrayRef<float> out) override;

private:
  uint64_t seed;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_RANDOMWEIGHTS_H
