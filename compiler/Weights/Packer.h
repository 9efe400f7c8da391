//===- Packer.h - The weight image -----------------------------*- C++ -*-===//
//
// Writes the numbers of all weights in the order, layout and encoding that
// `ashlar-place-weights` found or decided; behind them, what encoding cost.
// Memory: one panel of 16 rows and the scales of one weight, or one window of
// a tensor that the checkpoint stores transposed, at a time.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_PACKER_H
#define ASHLAR_COMPILER_WEIGHTS_PACKER_H

#include "compiler/Weights/TensorReader.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <vector>

namespace ashlar {

/// What the packer needs to know of one weight of one layer, with all of its
/// experts; outlives the IR's lowering.
struct PlacedWeight {
  mlir::Operation *weight; // in a module of its own
  int64_t layer;           // -1: not per layer
  int64_t offset;          // bytes in the image
};

/// Every weight of every layer of a planned module, in the image's order.
std::vector<PlacedWeight> placedWeights(mlir::ModuleOp planned);

/// A copy of the weights of a planned module, in the order of their offsets.
class WeightImage {
public:
  explicit WeightImage(mlir::ModuleOp planned);

  /// Bytes of the image, header included.
  int64_t bytes() const { return size; }

  using Sink = llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)>;
  /// Writes everything behind the header, in order, padding included. Error,
  /// among others: int8 or int4 has no such number as an infinity.
  llvm::Error write(TensorReader &reader, Sink sink) const;

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<PlacedWeight> weights;
  int64_t size;
  int64_t errorsOffset; // -1: nothing is encoded
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_PACKER_H
