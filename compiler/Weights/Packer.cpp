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

  /// What `placed` is made of, one expert's behind the other. Returns what was
  /// lost; 0 for float32.
  llvm::Expected<double> write(const PlacedWeight &placed) {
    auto weight = cast<ir::WeightOp>(placed.weight);
    ErrorSums lost;
    for (int64_t expert = 0; expert < weight.getCopies(); ++expert) {
      int64_t offset = placed.offset + expert * expertStride(weight);
      if (llvm::Error error = padTo(offset))
        return std::move(error);
      if (llvm::Error error = write(weight, {placed.layer, expert}, lost))
        return std::move(error);
    }
    return lost.relative();
  }

  llvm::Error emit(ArrayRef<char> bytes) {
    position += bytes.size();
    return sink(bytes);
  }

private:
  llvm::Error write(ir::WeightOp weight, ir::WeightIndex index,
                    ErrorSums &lost) {
    switch (*weight.getLayout()) {
    case ir::WeightLayout::Rows:
      return weight.getTensorType().getRank() == 1
                 ? writeVector(weight, index)
                 : writeTable(weight, index, lost);
    case ir::WeightLayout::Panels:
      return writePanels(weight, index, /*gated=*/false, lost);
    case ir::WeightLayout::GatedPanels:
      return writePanels(weight, index, /*gated=*/true, lost);
    }
    llvm_unreachable("every layout is handled above");
  }

  template <typename T> llvm::Error emitNumbers(ArrayRef<T> numbers) {
    return emit({reinterpret_cast<const char *>(numbers.data()),
                 numbers.size() * sizeof(T)});
  }

  /// Rows [row, row + count) in `rowBuffer`.
  llvm::Error readRows(ir::WeightOp weight, ir::WeightIndex index, int64_t row,
                       int64_t count) {
    rowBuffer.resize(count * weight.getColumns());
    return values.readRows(weight, index, row, count,
                           llvm::MutableArrayRef<float>(rowBuffer));
  }

  llvm::Error writeVector(ir::WeightOp weight, ir::WeightIndex index) {
    if (llvm::Error error = readRows(weight, index, 0, weight.getRows()))
      return error;
    rowBuffer.resize(packedBytes(weight, ir::WeightLayout::Rows) /
                     sizeof(float));
    return emitNumbers(ArrayRef(rowBuffer));
  }

  /// About a megabyte at a time, each row padded to whole vectors.
  llvm::Error writeTable(ir::WeightOp weight, ir::WeightIndex index,
                         ErrorSums &lost) {
    int64_t rows = weight.getRows(), columns = weight.getColumns();
    int64_t stride = tableStride(weight);
    int64_t step = std::max<int64_t>(1, (1 << 18) / stride);
    for (int64_t row = 0; row < rows; row += step) {
      int64_t count = std::min(step, rows - row);
      if (llvm::Error error = readRows(weight, index, row, count))
        return error;
      if (weight.getPrecision() == ir::Precision::Bf16) {
        encodeTable(rowBuffer, columns, stride, halfBuffer, lost);
        if (llvm::Error error = emitNumbers(ArrayRef(halfBuffer)))
          return error;
        continue;
      }
      tableBuffer.assign(count * stride, 0.0f);
      for (int64_t i = 0; i < count; ++i)
        std::copy_n(&rowBuffer[i * columns], columns, &tableBuffer[i * stride]);
      if (llvm::Error error = emitNumbers(ArrayRef(tableBuffer)))
        return error;
    }
    return llvm::Error::success();
  }

  llvm::Error writePanels(ir::WeightOp weight, ir::WeightIndex index,
                          bool gated, ErrorSums &lost) {
    PanelEncoder encoder(PanelLayout::of(weight, gated));
    int64_t halves = gated ? 2 : 1, half = weight.getRows() / halves;
    for (int64_t row = 0; row < half; row += panelWidth)
      for (int64_t first = row; first < weight.getRows(); first += half)
        if (llvm::Error error = writePanel(encoder, weight, index, first,
                                           std::min(panelWidth, half - row)))
          return error;
    if (llvm::Error error = emit(encoder.tail()))
      return error;
    lost.add(encoder.errors());
    return llvm::Error::success();
  }

  llvm::Error writePanel(PanelEncoder &encoder, ir::WeightOp weight,
                         ir::WeightIndex index, int64_t row, int64_t count) {
    if (llvm::Error error = readRows(weight, index, row, count))
      return error;
    if (encoder.encode(rowBuffer))
      return emit(encoder.panel());
    return notFinite(weight, index, row);
  }

  /// One of the numbers in `rowBuffer`, rows of `weight` from `row` on.
  llvm::Error notFinite(ir::WeightOp weight, ir::WeightIndex index,
                        int64_t row) {
    size_t at = 0;
    while (std::isfinite(rowBuffer[at]))
      ++at;
    std::string tensor =
        tensorAt(weight, index, row + at / weight.getColumns());
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
    llvm::Expected<double> lost = writer.write(placed);
    if (!lost)
      return lost.takeError();
    if (cast<ir::WeightOp>(placed.weight).getEncoding())
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
