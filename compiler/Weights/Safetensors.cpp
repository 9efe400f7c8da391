//===- Safetensors.cpp - The header of a .safetensors file ----------------===//

#include "compiler/Weights/Safetensors.h"

#include "compiler/Support/Json.h"
#include "compiler/Support/Shape.h"

#include "llvm/Support/Endian.h"

#include <algorithm>
#include <cassert>
#include <optional>

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

namespace {
struct DTypeRow {
  DType type;
  StringRef name;
  unsigned bits;
};
} // namespace

static constexpr DTypeRow dtypeTable[] = {
    {DType::Bool, "BOOL", 8},      {DType::F4, "F4", 4},
    {DType::F6E2M3, "F6_E2M3", 6}, {DType::F6E3M2, "F6_E3M2", 6},
    {DType::U8, "U8", 8},          {DType::I8, "I8", 8},
    {DType::F8E5M2, "F8_E5M2", 8}, {DType::F8E4M3, "F8_E4M3", 8},
    {DType::F8E8M0, "F8_E8M0", 8}, {DType::I16, "I16", 16},
    {DType::U16, "U16", 16},       {DType::F16, "F16", 16},
    {DType::BF16, "BF16", 16},     {DType::I32, "I32", 32},
    {DType::U32, "U32", 32},       {DType::F32, "F32", 32},
    {DType::C64, "C64", 64},       {DType::F64, "F64", 64},
    {DType::I64, "I64", 64},       {DType::U64, "U64", 64},
};

static const DTypeRow &rowOf(DType type) {
  for (const DTypeRow &row : dtypeTable)
    if (row.type == type)
      return row;
  llvm_unreachable("type without a row");
}

StringRef ashlar::nameOf(DType type) { return rowOf(type).name; }
unsigned ashlar::bitsOf(DType type) { return rowOf(type).bits; }

int64_t TensorInfo::elementCount() const {
  return *ashlar::elementCount(shape);
}

//===----------------------------------------------------------------------===//
// JSON to tensors
//===----------------------------------------------------------------------===//

namespace {

/// Turns the header's JSON into tensors.
class HeaderReader {
public:
  HeaderReader(const JsonDocument &document, uint64_t dataBytes)
      : document(document), dataBytes(dataBytes) {}

  Expected<std::vector<TensorInfo>> read();

private:
  Error readMetadata(const JsonValue &value);
  Error readTensor(const JsonValue::Member &member);
  Error readType(const JsonValue &value, TensorInfo &tensor);
  Error readShape(const JsonValue &value, TensorInfo &tensor);
  Error readOffsets(const JsonValue &value, TensorInfo &tensor);
  Error checkCoverage();

  Error fail(const JsonValue &value, const Twine &cause) {
    return userError(document.where(value), cause);
  }
  Error failTensor(const JsonValue &value, const TensorInfo &tensor,
                   const Twine &cause) {
    return fail(value,
                "tensor \"" + escapeForDisplay(tensor.name) + "\": " + cause);
  }

  const JsonDocument &document;
  uint64_t dataBytes;
  std::vector<TensorInfo> tensors;
};

} // namespace

Expected<std::vector<TensorInfo>> HeaderReader::read() {
  if (!document.root.isObject())
    return fail(document.root, "the header is no object");
  for (const JsonValue::Member &member : document.root.members) {
    Error error = member.key == "__metadata__" ? readMetadata(member.value)
                                               : readTensor(member);
    if (error)
      return std::move(error);
  }
  if (Error error = checkCoverage())
    return std::move(error);
  return std::move(tensors);
}

Error HeaderReader::readMetadata(const JsonValue &value) {
  if (!value.isObject())
    return fail(value, "\"__metadata__\" is no object");
  for (const JsonValue::Member &member : value.members) {
    Expected<StringRef> text = document.asString(member.value, member.key);
    if (!text)
      return text.takeError();
  }
  return Error::success();
}

Error HeaderReader::readTensor(const JsonValue::Member &member) {
  TensorInfo tensor;
  tensor.name = member.key;
  const JsonValue &value = member.value;
  if (!value.isObject())
    return failTensor(value, tensor, "its description is no object");
  const JsonValue *type = value.find("dtype");
  const JsonValue *shape = value.find("shape");
  const JsonValue *offsets = value.find("data_offsets");
  if (!type || !shape || !offsets || value.members.size() != 3)
    return failTensor(value, tensor,
                      "expected the keys dtype, shape and data_offsets, each "
                      "once and nothing else");
  if (Error error = readType(*type, tensor))
    return error;
  if (Error error = readShape(*shape, tensor))
    return error;
  if (Error error = readOffsets(*offsets, tensor))
    return error;
  tensors.push_back(std::move(tensor));
  return Error::success();
}

Error HeaderReader::readType(const JsonValue &value, TensorInfo &tensor) {
  Expected<StringRef> name = document.asString(value, "dtype");
  if (!name)
    return name.takeError();
  for (const DTypeRow &row : dtypeTable) {
    if (row.name != *name)
      continue;
    tensor.dtype = row.type;
    return Error::success();
  }
  return failTensor(value, tensor,
                    "dtype \"" + escapeForDisplay(*name) +
                        "\" is none of the safetensors format");
}

