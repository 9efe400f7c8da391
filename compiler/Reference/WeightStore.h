//===- WeightStore.h - Weights on demand -----------------------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_REFERENCE_WEIGHTSTORE_H
#define ASHLAR_COMPILER_REFERENCE_WEIGHTSTORE_H

#include "compiler/Weights/WeightValues.h"

#include <map>

namespace ashlar::reference {

class WeightStore {
public:
  WeightStore(TensorReader &reader, uint64_t limitBytes)
      : values(reader), limitBytes(limitBytes) {}

  /// Calls `body` with successive rows of the weight, [rows, columns], until
  /// all of them have been seen: whole when it is small, else in pieces.
  llvm::Error forEachPiece(
      ir::WeightOp weight, int64_t layer,
      llvm::function_ref<void(int64_t firstRow, llvm::ArrayRef<double> rows)>
          body);

  /// A vector [features].
  llvm::Expected<std::vector<double>> vector(ir::WeightOp weight,
                                             int64_t layer);

  /// Row `row` of a table.
  llvm::Error row(ir::WeightOp weight, int64_t layer, int64_t row,
                  llvm::MutableArrayRef<double> out);

private:
  using Key = std::pair<mlir::Operation *, int64_t>;

  /// All numbers of a small weight.
  llvm::Expected<const std::vector<double> *> small(ir::WeightOp weight,
                                                    int64_t layer);

  WeightValues values;
  uint64_t limitBytes;
  uint64_t keptBytes = 0;
  std::map<Key, std::vector<double>> kept;
};

} // namespace ashlar::reference

#endif // ASHLAR_COMPILER_REFERENCE_WEIGHTSTORE_H
