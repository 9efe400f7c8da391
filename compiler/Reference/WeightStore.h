//===- WeightStore.h - Weights on demand -----------------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_REFERENCE_WEIGHTSTORE_H
#define ASHLAR_COMPILER_REFERENCE_WEIGHTSTORE_H

#include "compiler/Weights/WeightValues.h"

#include <map>
#include <tuple>

namespace ashlar::reference {

class WeightStore {
public:
  WeightStore(TensorReader &reader, uint64_t limitBytes)
      : values(reader), limitBytes(limitBytes) {}

  /// Calls `body` with successive rows of the weight, [rows, columns], until
  /// all of them have been seen: whole when it is small, else in pieces.
  llvm::Error forEachPiece(
      ir::WeightOp weight, ir::WeightIndex index,
      llvm::function_ref<void(int64_t firstRow, llvm::ArrayRef<double> rows)>
          body);

  /// A vector [features].
  llvm::Expected<std::vector<double>> vector(ir::WeightOp weight,
                                             ir::WeightIndex index);

  /// Row `row` of a table.
  llvm::Error row(ir::WeightOp weight, ir::WeightIndex index, int64_t row,
                  llvm::MutableArrayRef<double> out);

private:
  /// Of a layer and an expert.
  using Key = std::tuple<mlir::Operation *, int64_t, int64_t>;

  /// All numbers of a small weight.
  llvm::Expected<const std::vector<double> *> small(ir::WeightOp weight,
                                                    ir::WeightIndex index);

  WeightValues values;
  uint64_t limitBytes;
  uint64_t keptBytes = 0;
  std::map<Key, std::vector<double>> kept;
};

} // namespace ashlar::reference

#endif // ASHLAR_COMPILER_REFERENCE_WEIGHTSTORE_H
