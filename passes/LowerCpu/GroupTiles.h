//===- GroupTiles.h - int4 weights in AMX's tiles --------------*- C++ -*-===//
//
// Each group of inputs has a scale of its own, so its exact integer sums leave
// the tile registers and go into FMA chains, one for each row: the definition
// of EncodedTile.h. A panel's numbers become bytes, zero point taken off, once
// for all rows, in parts that L1 holds beside the tiles.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_GROUPTILES_H
#define ASHLAR_PASSES_LOWERCPU_GROUPTILES_H

#include "passes/LowerCpu/Operands.h"

namespace ashlar {

class GroupTiles {
public:
  /// Up to `mostRows` rows, a multiple of 16, of `count` panels at a time.
  GroupTiles(Emitter &e, const OperandView &input, const PanelView &panels,
             int64_t mostRows, int64_t count);

  /// Rows [begin, end) times `panel`, kept as sums of panel `slot`; `begin` is
  /// a multiple of 16.
  void multiply(mlir::Value begin, mlir::Value end, mlir::Value panel,
                int64_t slot);
  /// 16 results of row `row`, counted from `begin`.
  mlir::Value result(mlir::Value begin, mlir::Value row, int64_t slot);

private:
  void expand(mlir::Value panel, mlir::Value firstGroup, mlir::Value lastGroup);
  void addGroups(mlir::Value row, mlir::Value kept, mlir::Value panel,
                 int64_t slot, mlir::Value firstGroup, mlir::Value lastGroup);

  Emitter &e;
  const OperandView &input;
  const PanelView &panels;
  int64_t partGroups;   // that are expanded at a time
  mlir::Value numbers;  // i8 [lines of four inputs][16 features x 4]
  mlir::Value products; // i32 [16 rows][16 features]
  mlir::Value sums;     // [panels][rows][16]
};

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_GROUPTILES_H
