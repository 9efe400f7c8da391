//===- PlaceWeights.cpp - Layout and place of each weight ----------------===//

#include "passes/Layout/Passes.h"
#include "passes/Layout/WeightLayout.h"
#include "runtime/abi.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace ashlar {
#define GEN_PASS_DEF_PLACEWEIGHTSPASS
#include "passes/Layout/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {
struct PlaceWeights : ashlar::impl::PlaceWeightsPassBase<PlaceWeights> {
  using PlaceWeightsPassBase::PlaceWeightsPassBase;

  void runOnOperation() override {
    collectLayouts();
    int64_t end = sizeof(ashlar_weights_header);
    // What a layer uses lies together, and the layers one behind the other.
    llvm::MapVector<ArrayRef<int64_t>, SmallVector<ir::WeightOp>> groups;
    for (auto weight : getOperation().getOps<ir::WeightOp>()) {
      if (weight.isPerLayer()) {
        groups[*weight.getLayers()].push_back(weight);
        continue;
      }
      place(weight, end);
    }
    for (auto &[layers, weights] : groups)
      placeGroup(weights, layers[1], end);
    // A vector load may reach past the last tensor.
    end += panelWidth * sizeof(float);
    Builder builder(&getContext());
    if (int64_t bytes = encodedWeights() * sizeof(float)) {
      getOperation()->setAttr(weightErrorsAttr, builder.getI64IntegerAttr(end));
      end += bytes;
    }
    end = roundUp(end, 4096);
    getOperation()->setAttr(weightBytesAttr, builder.getI64IntegerAttr(end));
  }

  /// One per layer.
  int64_t encodedWeights() {
    int64_t count = 0;
    for (auto weight : getOperation().getOps<ir::WeightOp>())
      if (weight.getEncoding())
        count += weight.isPerLayer() ? weight.getLayerCount() : 1;
    return count;
  }

  /// Weights of linears go in panels; everything else in rows.
  void collectLayouts() {
    getOperation().walk([&](ir::LinearOp linear) {
      layouts[linear.getWeight()] = linear.getGated()
                                        ? ir::WeightLayout::GatedPanels
                                        : ir::WeightLayout::Panels;
    });
  }

  void place(ir::WeightOp weight, int64_t &end) {
    auto found = layouts.find(weight.getSymName());
    ir::WeightLayout layout =
        found == layouts.end() ? ir::WeightLayout::Rows : found->second;
    weight.setLayout(layout);
    weight.setOffset(end);
    end += placedBytes(weight, layout);
  }

  void placeGroup(ArrayRef<ir::WeightOp> weights, int64_t layers,
                  int64_t &end) {
    int64_t begin = end;
    for (ir::WeightOp weight : weights)
      place(weight, end);
    int64_t stride = end - begin;
    for (ir::WeightOp weight : weights)
      weight.setLayerStride(stride);
    end = begin + layers * stride;
  }

  llvm::StringMap<ir::WeightLayout> layouts;
};
} // namespace
