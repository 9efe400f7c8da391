//===- WeightLayout.cpp - Shapes of packed weights and operands ----------===//

#include "passes/Layout/WeightLayout.h"

using namespace mlir;
using namespace ashlar;

int64_t ashlar::tableStride(ir::WeightOp weight) {
  return roundUp(weight.getColumns(), panelWidth);
}

PanelLayout PanelLayout::of(ir::WeightOp weight, bool gated) {
  PanelLayout layout;
  layout.precision = weight.getPrecision();
  layout.depth = weight.getColumns();
  int64_t halves = gated ? 2 : 1;
  layout.panels = halves * ceilDiv(weight.getRows() / halves, panelWidth);
  int64_t unit = 1;
  switch (layout.precision) {
  case ir::Precision::F32:
    break;
  case ir::Precision::Bf16:
    layout.step = 2;
    unit = 32;
    break;
  case ir::Precision::Int8:
    layout.step = 4;
    unit = 64;
    break;
  case ir::Precision::Int4:
    layout.step = 8;
    // The operand's lines have 64 inputs.
    layout.group = weight.getEncoding()->getGroup();
    unit = std::max<int64_t>(64, layout.group);
    break;
  }
  layout.paddedDepth = roundUp(layout.depth, unit);
  layout.panelBytes = layout.lines() * lineBytes;
  int64_t end = layout.panels * layout.panelBytes;
  auto part = [&](int64_t bytes) {
    int64_t offset = end;
    end = roundUp(end + bytes, lineBytes);
    return offset;
  };
  if (layout.precision == ir::Precision::Int8) {
    layout.scales = part(layout.panels * panelWidth * 4);
    layout.sums = part(layout.panels * panelWidth * 4);
  } else if (layout.precision == ir::Precision::Int4) {
    layout.scales = part(layout.panels * layout.groups() * panelWidth * 2);
    if (weight.getEncoding()->getZeroPoints())
      layout.zeroPoints = part(layout.panels * layout.groups() * panelWidth);
  }
  layout.bytes = end;
  return layout;
}

int64_t ashlar::packedBytes(ir::WeightOp weight, ir::WeightLayout layout) {
  int64_t rows = weight.getRows();
  switch (layout) {
  case ir::WeightLayout::Rows:
    // A kernel may load a whole vector from any element of a vector.
    if (weight.getTensorType().getRank() == 1)
      return (roundUp(rows, panelWidth) + panelWidth) * 4;
    return rows * tableStride(weight) *
           (weight.getPrecision() == ir::Precision::Bf16 ? 2 : 4);
  case ir::WeightLayout::Panels:
    return PanelLayout::of(weight, /*gated=*/false).bytes;
  case ir::WeightLayout::GatedPanels:
    return PanelLayout::of(weight, /*gated=*/true).bytes;
  }
  llvm_unreachable("every layout is handled above");
}

int64_t ashlar::placedBytes(ir::WeightOp weight, ir::WeightLayout layout) {
  return weight.getCopies() * roundUp(packedBytes(weight, layout), lineBytes);
}

int64_t ashlar::expertStride(ir::WeightOp weight) {
  return roundUp(packedBytes(weight, *weight.getLayout()), lineBytes);
}

OperandLayout OperandLayout::of(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  OperandLayout layout;
  layout.isInt8 = type.getElementType().isInteger(8);
  layout.depth = 1;
  for (int64_t size : type.getShape().drop_front())
    layout.depth *= size;
  if (auto convert = value.getDefiningOp<ir::ConvertOp>())
    layout.group = convert.getGroup().value_or(0);
  layout.paddedDepth = roundUp(
      layout.depth, std::max<int64_t>(layout.lineElements(), layout.group));
  return layout;
}

Operation *ashlar::writerOf(ir::ConvertOp convert) {
  if (auto rows = dyn_cast<BlockArgument>(convert.getInput()))
    return dyn_cast<ir::ExpertsOp>(rows.getOwner()->getParentOp());
  Operation *maker = convert.getInput().getDefiningOp();
  bool isNorm = isa_and_nonnull<ir::NormOp, ir::ResidualNormOp>(maker) &&
                convert.getInput() == maker->getResults().back() &&
                maker->getBlock() == convert->getBlock();
  return isNorm ? maker : nullptr;
}
