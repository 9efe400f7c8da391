//===- Checkpoint.cpp - Finding and reading tensors -----------------------===//

#include "compiler/Weights/Checkpoint.h"

#include "compiler/Support/Glob.h"
#include "compiler/Support/Shape.h"
#include "compiler/Weights/HalfFloat.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringSet.h"

#include <algorithm>
#include <cassert>
#include <cstring>

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

Error Checkpoint::addFile(StringRef path) {
  Expected<InputFile> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  Expected<std::vector<TensorInfo>> tensors = readSafetensorsHeader(*file);
  if (!tensors)
    return tensors.takeError();
  for (TensorInfo &tensor : *tensors) {
    tensor.file = static_cast<uint32_t>(inputs.size());
    table.push_back(std::move(tensor));
  }
  inputs.push_back(std::move(*file));
  return Error::success();
}

Error Checkpoint::sortTable() {
  llvm::sort(table, [](const TensorInfo &a, const TensorInfo &b) {
    return a.name < b.name;
  });
  auto twin = std::adjacent_find(
      table.begin(), table.end(),
      [](const auto &a, const auto &b) { return a.name == b.name; });
  if (twin == table.end())
    return Error::success();
  return userError(inputs[twin->file].path(),
                   "tensor \"" + escapeForDisplay(twin->name) +
                       "\" is also in " + inputs[twin[1].file].path());
}

Expected<Checkpoint> Checkpoint::openFiles(llvm::ArrayRef<std::string> paths) {
  assert(!paths.empty() && "a checkpoint has at least one file");
  Checkpoint checkpoint;
  checkpoint.source = paths.front();
  for (const std::string &path : paths)
    if (Error error = checkpoint.addFile(path))
      return std::move(error);
  if (Error error = checkpoint.sortTable())
    return std::move(error);
  return checkpoint;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

const TensorInfo *Checkpoint::find(StringRef name) const {
  auto place = llvm::lower_bound(
      table, name, [](const TensorInfo &tensor, StringRef wanted) {
        return StringRef(tensor.name) < wanted;
      });
  if (place == table.end() || place->name != name)
    return nullptr;
  return &*place;
}

/// `name` and what it is called where an optional prefix lacks or is present.
static llvm::SmallVector<std::string, 4>
prefixVariants(StringRef name, const CheckpointRules &rules) {
  llvm::SmallVector<std::string, 4> variants = {name.str()};
  for (const std::string &prefix : rules.optionalPrefixes)
    variants.push_back(name.starts_with(prefix)
                           ? name.drop_front(prefix.size()).str()
                           : prefix + name.str());
  return variants;
}

/// All names under which a checkpoint may have `name`, best first.
static llvm::SmallVector<std::string, 8>
nameVariants(StringRef name, const CheckpointRules &rules) {
  llvm::SmallVector<std::string, 8> variants;
  for (std::string &variant : prefixVariants(name, rules))
    variants.push_back(std::move(variant));
  for (const auto &[suffix, alias] : rules.suffixAliases) {
    if (!name.ends_with(suffix))
      continue;
    std::string renamed = name.drop_back(suffix.size()).str() + alias;
    for (std::string &variant : prefixVariants(renamed, rules))
      variants.push_back(std::move(variant));
  }
  return variants;
}

Expected<const TensorInfo *>
Checkpoint::resolve(StringRef canonicalName,
                    const CheckpointRules &rules) const {
  auto variants = nameVariants(canonicalName, rules);
  for (const std::string &variant : variants)
    if (const TensorInfo *tensor = find(variant))
      return tensor;
  std::string others;
  for (const std::string &variant : llvm::drop_begin(variants))
    others += (others.empty() ? "; nor is there " : ", ") +
              ("\"" + escapeForDisplay(variant) + "\"");
  return userError(source,
                   "tensor \"" + escapeForDisplay(canonicalName) +
                       "\" is missing" + others,
                   "the weights must belong to the model's description, its "
                   "config.json or YAML file");
}

std::vector<std::string>
Checkpoint::unusedTensors(llvm::ArrayRef<std::string> used,
                          const CheckpointRules &rules) const {
  llvm::StringSet<> usedNames;
  for (const std::string &name : used)
    usedNames.insert(name);
  auto isIgnorable = [&](StringRef name) {
    auto variants = prefixVariants(name, rules);
    return llvm::any_of(rules.ignorable, [&](const std::string &pattern) {
      return llvm::any_of(variants, [&](const std::string &variant) {
        return matchesGlob(pattern, variant);
      });
    });
  };
  std::vector<std::string> result;
  for (const TensorInfo &tensor : table)
    if (!usedNames.contains(tensor.name) && !isIgnorable(tensor.name))
      result.push_back(tensor.name);
  return result;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Error Checkpoint::readBytes(const TensorInfo &tensor, uint64_t first,
                            llvm::MutableArrayRef<char> out) const {
  assert(first <= tensor.bytes && out.size() <= tensor.bytes - first &&
         "outside the tensor");
  return inputs[tensor.file].readAt(tensor.offset + first, out);
}

/// `bits` are not aligned to anything but themselves: a buffer of uint16_t.
static void widen(DType type, llvm::ArrayRef<uint16_t> bits, float *out) {
  if (type == DType::BF16)
    for (auto [i, value] : llvm::enumerate(bits))
      out[i] = bfloatToFloat(value);
  else
    for (auto [i, value] : llvm::enumerate(bits))
      out[i] = halfToFloat(value);
}

Error Checkpoint::readElements(const TensorInfo &tensor, int64_t first,
                               llvm::MutableArrayRef<float> out) const {
  assert(first >= 0 && first <= tensor.elementCount() &&
         static_cast<int64_t>(out.size()) <= tensor.elementCount() - first &&
         "outside the tensor");
  auto begin = static_cast<uint64_t>(first);
  if (tensor.dtype == DType::F32)
    return readBytes(
        tensor, begin * sizeof(float),
        {reinterpret_cast<char *>(out.data()), out.size() * sizeof(float)});
  if (tensor.dtype != DType::F16 && tensor.dtype != DType::BF16)
    return userError(inputs[tensor.file].path(),
                     "tensor \"" + escapeForDisplay(tensor.name) + "\" is " +
                         nameOf(tensor.dtype) +
                         "; weights may be F32, F16 or BF16",
                     "convert the checkpoint to one of these");
  std::vector<uint16_t> buffer(std::min<size_t>(out.size(), 1 << 16));
  while (!out.empty()) {
    llvm::MutableArrayRef<uint16_t> part(buffer.data(),
                                         std::min(buffer.size(), out.size()));
    if (Error error = readBytes(tensor, begin * sizeof(uint16_t),
                                {reinterpret_cast<char *>(part.data()),
                                 part.size() * sizeof(uint16_t)}))
      return error;
    widen(tensor.dtype, part, out.data());
    out = out.drop_front(part.size());
    begin += part.size();
  }
  return Error::success();
}

Error Checkpoint::readRows(const TensorInfo &tensor, int64_t firstRow,
                           int64_t rowCount,
                           llvm::MutableArrayRef<float> out) const {
  llvm::ArrayRef<int64_t> shape = tensor.shape;
  int64_t rowSize =
      shape.empty() ? 1 : *ashlar::elementCount(shape.drop_front());
  assert(static_cast<int64_t>(out.size()) == rowCount * rowSize &&
         "the output is not these rows' size");
  return readElements(tensor, firstRow * rowSize, out);
}

Error Checkpoint::checkUnchanged() const {
  for (const InputFile &file : inputs)
    if (Error error = file.checkUnchanged())
      return error;
  return Error::success();
}
