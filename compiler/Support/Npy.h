//===- Npy.h - NumPy's array files -----------------------------*- C++ -*-===//
//
// Reads .npy versions 1 to 3 in C or Fortran order, little-endian, and writes
// version 1 (safety S8).
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SUPPORT_NPY_H
#define ASHLAR_COMPILER_SUPPORT_NPY_H

#include "compiler/Support/Files.h"

#include <vector>

namespace ashlar {

enum class NpyType { Bool, Int32, Int64, Float32, Float64 };

/// "float32"
llvm::StringRef nameOf(NpyType type);
size_t sizeOf(NpyType type);

/// What stands before the data.
struct NpyHeader {
  NpyType type = NpyType::Float32;
  bool fortranOrder = false;
  std::vector<int64_t> shape; // its elements' bytes fit in int64_t
  uint64_t dataOffset = 0;

  uint64_t dataBytes() const;
};

/// The longest header that is read: magic, version, length and dictionary.
constexpr uint64_t npyHeaderLimit = 12 + (uint64_t(64) << 10);

/// Reads the header at the start of `prefix`, which is the file's first
/// npyHeaderLimit bytes or all of it.
llvm::Expected<NpyHeader> parseNpyHeader(llvm::StringRef prefix,
                                         llvm::StringRef file);

struct NpyArray {
  std::string file; // for messages
  NpyType type = NpyType::Float32;
  std::vector<int64_t> shape;
  std::vector<char> bytes; // C order, little-endian

  int64_t elementCount() const { return bytes.size() / sizeOf(type); }

  /// From int64, int32 or bool.
  llvm::Expected<std::vector<int64_t>> toInt64() const;
  /// From every type, rounded to nearest.
  std::vector<float> toFloat() const;
  std::vector<double> toDouble() const;
};

/// Reads `path`. Error: not exactly the data that the header announces, or
/// more than `limit` bytes of it.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path,
                                 uint64_t limit = uint64_t(1) << 30);
/// The same of a file that is in memory.
llvm::Expected<NpyArray> parseNpy(llvm::StringRef bytes, llvm::StringRef file);

/// The header that np.load expects before the data; data starts on a multiple
/// of 64 bytes.
std::string npyHeader(NpyType type, llvm::ArrayRef<int64_t> shape);

/// Appends header and data (C order) to `file`.
llvm::Error writeNpy(AtomicFile &file, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<float> data);
llvm::Error writeNpy(AtomicFile &file, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<int64_t> data);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SUPPORT_NPY_H
