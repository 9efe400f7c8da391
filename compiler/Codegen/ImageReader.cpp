//===- ImageReader.cpp - Bytes of an artifact's weights ------------------===//

#include "compiler/Codegen/ImageReader.h"

#include "compiler/Codegen/Artifact.h"
#include "compiler/Support/Errors.h"
#include "compiler/Support/Files.h"
#include "runtime/abi.h"

#include "llvm/Object/ELFTypes.h"

#include <cstring>
#include <vector>

using namespace ashlar;
using ElfTypes = llvm::object::ELF64LE;

template <typename T> static llvm::MutableArrayRef<char> bytesOf(T &value) {
  return {reinterpret_cast<char *>(&value), sizeof(T)};
}

/// Whether an image as `image` describes it begins at `offset` of `file`.
static llvm::Expected<bool> beginsAt(const InputFile &file, uint64_t offset,
                                     const ImageDescription &image) {
  ashlar_weights_header header;
  if (llvm::Error error = file.readAt(offset, bytesOf(header)))
    return std::move(error);
  return std::memcmp(header.magic, "ASHLARW1", sizeof header.magic) == 0 &&
         header.build_id == image.buildId &&
         header.bytes == static_cast<int64_t>(image.bytes);
}

/// Where the image begins in `file`, an artifact that carries it.
static llvm::Expected<uint64_t> findSegment(const InputFile &file,
                                            const ImageDescription &image) {
  ElfTypes::Ehdr header;
  if (llvm::Error error = file.readAt(0, bytesOf(header)))
    return std::move(error);
  std::vector<ElfTypes::Phdr> segments(header.e_phnum);
  if (llvm::Error error = file.readAt(
          header.e_phoff, {reinterpret_cast<char *>(segments.data()),
                           segments.size() * sizeof(segments[0])}))
    return std::move(error);
  for (const ElfTypes::Phdr &segment : segments) {
    if (segment.p_type != llvm::ELF::PT_LOAD || segment.p_filesz != image.bytes)
      continue;
    llvm::Expected<bool> found = beginsAt(file, segment.p_offset, image);
    if (!found)
      return found.takeError();
    if (*found)
      return segment.p_offset;
  }
  return userError(file.path(), "has no weights", "compile it again");
}

llvm::Error ashlar::readImage(llvm::StringRef path,
                              const ImageDescription &image, uint64_t offset,
                              llvm::MutableArrayRef<char> out) {
  if (offset > image.bytes || out.size() > image.bytes - offset)
    return userError(path,
                     "is damaged: its manifest names a place behind its "
                     "weights",
                     "compile it again");
  llvm::Expected<InputFile> file =
      InputFile::open(image.inside ? path.str() : externalWeightsPath(path));
  if (!file)
    return file.takeError();
  uint64_t begin = 0;
  if (image.inside) {
    llvm::Expected<uint64_t> found = findSegment(*file, image);
    if (!found)
      return found.takeError();
    begin = *found;
  } else {
    llvm::Expected<bool> belongs = beginsAt(*file, 0, image);
    if (!belongs)
      return belongs.takeError();
    if (!*belongs)
      return userError(file->path(), "holds weights of another compilation",
                       "compile the model again");
  }
  if (begin > file->size() || image.bytes > file->size() - begin)
    return userError(file->path(), "the file is truncated",
                     "copy it again, or compile the model again");
  return file->readAt(begin + offset, out);
}
