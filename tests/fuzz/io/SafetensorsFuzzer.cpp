//===- SafetensorsFuzzer.cpp - Any bytes as a safetensors header ----------===//
//
// The input's first four bytes are the size of the data behind the header.
//
//===----------------------------------------------------------------------===//

#include "compiler/Weights/Safetensors.h"
#include "tests/fuzz/io/Refusal.h"

#include "llvm/Support/Endian.h"

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 4)
    return 0;
  uint64_t dataBytes = llvm::support::endian::read32le(data);
  llvm::StringRef text(reinterpret_cast<const char *>(data + 4), size - 4);
  auto tensors = parseSafetensorsHeader(text, dataBytes, "f");
  if (!tensors) {
    checkRefusal(tensors.takeError());
    return 0;
  }
  // Pieces that lie inside the data and add up to it cover it once.
  uint64_t total = 0;
  for (const TensorInfo &tensor : *tensors) {
    assert(tensor.offset <= dataBytes &&
           tensor.bytes <= dataBytes - tensor.offset);
    assert(static_cast<uint64_t>(tensor.elementCount()) *
               bitsOf(tensor.dtype) ==
           8 * tensor.bytes);
    total += tensor.bytes;
  }
  assert(total == dataBytes);
  return 0;
}
