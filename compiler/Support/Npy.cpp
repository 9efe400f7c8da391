//===- Npy.cpp - Data of .npy files ---------------------------------------===//

#include "compiler/Support/Npy.h"

#include "llvm/Support/Endian.h"

#include <cstring>

using namespace ashlar;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static_assert(llvm::endianness::native == llvm::endianness::little,
              "arrays are copied as they lie in memory");

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static Error checkLength(const NpyHeader &header, uint64_t fileBytes,
                         StringRef file) {
  uint64_t found = fileBytes - header.dataOffset;
  if (found == header.dataBytes())
    return Error::success();
  return userError(file, "the file has " + Twine(found) +
                             " bytes of data; its shape needs " +
                             Twine(header.dataBytes()));
}

/// Rearranges an array whose first dimension runs fastest into C order.
static std::vector<char> fromFortranOrder(const std::vector<char> &bytes,
                                          ArrayRef<int64_t> shape,
                                          size_t size) {
  std::vector<char> result(bytes.size());
  std::vector<size_t> strides(shape.size()); // in elements, Fortran order
  size_t stride = 1;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    strides[i] = stride;
    stride *= static_cast<size_t>(extent);
  }
  std::vector<int64_t> index(shape.size(), 0);
  size_t source = 0;
  for (size_t target = 0; target < bytes.size(); target += size) {
    std::memcpy(&result[target], &bytes[source * size], size);
    for (size_t d = shape.size(); d-- > 0;) {
      source += strides[d];
      if (++index[d] < shape[d])
        break;
      source -= strides[d] * static_cast<size_t>(shape[d]);
      index[d] = 0;
    }
  }
  return result;
}

static NpyArray makeArray(const NpyHeader &header, std::vector<char> bytes,
                          StringRef file) {
  // With at most one dimension both orders are the same.
  if (header.fortranOrder && header.shape.size() > 1)
    bytes = fromFortranOrder(bytes, header.shape, sizeOf(header.type));
  return {file.str(), header.type, header.shape, std::move(bytes)};
}

Expected<NpyArray> ashlar::parseNpy(StringRef bytes, StringRef file) {
  Expected<NpyHeader> header = parseNpyHeader(bytes, file);
  if (!header)
    return header.takeError();
  if (Error error = checkLength(*header, bytes.size(), file))
    return std::move(error);
  StringRef data = bytes.drop_front(header->dataOffset);
  return makeArray(*header, {data.begin(), data.end()}, file);
}

Expected<NpyArray> ashlar::readNpy(StringRef path, uint64_t limit) {
  Expected<InputFile> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  std::string prefix(std::min(file->size(), npyHeaderLimit), '\0');
  if (Error error = file->readAt(0, {prefix.data(), prefix.size()}))
    return std::move(error);
  Expected<NpyHeader> header = parseNpyHeader(prefix, path);
  if (!header)
    return header.takeError();
  // The file has the bytes that are allocated: a header alone costs nothing.
  if (Error error = checkLength(*header, file->size(), path))
    return std::move(error);
  if (header->dataBytes() > limit)
    return userError(path, "the array has " + Twine(header->dataBytes()) +
                               " bytes; at most " + Twine(limit) + " are read");
  std::vector<char> bytes(header->dataBytes());
  if (Error error = file->readAt(header->dataOffset, bytes))
    return std::move(error);
  if (Error error = file->checkUnchanged())
    return std::move(error);
  return makeArray(*header, std::move(bytes), path);
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

template <typename From, typename To>
static std::vector<To> convert(ArrayRef<char> bytes) {
  std::vector<To> result(bytes.size() / sizeof(From));
  for (auto [i, value] : llvm::enumerate(result)) {
    From element;
    std::memcpy(&element, bytes.data() + i * sizeof(From), sizeof(From));
    value = static_cast<To>(element);
  }
  return result;
}

/// NumPy takes every byte but 0 as true.
template <typename To>
static std::vector<To> convertBool(ArrayRef<char> bytes) {
  std::vector<To> result;
  result.reserve(bytes.size());
  for (char byte : bytes)
    result.push_back(byte ? To(1) : To(0));
  return result;
}

template <typename To> static std::vector<To> convertTo(const NpyArray &array) {
  switch (array.type) {
  case NpyType::Bool:
    return convertBool<To>(array.bytes);
  case NpyType::Int32:
    return convert<int32_t, To>(array.bytes);
  case NpyType::Int64:
    return convert<int64_t, To>(array.bytes);
  case NpyType::Float32:
    return convert<float, To>(array.bytes);
  case NpyType::Float64:
    return convert<double, To>(array.bytes);
  }
  llvm_unreachable("unknown type");
}

Expected<std::vector<int64_t>> NpyArray::toInt64() const {
  if (type == NpyType::Float32 || type == NpyType::Float64)
    return userError(file, "the array's type is " + nameOf(type) +
                               "; expected int64 or int32");
  return convertTo<int64_t>(*this);
}

std::vector<float> NpyArray::toFloat() const { return convertTo<float>(*this); }

std::vector<double> NpyArray::toDouble() const {
  return convertTo<double>(*this);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

template <typename T>
static Error write(AtomicFile &file, NpyType type, ArrayRef<int64_t> shape,
                   ArrayRef<T> data) {
  if (Error error = file.append(npyHeader(type, shape)))
    return error;
  return file.append(
      {reinterpret_cast<const char *>(data.data()), data.size() * sizeof(T)});
}

Error ashlar::writeNpy(AtomicFile &file, ArrayRef<int64_t> shape,
                       ArrayRef<float> data) {
  return write(file, NpyType::Float32, shape, data);
}

Error ashlar::writeNpy(AtomicFile &file, ArrayRef<int64_t> shape,
                       ArrayRef<int64_t> data) {
  return write(file, NpyType::Int64, shape, data);
}
