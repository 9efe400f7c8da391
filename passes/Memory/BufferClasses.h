//===- BufferClasses.h - Which values share a buffer -----------*- C++ -*-===//
//
// Of one entry: every value of rows or heads belongs to one class, and each
// class gets one place. Views (split_heads, merge_heads, slice) belong to what
// they look at; what a loop over layers carries is one class.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_MEMORY_BUFFERCLASSES_H
#define ASHLAR_PASSES_MEMORY_BUFFERCLASSES_H

#include "dialect/Ashlar.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace ashlar {

/// A value's place in its class: `column` floats behind the row's beginning.
struct BufferView {
  unsigned classIndex = 0;
  int64_t column = 0;
};

struct BufferClass {
  int64_t features = 0; // floats of a row
  int64_t rowsPerToken = 1;
  // Program points, both included, at which the rows must be kept.
  int64_t begin = INT64_MAX;
  int64_t end = -1;
  bool fixed = false;  // an input or the result: placed beforehand
  int64_t offset = -1; // bytes in the arena
  int64_t stride = 0;  // floats from row to row
  /// Whose rows they are, where not those of all tokens.
  ir::ExpertsOp experts;
};

class BufferClasses {
public:
  /// Makes the loops of `entry` work in place, inserting copies where rows
  /// would be overwritten while they are needed, and finds classes and
  /// lifetimes.
  explicit BufferClasses(mlir::func::FuncOp entry);

  BufferView viewOf(mlir::Value value) const;
  bool has(mlir::Value value) const { return views.contains(value); }
  BufferClass &classOf(mlir::Value value) {
    return classes[viewOf(value).classIndex];
  }
  llvm::MutableArrayRef<BufferClass> all() { return classes; }

private:
  void numberOps(mlir::Block &block);
  void assign(mlir::Block &block);
  void assignLayers(ir::LayersOp layers);
  unsigned newClass(mlir::Value value);
  void extendLifetimes(mlir::Block &block);

  mlir::func::FuncOp entry;
  llvm::DenseMap<mlir::Operation *, int64_t> points;
  llvm::DenseMap<mlir::Value, BufferView> views;
  llvm::SmallVector<BufferClass> classes;
};

} // namespace ashlar

#endif // ASHLAR_PASSES_MEMORY_BUFFERCLASSES_H