Error HeaderReader::readShape(const JsonValue &value, TensorInfo &tensor) {
  if (!value.isArray())
    return failTensor(value, tensor, "its shape is no array");
  for (const JsonValue &element : value.elements) {
    Expected<int64_t> extent =
        document.asInteger(element, "shape", 0, INT64_MAX);
    if (!extent)
      return extent.takeError();
    tensor.shape.push_back(*extent);
  }
  std::optional<int64_t> count = elementCount(tensor.shape);
  // Eight bits short of overflow: bits of a tensor fit in int64_t.
  if (!count || *count > INT64_MAX / bitsOf(tensor.dtype))
    return failTensor(value, tensor,
                      "shape " + shapeText(tensor.shape) +
                          " has too many elements");
  return Error::success();
}

Error HeaderReader::readOffsets(const JsonValue &value, TensorInfo &tensor) {
  if (!value.isArray() || value.elements.size() != 2)
    return failTensor(value, tensor, "data_offsets are not two numbers");
  uint64_t bounds[2];
  for (auto [element, bound] : llvm::zip_equal(value.elements, bounds)) {
    Expected<int64_t> offset =
        document.asInteger(element, "data_offsets", 0, INT64_MAX);
    if (!offset)
      return offset.takeError();
    bound = static_cast<uint64_t>(*offset);
  }
  std::string range =
      ("[" + Twine(bounds[0]) + ", " + Twine(bounds[1]) + "]").str();
  if (bounds[0] > bounds[1])
    return failTensor(value, tensor,
                      "data_offsets " + range + " run backwards");
  if (bounds[1] > dataBytes)
    return failTensor(value, tensor,
                      "data_offsets " + range + " lie outside the file's " +
                          Twine(dataBytes) + " bytes of data");
  tensor.offset = bounds[0];
  tensor.bytes = bounds[1] - bounds[0];
  uint64_t bits =
      static_cast<uint64_t>(tensor.elementCount()) * bitsOf(tensor.dtype);
  if (bits % 8 != 0)
    return failTensor(value, tensor,
                      "shape " + shapeText(tensor.shape) + " of " +
                          nameOf(tensor.dtype) + " fills no whole bytes");
  if (bits / 8 != tensor.bytes)
    return failTensor(value, tensor,
                      "data_offsets " + range + " are " + Twine(tensor.bytes) +
                          " bytes; shape " + shapeText(tensor.shape) + " of " +
                          nameOf(tensor.dtype) + " needs " + Twine(bits / 8));
  return Error::success();
}

/// Every byte of the data belongs to exactly one tensor: no room for a hidden
/// payload, and no two tensors that alias.
Error HeaderReader::checkCoverage() {
  std::vector<const TensorInfo *> order;
  for (const TensorInfo &tensor : tensors)
    order.push_back(&tensor);
  llvm::sort(order, [](const TensorInfo *a, const TensorInfo *b) {
    return std::pair(a->offset, a->bytes) < std::pair(b->offset, b->bytes);
  });
  uint64_t end = 0;
  for (const TensorInfo *tensor : order) {
    if (tensor->offset != end)
      return userError(document.file,
                       "tensor \"" + escapeForDisplay(tensor->name) +
                           "\": its data starts at " + Twine(tensor->offset) +
                           (tensor->offset < end
                                ? ", inside another tensor that ends at "
                                : ", behind a gap that starts at ") +
                           Twine(end));
    end += tensor->bytes;
  }
  if (end == dataBytes)
    return Error::success();
  return userError(document.file, "the tensors end at byte " + Twine(end) +
                                      " of the data; the file has " +
                                      Twine(dataBytes));
}

Expected<std::vector<TensorInfo>>
ashlar::parseSafetensorsHeader(StringRef text, uint64_t dataBytes,
                               StringRef file) {
  std::string where = (file + ": header").str();
  if (!text.starts_with("{"))
    return userError(where, "the header does not start with '{'",
                     "the file may be damaged or of another format");
  Expected<JsonDocument> document = parseJson(text, where);
  if (!document)
    return document.takeError();
  return HeaderReader(*document, dataBytes).read();
}

//===----------------------------------------------------------------------===//
// File
//===----------------------------------------------------------------------===//

Expected<std::vector<TensorInfo>>
ashlar::readSafetensorsHeader(const InputFile &file) {
  constexpr uint64_t lengthBytes = 8, headerLimit = 100'000'000;
  if (file.size() < lengthBytes)
    return userError(file.path(), "the file has " + Twine(file.size()) +
                                      " bytes; a safetensors file has at "
                                      "least 8");
  char lengthText[lengthBytes];
  if (Error error = file.readAt(0, lengthText))
    return std::move(error);
  uint64_t length = llvm::support::endian::read64le(lengthText);
  uint64_t rest = file.size() - lengthBytes;
  if (length > std::min(headerLimit, rest))
    return userError(file.path(),
                     "the header's length is " + Twine(length) +
                         "; expected at most " +
                         Twine(std::min(headerLimit, rest)),
                     "the file may be truncated or of another format");
  std::string text(length, '\0');
  if (Error error = file.readAt(lengthBytes, {text.data(), text.size()}))
    return std::move(error);
  Expected<std::vector<TensorInfo>> tensors =
      parseSafetensorsHeader(text, rest - length, file.path());
  if (!tensors)
    return tensors.takeError();
  for (TensorInfo &tensor : *tensors)
    tensor.offset += lengthBytes + length;
  return tensors;
}
