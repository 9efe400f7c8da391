//===- Pattern.h - Which keys a query sees ---------------------*- C++ -*-===//
//
// What the pattern attributes of Attrs.td say of one query and one key,
// straight from their definitions. Compiled code goes by
// passes/LowerCpu/PatternBounds.h.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_DIALECT_PATTERN_H
#define ASHLAR_DIALECT_PATTERN_H

#include "dialect/Ashlar.h"

namespace ashlar::ir {

/// A query and a key of one sequence by their indices, the sequence's extent,
/// and whether the caller has marked them.
struct PatternPoint {
  int64_t query;
  int64_t key;
  int64_t extent;
  bool queryIsMarked = false;
  bool keyIsMarked = false;
};

/// Whether `pattern` admits the key.
bool admits(mlir::Attribute pattern, const PatternPoint &point);

/// The splitmix64 generator: the state moves by `splitMixStep` for each output.
constexpr uint64_t splitMixStep = 0x9e3779b97f4a7c15;
constexpr uint64_t splitMixFactors[] = {0xbf58476d1ce4e5b9, 0x94d049bb133111eb};

/// Draw `draw` for block `block` of queries.
int64_t drawnBlock(RandomAttr random, int64_t block, int64_t draw);

/// Whether the pattern asks for the sequence's extent.
bool readsExtent(mlir::Attribute pattern);
/// Whether it asks for marks.
bool readsMarks(mlir::Attribute pattern);

/// Whether some attention below `root` has a pattern with this property.
bool somePattern(mlir::Operation *root,
                 llvm::function_ref<bool(mlir::Attribute)> property);

} // namespace ashlar::ir

#endif // ASHLAR_DIALECT_PATTERN_H
