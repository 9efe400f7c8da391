//===- KvAppend.h - Keys and values into their segments --------*- C++ -*-===//
//
// Of a kv_append: keys are turned so that 16 of them make a vector, values stay
// rows cut in panels of 16 columns: both are then panels of a matrix kernel
// (SegmentShape).
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_KVAPPEND_H
#define ASHLAR_PASSES_LOWERCPU_KVAPPEND_H

#include "passes/LowerCpu/Operands.h"
#include "passes/Memory/ArenaPlan.h"

namespace ashlar {

/// The rows of one kv_append inside of its phase.
class KvAppendBody {
public:
  /// Rows of a tile. Where their keys are whole vectors of a segment they go
  /// together, elsewhere one by one; the bits are the same.
  static constexpr int64_t tileRows = panelWidth;

  KvAppendBody(Emitter &e, ir::KvAppendOp op, int64_t capacity);
  /// A kv head of some rows.
  void tile(mlir::Value tile);

private:
  mlir::Value word(mlir::Value row, int64_t index) {
    return e.loadIndex(rows, {row, e.index(index)});
  }
  /// Where the step of `place` ends.
  mlir::Value endOfStep() {
    return e.mul(e.ceilDiv(e.add(place, 1), attentionStepKeys),
                 attentionStepKeys);
  }
  void chooseRow(mlir::Value row);
  void loadKey(mlir::Value row, mlir::Value i);
  mlir::Value loadValue(mlir::Value row, mlir::Value column, int64_t lanes);
  mlir::Value goesOn(mlir::Value row);

  // KvAppendPhase.cpp: one row.
  void appendRow(mlir::Value row);
  void storeFloats(mlir::Value row);
  void storeFloatValue(mlir::Value row);
  void storeBf16s(mlir::Value row);
  void storeInt8s(mlir::Value row);
  mlir::Value isFinite(mlir::Value row);
  void storeValue(mlir::Value numbers, mlir::Value panel, bool odd);
  void clearBehind();

  // KvAppendBlock.cpp: 16 of them.
  mlir::Value areWhole(mlir::Value first, mlir::Value end);
  void appendBlock(mlir::Value first);
  void storeFloatBlock(mlir::Value first);
  void storeBf16Block(mlir::Value first);
  void storeBf16Pair(mlir::Value first, mlir::Value pair);

  Emitter &e;
  ir::KvAppendOp op;
  SegmentShape shape;
  const CachePlan &cache;
  int64_t segmentWord, keyWord; // of a row: where its key goes
  RowsView key, value;
  mlir::Value base, layerOffset, rows, zero;
  AnglesView angles;
  mlir::Value heads; // keys, zeros behind each: [tileRows, depth]
  // Of this tile.
  mlir::Value kvHead, firstColumn;
  // Of the row that was chosen: where its key goes, and the memory there.
  mlir::Value segment, place, headOffset, keys, values;
};

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_KVAPPEND_H
