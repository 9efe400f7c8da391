//===- Packer.cpp - The weight image -------------------------------------===//

#include "compiler/Weights/Packer.h"

#include "compiler/Support/Errors.h"
#include "compiler/Weights/Encode.h"
#include "compiler/Weights/WeightValues.h"
#include "passes/Layout/WeightLayout.h"
#include "runtime/abi.h"

#include <cmath>

using namespace mlir;
using namespace ashlar;

std::vector<PlacedWeight> ashlar::placedWeights(ModuleOp planned) {
  std::vector<PlacedWeight> placed;
  for (auto weight : planned.getOps<ir::WeightOp>()) {
    auto offset = static_cast<int64_t>(*weight.getOffset());
    if (!weight.isPerLayer()) {
      placed.push_back({weight, -1, offset});
      continue;
    }
    for (int64_t i = 0; i < weight.getLayerCount(); ++i)
      placed.push_back(
          {weight, weight.getFirstLayer() + i * weight.getLayerStep(),
           static_cast<int64_t>(offset + i * *weight.getLayerStride())});
  }
  llvm::sort(placed, [](const PlacedWeight &a, const PlacedWeight &b) {
    return a.offset < b.offset;
  });
  return placed;
}

/// An integer attribute of the module, or -1.
static int64_t attributeOf(ModuleOp module, StringRef name) {
  auto attribute = module->getAttrOfType<IntegerAttr>(name);
  return attribute ? attribute.getInt() : -1;
}

