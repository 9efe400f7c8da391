//===- Packer.cpp - The weight image -------------------------------------===//

#include "compiler/Weights/Packer.h"
#include "compiler/Weights/WeightValues.h"
#include "passes/Layout/WeightLayout.h"
#include "runtime/abi.h"

using namespace mlir;
using namespace ashlar;

WeightImage::WeightImage(ModuleOp planned)
    : module(ModuleOp::create(planned.getLoc())),
      size(planned->getAttrOfType<IntegerAttr>(weightBytesAttr).getInt()) {
  OpBuilder builder(module->getBodyRegion());
  for (auto weight : planned.getOps<ir::WeightOp>()) {
    auto copy = cast<ir::WeightOp>(builder.clone(*weight));
    if (!copy.isPerLayer()) {
      weights.push_back({copy, -1, static_cast<int64_t>(*copy.getOffset())});
      continue;
    }
    ArrayRef<int64_t> layers = *copy.getLayers();
    for (int64_t i = 0; i < layers[1]; ++i)
      weights.push_back({copy, layers[0] + i,
                         static_cast<int64_t>(*copy.getOffset() +
                                              i * *copy.getLayerStride())});
  }
  llvm::sort(weights, [](const PlacedWeight &a, const PlacedWeight &b) {
    return a.offset < b.offset;
  });
}

namespace {
/// Writes one image in order.
class ImageWriter {
public:
  ImageWriter(TensorReader &reader, WeightImage::Sink sink)
      : values(reader), sink(sink) {}

  llvm::Error padTo(int64_t offset) {
    static const char zeros[4096] = {};
    assert(offset >= position && "weights overlap");
    while (position < offset) {
      int64_t count = std::min<int64_t>(offset - position, sizeof(zeros));
      if (llvm::Error error = emit({zeros, static_cast<size_t>(count)}))
        return error;
    }
    return llvm::Error::success();
  }

  llvm::Error write(ir::WeightOp weight, int64_t layer) {
    switch (*weight.getLayout()) {
    case ir::WeightLayout::Rows:
      return writeRows(weight, layer);
    case ir::WeightLayout::Panels:
      for (int64_t row = 0; row < weight.getRows(); row += panelWidth)
        if (llvm::Error error =
                writePanel(weight, layer, row, weight.getRows()))
          return error;
      return llvm::Error::success();
    case ir::WeightLayout::GatedPanels:
      return writeGatedPanels(weight, layer);
    }
    llvm_unreachable("every layout is handled above");
  }

private:
  llvm::Error emit(ArrayRef<char> bytes) {
    position += bytes.size();
    return sink(bytes);
  }

  llvm::Error emitFloats(ArrayRef<float> floats) {
    return emit({reinterpret_cast<const char *>(floats.data()),
                 floats.size() * sizeof(float)});
  }

  /// About a megabyte at a time, each row padded to whole vectors.
  llvm::Error writeRows(ir::WeightOp weight, int64_t layer) {
    int64_t rows = weight.getRows(), columns = weight.getColumns();
    if (weight.getTensorType().getRank() == 1) {
      rowBuffer.assign(packedBytes(weight, ir::WeightLayout::Rows) / 4, 0.0f);
      if (llvm::Error error = values.readRows(
              weight, layer, 0, rows,
              llvm::MutableArrayRef<float>(rowBuffer.data(), rows)))
        return error;
      return emitFloats(rowBuffer);
    }
    int64_t stride = tableStride(weight);
    int64_t step = std::max<int64_t>(1, (1 << 18) / stride);
    for (int64_t row = 0; row < rows; row += step) {
      int64_t count = std::min(step, rows - row);
      rowBuffer.resize(count * columns);
      if (llvm::Error error =
              values.readRows(weight, layer, row, count,
                              llvm::MutableArrayRef<float>(rowBuffer)))
        return error;
      panelBuffer.assign(count * stride, 0.0f);
      for (int64_t i = 0; i < count; ++i)
        std::copy_n(&rowBuffer[i * columns], columns, &panelBuffer[i * stride]);
      if (llvm::Error error = emitFloats(panelBuffer))
        return error;
    }
    return llvm::Error::success();
  }

  /// Rows [row, row + 16) up to `end` as [columns][16].
  llvm::Error writePanel(ir::WeightOp weight, int64_t layer, int64_t row,
                         int64_t end) {
    int64_t columns = weight.getColumns();
    int64_t count = std::min(panelWidth, end - row);
    rowBuffer.resize(panelWidth * columns);
    if (llvm::Error error = values.readRows(
            weight, layer, row, count,
            llvm::MutableArrayRef<float>(rowBuffer.data(), count * columns)))
      return error;
    std::fill(rowBuffer.begin() + count * columns, rowBuffer.end(), 0.0f);
    panelBuffer.resize(panelWidth * columns);
    // Sixteen columns at a time: both sides stay in L1.
    for (int64_t block = 0; block < columns; block += panelWidth) {
      int64_t blockEnd = std::min(columns, block + panelWidth);
      for (int64_t r = 0; r < panelWidth; ++r)
        for (int64_t c = block; c < blockEnd; ++c)
          panelBuffer[c * panelWidth + r] = rowBuffer[r * columns + c];
    }
    return emitFloats(panelBuffer);
  }

  llvm::Error writeGatedPanels(ir::WeightOp weight, int64_t layer) {
    int64_t half = weight.getRows() / 2;
    for (int64_t row = 0; row < half; row += panelWidth) {
      if (llvm::Error error = writePanel(weight, layer, row, half))
        return error;
      if (llvm::Error error = writePanel(weight, layer, half + row, 2 * half))
        return error;
    }
    return llvm::Error::success();
  }

  WeightValues values;
  WeightImage::Sink sink;
  std::vector<float> rowBuffer, panelBuffer;

public:
  int64_t position = sizeof(ashlar_weights_header);
};
} // namespace

llvm::Error WeightImage::write(TensorReader &reader, Sink sink) const {
  ImageWriter writer(reader, sink);
  for (const PlacedWeight &placed : weights) {
    if (llvm::Error error = writer.padTo(placed.offset))
      return error;
    if (llvm::Error error =
            writer.write(cast<ir::WeightOp>(placed.weight), placed.layer))
      return error;
  }
  return writer.padTo(size);
}
