//===- Packer.h - The weight image -----------------------------*- C++ -*-===//
//
// Writes the numbers of all weights in the order and layout that
// `ashlar-place-weights` decided. Memory: one panel of 16 rows, or one window
// of a tensor that the checkpoint stores transposed, at a time.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_PACKER_H
#define ASHLAR_COMPILER_WEIGHTS_PACKER_H

#include "compiler/Weights/TensorReader.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <vector>

namespace ashlar {

/// What the packer needs to know of one weight of one layer; outlives the IR's
/// lowering.
struct PlacedWeight {
  mlir::Operation *weight; // in a module of its own
  int64_t layer;           // -1: not per layer
  int64_t offset;          // bytes in the image
};

/// A copy of the weights of a planned module, in the order of their offsets.
class WeightImage {
public:
  explicit WeightImage(mlir::ModuleOp planned);

  /// Bytes of the image, header included.
  int64_t bytes() const { return size; }

  using Sink = llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)>;
  /// Writes everything behind the header, in order, padding included.
  llvm::Error write(TensorReader &reader, Sink sink) const;

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<PlacedWeight> weights;
  int64_t size;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_PACKER_H
