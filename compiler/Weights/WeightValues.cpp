//===- WeightValues.cpp - The numbers of an ashlar.weight -----------------===//

#include "compiler/Weights/WeightValues.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

using namespace ashlar;
using llvm::Error;
using llvm::MutableArrayRef;
using llvm::StringRef;

/// Floats of a transposed tensor that are read at a time.
static constexpr int64_t chunkElements = int64_t(1) << 20;

//===----------------------------------------------------------------------===//
// Computed tables
//===----------------------------------------------------------------------===//

/// Row `position` of a table of sinusoids.
template <typename T>
static void sinusoidRow(ir::SinusoidSourceAttr source, int64_t position,
                        MutableArrayRef<T> out) {
  int64_t features = source.getFeatures();
  bool splitHalf = source.getOrder() == ir::SinusoidOrder::SplitHalf;
  bool inclusive = source.getInclusive();
  int64_t sines = (inclusive ? features : features + 1) / 2;
  // Without a pair, the last column of an odd number stays zero.
  int64_t columns = inclusive ? 2 * sines : features;
  if (position == source.getZero())
    columns = 0;
  for (int64_t column = 0; column < columns; ++column) {
    bool isSine = splitHalf ? column < sines : column % 2 == 0;
    int64_t i = splitHalf ? (isSine ? column : column - sines) : column / 2;
    double exponent =
        inclusive
            ? static_cast<double>(i) / static_cast<double>(sines - 1)
            : 2.0 * static_cast<double>(i) / static_cast<double>(features);
    double angle = static_cast<double>(position) / std::pow(10000.0, exponent);
    out[column] = static_cast<T>(isSine ? std::sin(angle) : std::cos(angle));
  }
  std::fill(out.begin() + columns, out.end(), T(0));
}

/// Row `position` of a table of cosines, then sines.
template <typename T>
static void rotaryRow(ir::RotaryAttr rotary, int64_t position,
                      MutableArrayRef<T> out) {
  std::vector<double> row(out.size());
  rotary.angles(position, /*length=*/0, row);
  for (size_t i = 0; i < row.size(); ++i)
    out[i] = static_cast<T>(row[i]);
}

/// Turns per position in sequences of `length` tokens: numbers, then what is
/// left of each in float32.
template <typename T>
static void frequencyRow(ir::RotaryAttr rotary, int64_t length,
                         MutableArrayRef<T> out) {
  constexpr double twoPi = 6.283185307179586476925286766559;
  size_t half = out.size() / 2;
  for (size_t column = 0; column < half; ++column) {
    double turns =
        rotary.frequency(
            static_cast<int64_t>(rotary.getInterleaved() ? column / 2 : column),
            length) /
        twoPi;
    auto most = static_cast<float>(turns);
    out[column] = most;
    out[half + column] = static_cast<T>(turns - static_cast<double>(most));
  }
}

/// Row `head` of a table of position biases.
template <typename T>
static void alibiRow(ir::AlibiTableSourceAttr table, int64_t head,
                     MutableArrayRef<T> out) {
  double slope = table.slope(head) * table.getScale().getValueAsDouble();
  for (int64_t c = 0; c < table.getColumns(); ++c)
    out[c] = static_cast<T>(slope * static_cast<double>(c - table.getBehind()));
}

template <typename T>
Error WeightValues::relativeRow(ir::RelativeTableSourceAttr table,
                                int64_t layer, int64_t head,
                                MutableArrayRef<T> out) {
  std::vector<float> buckets(table.getBuckets() * table.getHeads());
  if (Error error =
          reader.read(ir::replaceLayer(table.getName(), llvm::Twine(layer)),
                      {table.getBuckets(), table.getHeads()},
                      /*first=*/0, buckets))
    return error;
  for (int64_t c = 0; c < table.getColumns(); ++c)
    out[c] = static_cast<T>(
        buckets[table.bucket(c - table.getBehind()) * table.getHeads() + head]);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Tensors of the checkpoint
//===----------------------------------------------------------------------===//

/// Each of the `rows` [in, taps] as [taps, in].
static void tapsFirst(MutableArrayRef<float> rows, int64_t in, int64_t taps) {
  std::vector<float> row(in * taps);
  for (size_t at = 0; at < rows.size(); at += row.size()) {
    std::copy_n(rows.begin() + at, row.size(), row.begin());
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t c = 0; c < in; ++c)
        rows[at + tap * in + c] = row[c * taps + tap];
  }
}

Error WeightValues::readStored(StringRef name, ir::TensorSourceAttr source,
                               int64_t firstRow, MutableArrayRef<float> out) {
  if (Error error = reader.read(name, source.getStored(),
                                firstRow * source.getColumns(), out))
    return error;
  if (source.getConvolution())
    tapsFirst(out, source.getStored()[1], source.getStored()[2]);
  return Error::success();
}

