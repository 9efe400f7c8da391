//===- WeightStore.cpp - Weights on demand --------------------------------===//

#include "compiler/Reference/WeightStore.h"

using namespace ashlar;
using namespace ashlar::reference;
using llvm::Error;
using llvm::Expected;

/// Numbers of a small weight, and of a piece of a big one.
static constexpr int64_t pieceElements = int64_t(1) << 20;

static int64_t sizeOf(ir::WeightOp weight) {
  return weight.getRows() * weight.getColumns();
}

Expected<const std::vector<double> *>
WeightStore::small(ir::WeightOp weight, ir::WeightIndex index) {
  Key key(weight, weight.isPerLayer() ? index.layer : -1,
          weight.getExperts() ? index.expert : -1);
  auto found = kept.find(key);
  if (found != kept.end())
    return &found->second;
  std::vector<double> numbers(sizeOf(weight));
  if (Error error =
          values.readRows(weight, index, 0, weight.getRows(), numbers))
    return error;
  uint64_t bytes = numbers.size() * sizeof(double);
  if (keptBytes + bytes > limitBytes) {
    kept.clear();
    keptBytes = 0;
  }
  keptBytes += bytes;
  return &(kept[key] = std::move(numbers));
}

Error WeightStore::forEachPiece(
    ir::WeightOp weight, ir::WeightIndex index,
    llvm::function_ref<void(int64_t, llvm::ArrayRef<double>)> body) {
  if (sizeOf(weight) <= pieceElements) {
    Expected<const std::vector<double> *> numbers = small(weight, index);
    if (!numbers)
      return numbers.takeError();
    body(0, **numbers);
    return Error::success();
  }
  int64_t rows = weight.getRows(), columns = weight.getColumns();
  int64_t step = std::max<int64_t>(pieceElements / columns, 1);
  std::vector<double> piece;
  for (int64_t row = 0; row < rows; row += step) {
    int64_t count = std::min(step, rows - row);
    piece.resize(count * columns);
    if (Error error = values.readRows(weight, index, row, count, piece))
      return error;
    body(row, piece);
  }
  return Error::success();
}

Expected<std::vector<double>> WeightStore::vector(ir::WeightOp weight,
                                                  ir::WeightIndex index) {
  std::vector<double> result(weight.getRows());
  Error error = forEachPiece(weight, index, [&](int64_t first, auto numbers) {
    std::copy(numbers.begin(), numbers.end(), result.begin() + first);
  });
  if (error)
    return error;
  return result;
}

Error WeightStore::row(ir::WeightOp weight, ir::WeightIndex index, int64_t row,
                       llvm::MutableArrayRef<double> out) {
  if (sizeOf(weight) > pieceElements)
    return values.readRows(weight, index, row, /*rowCount=*/1, out);
  Expected<const std::vector<double> *> numbers = small(weight, index);
  if (!numbers)
    return numbers.takeError();
  std::copy_n((*numbers)->begin() + row * weight.getColumns(), out.size(),
              out.begin());
  return Error::success();
}