WeightImage::WeightImage(ModuleOp planned)
    : module(ModuleOp::create(planned.getLoc())),
      size(attributeOf(planned, weightBytesAttr)),
      errorsOffset(attributeOf(planned, weightErrorsAttr)) {
  OpBuilder builder(module->getBodyRegion());
  for (auto weight : planned.getOps<ir::WeightOp>())
    builder.clone(*weight);
  weights = placedWeights(*module);
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

  /// Returns what was lost; 0 for float32.
  llvm::Expected<double> write(ir::WeightOp weight, int64_t layer) {
    switch (*weight.getLayout()) {
    case ir::WeightLayout::Rows:
      return weight.getTensorType().getRank() == 1 ? writeVector(weight, layer)
                                                   : writeTable(weight, layer);
    case ir::WeightLayout::Panels:
      return writePanels(weight, layer, /*gated=*/false);
    case ir::WeightLayout::GatedPanels:
      return writePanels(weight, layer, /*gated=*/true);
    }
    llvm_unreachable("every layout is handled above");
  }

  llvm::Error emit(ArrayRef<char> bytes) {
    position += bytes.size();
    return sink(bytes);
  }

private:
  template <typename T> llvm::Error emitNumbers(ArrayRef<T> numbers) {
    return emit({reinterpret_cast<const char *>(numbers.data()),
                 numbers.size() * sizeof(T)});
  }

  /// Rows [row, row + count) in `rowBuffer`.
  llvm::Error readRows(ir::WeightOp weight, int64_t layer, int64_t row,
                       int64_t count) {
    rowBuffer.resize(count * weight.getColumns());
    return values.readRows(weight, layer, row, count,
                           llvm::MutableArrayRef<float>(rowBuffer));
  }

  llvm::Expected<double> writeVector(ir::WeightOp weight, int64_t layer) {
    if (llvm::Error error = readRows(weight, layer, 0, weight.getRows()))
      return std::move(error);
    rowBuffer.resize(packedBytes(weight, ir::WeightLayout::Rows) /
                     sizeof(float));
    if (llvm::Error error = emitNumbers(ArrayRef(rowBuffer)))
      return std::move(error);
    return 0;
  }

  /// About a megabyte at a time, each row padded to whole vectors.
  llvm::Expected<double> writeTable(ir::WeightOp weight, int64_t layer) {
    int64_t rows = weight.getRows(), columns = weight.getColumns();
    int64_t stride = tableStride(weight);
    int64_t step = std::max<int64_t>(1, (1 << 18) / stride);
    ErrorSums errors;
    for (int64_t row = 0; row < rows; row += step) {
      int64_t count = std::min(step, rows - row);
      if (llvm::Error error = readRows(weight, layer, row, count))
        return std::move(error);
      if (weight.getPrecision() == ir::Precision::Bf16) {
        encodeTable(rowBuffer, columns, stride, halfBuffer, errors);
        if (llvm::Error error = emitNumbers(ArrayRef(halfBuffer)))
          return std::move(error);
        continue;
      }
      tableBuffer.assign(count * stride, 0.0f);
      for (int64_t i = 0; i < count; ++i)
        std::copy_n(&rowBuffer[i * columns], columns, &tableBuffer[i * stride]);
      if (llvm::Error error = emitNumbers(ArrayRef(tableBuffer)))
        return std::move(error);
    }
    return errors.relative();
  }

  llvm::Expected<double> writePanels(ir::WeightOp weight, int64_t layer,
                                     bool gated) {
    PanelEncoder encoder(PanelLayout::of(weight, gated));
    int64_t halves = gated ? 2 : 1, half = weight.getRows() / halves;
    for (int64_t row = 0; row < half; row += panelWidth)
      for (int64_t first = row; first < weight.getRows(); first += half)
        if (llvm::Error error = writePanel(encoder, weight, layer, first,
                                           std::min(panelWidth, half - row)))
          return std::move(error);
    if (llvm::Error error = emit(encoder.tail()))
      return std::move(error);
    return encoder.errors().relative();
  }

  llvm::Error writePanel(PanelEncoder &encoder, ir::WeightOp weight,
                         int64_t layer, int64_t row, int64_t count) {
    if (llvm::Error error = readRows(weight, layer, row, count))
      return error;
    if (encoder.encode(rowBuffer))
      return emit(encoder.panel());
    return notFinite(weight, layer, row);
  }

  /// One of the numbers in `rowBuffer`, rows of `weight` from `row` on.
  llvm::Error notFinite(ir::WeightOp weight, int64_t layer, int64_t row) {
    size_t at = 0;
    while (std::isfinite(rowBuffer[at]))
      ++at;
    std::string tensor =
        tensorAt(weight, layer, row + at / weight.getColumns());
    llvm::StringRef found = std::isnan(rowBuffer[at])     ? "NaN"
                            : std::signbit(rowBuffer[at]) ? "-infinity"
                                                          : "infinity";
    return userError("tensor \"" + escapeForDisplay(tensor) + "\"",
                     "has a number that is " + found + "; " +
                         stringifyEnum(weight.getPrecision()) +
                         " has only finite ones",
                     "correct the checkpoint, or add PATTERN=bf16 to "
                     "--precision with a pattern that matches the tensor");
  }

  WeightValues values;
  WeightImage::Sink sink;
  std::vector<float> rowBuffer, tableBuffer;
  std::vector<uint16_t> halfBuffer;

public:
  int64_t position = sizeof(ashlar_weights_header);
};
} // namespace

llvm::Error WeightImage::write(TensorReader &reader, Sink sink) const {
  ImageWriter writer(reader, sink);
  std::vector<float> errors;
  for (const PlacedWeight &placed : weights) {
    if (llvm::Error error = writer.padTo(placed.offset))
      return error;
    auto weight = cast<ir::WeightOp>(placed.weight);
    llvm::Expected<double> lost = writer.write(weight, placed.layer);
    if (!lost)
      return lost.takeError();
    if (weight.getEncoding())
      errors.push_back(static_cast<float>(*lost));
  }
  if (!errors.empty()) {
    if (llvm::Error error = writer.padTo(errorsOffset))
      return error;
    if (llvm::Error error =
            writer.emit({reinterpret_cast<const char *>(errors.data()),
                         errors.size() * sizeof(float)}))
      return error;
  }
  return writer.padTo(size);
}
