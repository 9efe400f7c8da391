//===- CheckpointReader.cpp - A checkpoint as a TensorReader --------------===//

#include "compiler/Weights/CheckpointReader.h"

#include "compiler/Support/Shape.h"

using namespace ashlar;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// A vector may have a leading 1 in the checkpoint.
static bool sameShape(ArrayRef<int64_t> found, ArrayRef<int64_t> expected) {
  if (expected.size() == 1 && found.size() == 2 && found.front() == 1)
    found = found.drop_front();
  return found == expected;
}

Expected<const TensorInfo *> CheckpointReader::find(StringRef name,
                                                    ArrayRef<int64_t> stored) {
  const TensorInfo *&tensor = found[name];
  if (!tensor) {
    Expected<const TensorInfo *> resolved = checkpoint.resolve(name, rules);
    if (!resolved)
      return resolved.takeError();
    tensor = *resolved;
  }
  if (!sameShape(tensor->shape, stored))
    return userError(checkpoint.files()[tensor->file].path(),
                     "tensor \"" + escapeForDisplay(tensor->name) +
                         "\" has shape " + shapeText(tensor->shape) +
                         "; expected " + shapeText(stored),
                     "the weights must belong to the model's description");
  return tensor;
}

Error CheckpointReader::read(StringRef name, ArrayRef<int64_t> stored,
                             int64_t first, llvm::MutableArrayRef<float> out) {
  Expected<const TensorInfo *> tensor = find(name, stored);
  if (!tensor)
    return tensor.takeError();
  return checkpoint.readElements(**tensor, first, out);
}

std::vector<std::string> CheckpointReader::usedTensors() const {
  std::vector<std::string> names;
  for (const auto &entry : found)
    if (entry.second)
      names.push_back(entry.second->name);
  llvm::sort(names);
  return names;
}
