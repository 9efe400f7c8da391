//===- TensorReader.h - Where a tensor's numbers come from -----*- C++ -*-===//
//
// A checkpoint, or random numbers: what the packer and the reference read from.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_TENSORREADER_H
#define ASHLAR_COMPILER_WEIGHTS_TENSORREADER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace ashlar {

class TensorReader {
public:
  virtual ~TensorReader() = default;

  /// Elements [first, first + out.size()) of the tensor `name` (canonical name,
  /// "{layer}" already replaced), row-major as stored, widened exactly to
  /// float32. Errors: no such tensor, or a shape other than `stored`, naming
  /// tensor, found and expected shape; a read that fails.
  virtual llvm::Error read(llvm::StringRef name, llvm::ArrayRef<int64_t> stored,
                           int64_t first, llvm::MutableArrayRef<float> out) = 0;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_TENSORREADER_H
