//===- WeightLayout.cpp - Shapes of packed weights -----------------------===//

#include "passes/Layout/WeightLayout.h"

using namespace ashlar;

int64_t ashlar::tableStride(ir::WeightOp weight) {
  return roundUp(weight.getColumns(), panelWidth);
}

int64_t ashlar::packedFloats(ir::WeightOp weight, ir::WeightLayout layout) {
  int64_t rows = weight.getRows(), columns = weight.getColumns();
  switch (layout) {
  case ir::WeightLayout::Rows:
    // A kernel may load a whole vector from any element of a vector.
    if (weight.getTensorType().getRank() == 1)
      return roundUp(rows, panelWidth) + panelWidth;
    return rows * tableStride(weight);
  case ir::WeightLayout::Panels:
    return roundUp(rows, panelWidth) * columns;
  case ir::WeightLayout::GatedPanels:
    return 2 * roundUp(rows / 2, panelWidth) * columns;
  }
  llvm_unreachable("every layout is handled above");
}
