//===- VerifyScale.cpp - Factors that fusion moves into weights ----------===//

#include "tools/ashlar/VerifyScale.h"

#include "dialect/Ashlar.h"

using namespace ashlar;

/// The first name of a location, which is what the graph's op is called.
static llvm::StringRef nameOf(mlir::Location location) {
  llvm::StringRef name;
  location->walk([&](mlir::Location inner) {
    auto named = llvm::dyn_cast<mlir::NameLoc>(inner);
    if (!named)
      return mlir::WalkResult::advance();
    name = named.getName().getValue();
    return mlir::WalkResult::interrupt();
  });
  return name;
}

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

llvm::StringMap<double> ashlar::tool::weightFactors(mlir::ModuleOp module) {
  llvm::StringMap<double> factors;
  module.walk([&](ir::LinearOp linear) {
    ir::WeightOp weight = ir::lookupWeight(linear, linear.getWeightAttr());
    bool sliced = false;
    for (mlir::Operation *user : linear.getResult().getUsers())
      if (auto slice = llvm::dyn_cast<ir::SliceOp>(user)) {
        factors[nameOf(slice.getLoc())] = factorAt(weight, slice.getBegin());
        sliced = true;
      }
    if (!sliced)
      factors[nameOf(linear.getLoc())] = factorAt(weight, 0);
  });
  return factors;
}
