//===- NpyFuzzer.cpp - Any bytes as an array ------------------------------===//

#include "compiler/Support/Npy.h"
#include "compiler/Support/Shape.h"
#include "tests/fuzz/io/Refusal.h"

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  auto array = parseNpy(bytes, "f");
  if (!array) {
    checkRefusal(array.takeError());
    return 0;
  }
  auto count = static_cast<size_t>(*elementCount(array->shape));
  assert(array->bytes.size() == count * sizeOf(array->type));
  assert(array->toFloat().size() == count);
  assert(array->toDouble().size() == count);
  auto integers = array->toInt64();
  if (integers)
    assert(integers->size() == count);
  else
    checkRefusal(integers.takeError());
  // What is written of it reads back as the same array.
  if (array->shape.size() > 32)
    return 0;
  std::string written = npyHeader(array->type, array->shape);
  assert(written.size() % 64 == 0);
  written.append(array->bytes.data(), array->bytes.size());
  auto again = parseNpy(written, "again");
  assert(again && again->shape == array->shape &&
         again->bytes == array->bytes && again->type == array->type);
  (void)llvm::errorToBool(again.takeError());
  return 0;
}