/// Columns [0, span) of `chunk` [rows, span] as rows of `out` [span, columns],
/// from column `first` on. In squares, so that both sides stay in the cache.
static void transposeInto(llvm::ArrayRef<float> chunk, int64_t rows,
                          int64_t span, MutableArrayRef<float> out,
                          int64_t columns, int64_t first) {
  constexpr int64_t square = 32;
  for (int64_t row0 = 0; row0 < rows; row0 += square)
    for (int64_t column0 = 0; column0 < span; column0 += square)
      for (int64_t column = column0; column < std::min(column0 + square, span);
           ++column)
        for (int64_t row = row0; row < std::min(row0 + square, rows); ++row)
          out[column * columns + first + row] = chunk[row * span + column];
}

Error WeightValues::fillWindow(StringRef name, ir::TensorSourceAttr source,
                               int64_t firstRow, int64_t rowCount) {
  int64_t columns = source.getStored()[0], rows = source.getStored()[1];
  int64_t fitting = static_cast<int64_t>(windowBytes / sizeof(float)) /
                    std::max<int64_t>(columns, 1);
  bool whole = fitting >= rows;
  int64_t first = whole ? 0 : firstRow;
  int64_t count =
      whole ? rows : std::min(rows - first, std::max(fitting, rowCount));
  windowTensor.clear(); // until it is complete
  window.resize(count * columns);

  int64_t step = whole ? std::max<int64_t>(chunkElements / count, 1) : 1;
  std::vector<float> chunk;
  for (int64_t column = 0; column < columns; column += step) {
    int64_t stored = std::min(step, columns - column);
    chunk.resize(stored * count);
    if (Error error =
            reader.read(name, source.getStored(), column * rows + first, chunk))
      return error;
    transposeInto(chunk, stored, count, window, columns, column);
  }
  windowTensor = name.str();
  windowFirst = first;
  windowCount = count;
  return Error::success();
}

Error WeightValues::readTransposed(StringRef name, ir::TensorSourceAttr source,
                                   int64_t firstRow,
                                   MutableArrayRef<float> out) {
  int64_t columns = source.getColumns();
  int64_t rowCount = static_cast<int64_t>(out.size()) / columns;
  bool inside = windowTensor == name && firstRow >= windowFirst &&
                firstRow + rowCount <= windowFirst + windowCount;
  if (!inside)
    if (Error error = fillWindow(name, source, firstRow, rowCount))
      return error;
  std::copy_n(window.begin() + (firstRow - windowFirst) * columns, out.size(),
              out.begin());
  return Error::success();
}

