//===- RowChunks.h - Rows of a phase that stay near ------------*- C++ -*-===//
//
// A phase of many rows goes over groups of panels for a chunk of rows at a
// time, which stays in L2 meanwhile. Its tiles are chunks times groups, those
// of a chunk one behind the other.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_ROWCHUNKS_H
#define ASHLAR_PASSES_LOWERCPU_ROWCHUNKS_H

#include "passes/LowerCpu/Emitter.h"

namespace ashlar {

class RowChunks {
public:
  using Value = mlir::Value;

  /// Chunks of at most `mostRows` of up to `capacity` rows, in register tiles
  /// of `tileRows`.
  RowChunks(int64_t mostRows, int64_t tileRows, int64_t capacity);

  /// Rows that a chunk has place for, whole register tiles.
  int64_t places() const { return most; }
  int64_t tileRows() const { return rows; }
  Value count(Emitter &e) const;

  /// For each chunk of tiles [begin, end) of a phase with `groups` groups:
  /// rows [row, lastRow), and its first and last group.
  using Body = llvm::function_ref<void(Value row, Value lastRow,
                                       Value firstGroup, Value lastGroup)>;
  void over(Emitter &e, Value begin, Value end, int64_t groups,
            Body body) const;

private:
  Value rowsOfChunk(Emitter &e) const;

  int64_t rows, most;
  bool isOne; // chunk, for any call
};

/// Groups [first, last) of `groupUnits` of `units` units each; the last of all
/// may be smaller. `body` gets the first unit and the number of them.
void overGroups(Emitter &e, int64_t units, int64_t groupUnits,
                mlir::Value first, mlir::Value last,
                llvm::function_ref<void(mlir::Value unit, int64_t count)> body);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_ROWCHUNKS_H
