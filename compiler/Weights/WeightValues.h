//===- WeightValues.h - The numbers of an ashlar.weight --------*- C++ -*-===//
//
// Turns a weight's sources into rows of numbers: names with the indices in
// place of "{layer}" and "{expert}", transposed storage, scales, sources on top
// of each other, computed tables. The packer and the reference read weights
// here and nowhere else.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_WEIGHTVALUES_H
#define ASHLAR_COMPILER_WEIGHTS_WEIGHTVALUES_H

#include "compiler/Weights/TensorReader.h"
#include "dialect/Ashlar.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace ashlar {

class WeightValues {
public:
  /// Keeps at most `windowBytes` of a tensor that is stored transposed, so
  /// that readers of a few rows at a time do not read it again for each.
  explicit WeightValues(TensorReader &reader,
                        uint64_t windowBytes = uint64_t(512) << 20)
      : reader(reader), windowBytes(windowBytes) {}

  /// Rows [firstRow, firstRow + rowCount) of `weight`, row-major
  /// [rowCount, columns], of the layer and expert `index`. Computed tables are
  /// rounded from float64.
  llvm::Error readRows(ir::WeightOp weight, ir::WeightIndex index,
                       int64_t firstRow, int64_t rowCount,
                       llvm::MutableArrayRef<float> out);
  /// The same in float64; a checkpoint's float32 is widened.
  llvm::Error readRows(ir::WeightOp weight, ir::WeightIndex index,
                       int64_t firstRow, int64_t rowCount,
                       llvm::MutableArrayRef<double> out);

private:
  template <typename T>
  llvm::Error readSources(ir::WeightOp weight, ir::WeightIndex index,
                          int64_t firstRow, int64_t rowCount,
                          llvm::MutableArrayRef<T> out);
  template <typename T>
  llvm::Error readTensor(ir::TensorSourceAttr source, ir::WeightIndex index,
                         int64_t firstRow, llvm::MutableArrayRef<T> out);
  template <typename T>
  llvm::Error computeRow(mlir::Attribute source, int64_t layer, int64_t row,
                         llvm::MutableArrayRef<T> out);
  template <typename T>
  llvm::Error relativeRow(ir::RelativeTableSourceAttr table, int64_t layer,
                          int64_t head, llvm::MutableArrayRef<T> out);
  llvm::Error readStored(llvm::StringRef name, ir::TensorSourceAttr source,
                         int64_t firstRow, llvm::MutableArrayRef<float> out);
  llvm::Error readTransposed(llvm::StringRef name, ir::TensorSourceAttr source,
                             int64_t firstRow,
                             llvm::MutableArrayRef<float> out);
  llvm::Error fillWindow(llvm::StringRef name, ir::TensorSourceAttr source,
                         int64_t firstRow, int64_t rowCount);

  TensorReader &reader;
  uint64_t windowBytes;

  /// Logical rows [windowFirst, windowFirst + windowCount) of a transposed
  /// tensor, [windowCount, columns].
  std::string windowTensor;
  int64_t windowFirst = 0;
  int64_t windowCount = 0;
  std::vector<float> window;
};

/// The tensor of the checkpoint that gives row `row` of `weight`;
/// empty where it is computed.
std::string tensorAt(ir::WeightOp weight, ir::WeightIndex index, int64_t row);

/// Error when a tensor that the weights of `module` name is missing from
/// `reader` or has another shape. Reads no numbers.
llvm::Error checkWeights(mlir::ModuleOp module, TensorReader &reader);

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_WEIGHTVALUES_H
