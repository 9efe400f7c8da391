//===- Safetensors.h - The header of a .safetensors file -------*- C++ -*-===//
//
// A file is 8 bytes of length (little-endian), a JSON header of that length,
// and the data. The header must describe the data without gap or overlap
// (safety S3); nothing is believed that was not checked against the file's
// size.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_WEIGHTS_SAFETENSORS_H
#define ASHLAR_COMPILER_WEIGHTS_SAFETENSORS_H

#include "compiler/Support/Files.h"

#include <vector>

namespace ashlar {

/// The element types of the format.
enum class DType : uint8_t {
  Bool,
  F4,
  F6E2M3,
  F6E3M2,
  U8,
  I8,
  F8E5M2,
  F8E4M3,
  F8E8M0,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64
};

/// The type's name in the format: "BF16".
llvm::StringRef nameOf(DType type);
unsigned bitsOf(DType type);

struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape; // [] for one element without dimensions
  uint32_t file = 0;          // index into Checkpoint::files()
  uint64_t offset = 0;        // from the file's start; need not be aligned
  uint64_t bytes = 0;

  int64_t elementCount() const;
};

/// Reads the header's JSON `text`, behind which `dataBytes` bytes of data
/// follow. Offsets in the result count from the data's start. `file` is what
/// messages show.
llvm::Expected<std::vector<TensorInfo>>
parseSafetensorsHeader(llvm::StringRef text, uint64_t dataBytes,
                       llvm::StringRef file);

/// Reads the header of `file`; offsets in the result count from the file's
/// start.
llvm::Expected<std::vector<TensorInfo>>
readSafetensorsHeader(const InputFile &file);

} // namespace ashlar

#endif // ASHLAR_COMPILER_WEIGHTS_SAFETENSORS_H
