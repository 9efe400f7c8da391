//===- VerifyScale.cpp - Factors that fusion moves into weights ----------===//

#include "tools/ashlar/VerifyScale.h"

#include "dialect/Ashlar.h"

using namespace ashlar;
using namespace ashlar::tool;

/// The factor of the source that row `row` of `weight` is taken from.
static double factorAt(ir::WeightOp weight, int64_t row) {
  for (mlir::Attribute attribute : weight.getSources()) {
    auto source = llvm::dyn_cast<ir::TensorSourceAttr>(attribute);
    if (!source)
      return 1;
    int64_t count = source.getCount();
    if (!count)
      count = weight.getRows();
    if (row < count)
      return source.getScaleValue();
    row -= count;
  }
  return 1;
}

std::string ashlar::tool::scaledKey(llvm::StringRef name, int64_t firstLayer) {
  return (name + "@" + llvm::Twine(firstLayer)).str();
}

llvm::StringMap<ScaledTensor>
ashlar::tool::scaledTensors(mlir::ModuleOp fused) {
  llvm::StringMap<ScaledTensor> tensors;
  auto add = [&](mlir::Operation *op, ir::WeightOp weight, int64_t row) {
    llvm::StringRef name = ir::nameOf(op->getLoc());
    double factor = factorAt(weight, row);
    auto layers = op->getParentOfType<ir::LayersOp>();
    int64_t first = layers ? layers.getFirst() + layers.partOf(op) : -1;
    if (factor != 1)
      tensors[scaledKey(name, first)] = {name.rsplit(".scaled").first.str(),
                                         factor};
  };
  fused.walk([&](ir::LinearOp linear) {
    ir::WeightOp weight = ir::lookupWeight(linear, linear.getWeightAttr());
    add(linear, weight, 0);
    for (mlir::Operation *user : linear.getResult().getUsers())
      if (auto slice = llvm::dyn_cast<ir::SliceOp>(user))
        add(slice, weight, slice.getBegin());
  });
  return tensors;
}
