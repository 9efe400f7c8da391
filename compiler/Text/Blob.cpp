//===- Blob.cpp - Sections of the text tables -----------------------------===//

#include "compiler/Text/Blob.h"

#include <bit>
#include <cstring>

using namespace ashlar;

static_assert(std::endian::native == std::endian::little,
              "sections are written as they lie in memory");

Blob::Blob() : bytes(sizeof(ashlar_text_header), '\0') {}

uint64_t Blob::place(llvm::StringRef section) {
  if (section.empty())
    return 0;
  auto [it, isNew] = offsets.try_emplace(section, 0);
  if (isNew) {
    bytes.resize(llvm::alignTo(bytes.size(), ASHLAR_TEXT_ALIGNMENT));
    it->second = bytes.size();
    bytes += section;
  }
  return it->second;
}

ashlar_text_string Blob::addString(llvm::StringRef text) {
  // Strings need no alignment and are not worth a look-up each.
  uint64_t offset = bytes.size();
  bytes += text;
  return {static_cast<uint32_t>(offset), static_cast<uint32_t>(text.size())};
}

std::string Blob::finish(ashlar_text_header header) && {
  bytes.resize(llvm::alignTo(bytes.size(), ASHLAR_TEXT_ALIGNMENT));
  std::memcpy(header.magic, ASHLAR_TEXT_MAGIC, sizeof(header.magic));
  header.version = ASHLAR_TEXT_VERSION;
  header.bytes = bytes.size();
  std::memcpy(bytes.data(), &header, sizeof(header));
  return std::move(bytes);
}