/// Rows of a tensor source, counted from its own first row.
template <typename T>
Error WeightValues::readTensor(ir::TensorSourceAttr source,
                               ir::WeightIndex index, int64_t firstRow,
                               MutableArrayRef<T> out) {
  std::vector<float> widened;
  MutableArrayRef<float> floats;
  if constexpr (std::is_same_v<T, float>) {
    floats = out;
  } else {
    widened.resize(out.size());
    floats = widened;
  }
  std::string name = ir::tensorName(source.getName(), index);
  int64_t columns = source.getColumns();
  int64_t end = firstRow + static_cast<int64_t>(out.size()) / columns;
  for (int64_t row = firstRow; row < end;) {
    // As far as the piece goes.
    int64_t count =
        std::min(end - row, source.getPiece() - row % source.getPiece());
    auto part = floats.slice((row - firstRow) * columns, count * columns);
    int64_t at = source.rowAt(row);
    if (Error error = source.getTransposed()
                          ? readTransposed(name, source, at, part)
                          : readStored(name, source, at, part))
      return error;
    row += count;
  }
  double plus = source.getPlusValue(), scale = source.getScaleValue();
  if (!std::is_same_v<T, float> || plus != 0.0 || scale != 1.0)
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<T>((static_cast<double>(floats[i]) + plus) * scale);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Sources on top of each other
//===----------------------------------------------------------------------===//

static int64_t rowsOf(mlir::Attribute source) {
  return llvm::TypeSwitch<mlir::Attribute, int64_t>(source)
      .Case([](ir::TensorSourceAttr tensor) { return tensor.getCount(); })
      .Case([](ir::ZeroSourceAttr zeros) { return zeros.getCount(); })
      .Case([](ir::SinusoidSourceAttr table) { return table.getPositions(); })
      .Case(
          [](ir::RotaryTableSourceAttr table) { return table.getPositions(); })
      .Case([](ir::RotaryFrequenciesSourceAttr table) {
        return table.getLengths();
      })
      .Case<ir::AlibiTableSourceAttr, ir::RelativeTableSourceAttr>(
          [](auto table) { return table.getHeads(); });
}

/// Row `row` of a computed table.
template <typename T>
Error WeightValues::computeRow(mlir::Attribute source, int64_t layer,
                               int64_t row, MutableArrayRef<T> out) {
  if (auto table = dyn_cast<ir::RelativeTableSourceAttr>(source))
    return relativeRow(table, layer, row, out);
  if (auto table = dyn_cast<ir::SinusoidSourceAttr>(source))
    sinusoidRow(table, row, out);
  else if (auto table = dyn_cast<ir::AlibiTableSourceAttr>(source))
    alibiRow(table, row, out);
  else if (auto table = dyn_cast<ir::RotaryFrequenciesSourceAttr>(source))
    frequencyRow(table.getRotary(), table.getRotary().getOriginal() + row, out);
  else
    rotaryRow(cast<ir::RotaryTableSourceAttr>(source).getRotary(), row, out);
  return Error::success();
}

template <typename T>
Error WeightValues::readSources(ir::WeightOp weight, ir::WeightIndex index,
                                int64_t firstRow, int64_t rowCount,
                                MutableArrayRef<T> out) {
  int64_t columns = weight.getColumns();
  assert(firstRow >= 0 && firstRow + rowCount <= weight.getRows() &&
         "rows of another weight");
  assert(static_cast<int64_t>(out.size()) == rowCount * columns &&
         "room for other rows");
  int64_t sourceFirst = 0; // first row of the source in the weight
  for (mlir::Attribute source : weight.getSources()) {
    int64_t begin = std::max(firstRow, sourceFirst);
    int64_t end = std::min(firstRow + rowCount, sourceFirst + rowsOf(source));
    if (begin < end) {
      auto part =
          out.slice((begin - firstRow) * columns, (end - begin) * columns);
      if (auto tensor = dyn_cast<ir::TensorSourceAttr>(source)) {
        if (Error error = readTensor(tensor, index, begin - sourceFirst, part))
          return error;
      } else if (isa<ir::ZeroSourceAttr>(source)) {
        std::fill(part.begin(), part.end(), T(0));
      } else {
        for (int64_t row = begin; row < end; ++row) {
          auto one = part.slice((row - begin) * columns, columns);
          if (Error error =
                  computeRow(source, index.layer, row - sourceFirst, one))
            return error;
        }
      }
    }
    sourceFirst += rowsOf(source);
  }
  return Error::success();
}

Error WeightValues::readRows(ir::WeightOp weight, ir::WeightIndex index,
                             int64_t firstRow, int64_t rowCount,
                             MutableArrayRef<float> out) {
  return readSources(weight, index, firstRow, rowCount, out);
}

Error WeightValues::readRows(ir::WeightOp weight, ir::WeightIndex index,
                             int64_t firstRow, int64_t rowCount,
                             MutableArrayRef<double> out) {
  return readSources(weight, index, firstRow, rowCount, out);
}

std::string ashlar::tensorAt(ir::WeightOp weight, ir::WeightIndex index,
                             int64_t row) {
  for (mlir::Attribute source : weight.getSources()) {
    if (row < rowsOf(source)) {
      if (auto table = dyn_cast<ir::RelativeTableSourceAttr>(source))
        return ir::replaceLayer(table.getName(), llvm::Twine(index.layer));
      auto tensor = dyn_cast<ir::TensorSourceAttr>(source);
      return tensor ? ir::tensorName(tensor.getName(), index) : "";
    }
    row -= rowsOf(source);
  }
  llvm_unreachable("the weight has the row");
}

Error ashlar::checkWeights(mlir::ModuleOp module, TensorReader &reader) {
  for (auto weight : module.getOps<ir::WeightOp>()) {
    int64_t first = 0, count = 1, step = 1;
    if (weight.isPerLayer()) {
      first = weight.getFirstLayer();
      count = weight.getLayerCount();
      step = weight.getLayerStep();
    }
    auto check = [&](StringRef name, llvm::ArrayRef<int64_t> stored) -> Error {
      for (int64_t i = 0; i < count; ++i)
        if (Error error = reader.read(
                ir::replaceLayer(name, llvm::Twine(first + i * step)), stored,
                /*first=*/0, {}))
          return error;
      return Error::success();
    };
    for (mlir::Attribute source : weight.getSources()) {
      if (auto table = dyn_cast<ir::RelativeTableSourceAttr>(source))
        if (Error error =
                check(table.getName(), {table.getBuckets(), table.getHeads()}))
          return error;
      if (auto tensor = dyn_cast<ir::TensorSourceAttr>(source))
        for (int64_t expert = 0; expert < weight.getCopies(); ++expert)
          if (Error error = check(
                  ir::replaceExpert(tensor.getName(), llvm::Twine(expert)),
                  tensor.getStored()))
            return error;
    }
  }
  return Error::success();
}
