//===- Int8Segment.h - Keys and values kept as int8 ------------*- C++ -*-===//
//
// One kv head of one segment (SegmentShape). Attention multiplies the numbers
// as bf16, expanded or widened line by line, which is exact; scales go to
// scores and weights.
//
// A weight of zero must leave no trace of a key that its row does not see, so
// scales of values are finite: zero behind the last key, up to where a step of
// the kernel ends, and for values that are not finite, whose keys' scales are
// NaN.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_INT8SEGMENT_H
#define ASHLAR_PASSES_LOWERCPU_INT8SEGMENT_H

#include "passes/LowerCpu/Operands.h"

namespace ashlar {

class Int8Segment {
public:
  using Value = mlir::Value;

  Int8Segment(Emitter &e, const SegmentShape &shape) : e(e), shape(shape) {}

  /// The one at byte offset `head` of `base`.
  void open(Value base, Value head);

  /// 16 columns of a value from `column` on, of which `lanes` count.
  using LoadValue = llvm::function_ref<Value(Value column, int64_t lanes)>;
  /// Key number `place`; `key` is [1, depth padded to 16], zero behind the
  /// head.
  void store(Value place, Value key, LoadValue value);
  /// What is behind the last key: keys [from, to).
  void clear(Value from, Value to);

  /// memref<lines x 32 x i8>: pairs of entries of 16 keys, pairs of keys of 16
  /// columns of values, in the order of the panels of bf16.
  Value keyLines() const { return lines[0]; }
  Value valueLines() const { return lines[1]; }
  /// The first `keys` keys and values as panels of bf16: memref<lines x 64 x
  /// i8>; more of them than `keys`, up to whole steps.
  void expand(Value keys, Value keyLines, Value valueLines);
  /// Of 16 keys from `key` on.
  Value loadKeyScales(Value key) { return e.loadVector(keyScales, key); }
  Value loadValueScales(Value key) { return e.loadVector(valueScales, key); }

private:
  void storeKey(Value place, Value key, Value factor, Value finite);
  void storeValue(Value place, LoadValue value, Value factor, Value finite);
  void expandLine(Value numbers, mlir::ValueRange at, Value lines, Value line);

  Emitter &e;
  SegmentShape shape;
  Value keys;     // memref<256/16 x depth/2 x 32 x i8>
  Value keyPairs; // the same memory: memref<256/16 x depth/2 x 16 x i16>
  Value values;   // memref<head_dim/16 x 256/2 x 32 x i8>
  Value lines[2]; // the same memory
  Value keyScales, valueScales; // memref<256 x f32>
};

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_INT8SEGMENT_H
