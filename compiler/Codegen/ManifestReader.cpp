//===- ManifestReader.cpp - What an artifact says of itself ---------------===//

#include "compiler/Codegen/ManifestReader.h"

#include "compiler/Codegen/PlanEmitter.h"
#include "compiler/Support/Files.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFTypes.h"

#include <cstring>
#include <optional>

using namespace ashlar;

using ElfTypes = llvm::object::ELF64LE;
using Section = ElfTypes::Shdr;

static constexpr uint64_t maximumManifest = 64ull << 20;
static constexpr uint64_t maximumNames = 16ull << 20;
static constexpr llvm::StringLiteral archiveMagic = "!<arch>\n";

namespace {
/// A part of the file: all of it, or one member of an archive.
struct Range {
  uint64_t offset;
  uint64_t size;
};

class Reader {
public:
  explicit Reader(const InputFile &file) : file(file) {}

  llvm::Expected<std::string> read();

private:
  llvm::Error noArtifact() const {
    return userError(file.path(), "is no Ashlar artifact",
                     "name a file that `ashlar compile` wrote, or a model");
  }
  llvm::Error damaged(const llvm::Twine &what) const {
    return userError(file.path(), "is damaged: " + what, "compile it again");
  }

  /// Bytes at `offset` of `range`; an error when they do not lie inside.
  llvm::Error readAt(const Range &range, uint64_t offset,
                     llvm::MutableArrayRef<char> out) const;
  template <typename T>
  llvm::Error readValue(const Range &range, uint64_t offset, T &value) const {
    return readAt(range, offset, {reinterpret_cast<char *>(&value), sizeof(T)});
  }
  llvm::Expected<std::string> readText(const Range &range, uint64_t offset,
                                       uint64_t size, uint64_t maximum) const;

  /// The manifest of the ELF file in `range`; nothing when it has none.
  llvm::Expected<std::optional<std::string>> readElf(const Range &range) const;
  llvm::Expected<std::string> readSection(const Range &range,
                                          const Section &section) const;
  llvm::Expected<std::optional<std::string>> readArchive() const;
  bool startsWith(const Range &range, llvm::StringRef magic) const;

  const InputFile &file;
};
} // namespace

llvm::Error Reader::readAt(const Range &range, uint64_t offset,
                           llvm::MutableArrayRef<char> out) const {
  if (offset > range.size || out.size() > range.size - offset)
    return damaged("it ends before byte " +
                   llvm::Twine(range.offset + offset + out.size()));
  return file.readAt(range.offset + offset, out);
}

llvm::Expected<std::string> Reader::readText(const Range &range,
                                             uint64_t offset, uint64_t size,
                                             uint64_t maximum) const {
  // Before anything of that size is allocated.
  if (size > maximum || offset > range.size || size > range.size - offset)
    return damaged("a section has " + llvm::Twine(size) + " bytes at offset " +
                   llvm::Twine(offset));
  std::string text(size, '\0');
  if (llvm::Error error = readAt(range, offset, {text.data(), text.size()}))
    return error;
  return text;
}

bool Reader::startsWith(const Range &range, llvm::StringRef magic) const {
  char bytes[8];
  llvm::MutableArrayRef<char> head(bytes, magic.size());
  if (range.size < head.size())
    return false;
  if (llvm::Error error = readAt(range, 0, head)) {
    llvm::consumeError(std::move(error));
    return false;
  }
  return llvm::StringRef(head.data(), head.size()) == magic;
}

llvm::Expected<std::string> Reader::readSection(const Range &range,
                                                const Section &section) const {
  if (section.sh_type != llvm::ELF::SHT_PROGBITS)
    return damaged("its manifest has no bytes");
  auto text =
      readText(range, section.sh_offset, section.sh_size, maximumManifest);
  if (!text)
    return text.takeError();
  if (text->find('\0') != text->size() - 1 || text->empty())
    return damaged("its manifest is not one text");
  text->pop_back();
  return text;
}

llvm::Expected<std::optional<std::string>>
Reader::readElf(const Range &range) const {
  ElfTypes::Ehdr header;
  if (range.size < sizeof header)
    return std::nullopt;
  if (llvm::Error error = readValue(range, 0, header))
    return error;
  if (header.e_ident[llvm::ELF::EI_CLASS] != llvm::ELF::ELFCLASS64 ||
      header.e_ident[llvm::ELF::EI_DATA] != llvm::ELF::ELFDATA2LSB ||
      header.e_shnum == 0)
    return std::nullopt;
  if (header.e_shentsize != sizeof(Section) ||
      header.e_shstrndx >= header.e_shnum)
    return damaged("its section table");

  std::vector<Section> sections(header.e_shnum);
  if (llvm::Error error = readAt(range, header.e_shoff,
                                 {reinterpret_cast<char *>(sections.data()),
                                  sections.size() * sizeof(Section)}))
    return error;
  const Section &namesSection = sections[header.e_shstrndx];
  auto names = readText(range, namesSection.sh_offset, namesSection.sh_size,
                        maximumNames);
  if (!names)
    return names.takeError();
  for (const Section &section : sections) {
    if (section.sh_name >= names->size())
      continue;
    // The string of a std::string ends with a zero in any case.
    if (llvm::StringRef(names->c_str() + section.sh_name) != manifestSection)
      continue;
    auto text = readSection(range, section);
    if (!text)
      return text.takeError();
    return std::move(*text);
  }
  return std::nullopt;
}

/// Members have a 60-byte header with the size as text at byte 48, and begin
/// at even offsets.
llvm::Expected<std::optional<std::string>> Reader::readArchive() const {
  constexpr uint64_t headerBytes = 60, sizeOffset = 48, sizeDigits = 10;
  Range whole{0, file.size()};
  uint64_t at = archiveMagic.size();
  while (at + headerBytes <= whole.size) {
    char header[headerBytes];
    if (llvm::Error error = readAt(whole, at, header))
      return error;
    uint64_t size;
    if (llvm::StringRef(header + sizeOffset, sizeDigits)
            .rtrim(' ')
            .getAsInteger(10, size))
      return damaged("the size of an archive member");
    Range member{at + headerBytes, size};
    if (size > whole.size - member.offset)
      return damaged("an archive member ends behind the file");
    if (startsWith(member, llvm::ELF::ElfMagic)) {
      auto text = readElf(member);
      if (!text || *text)
        return text;
    }
    at = member.offset + size + (size & 1);
  }
  return std::nullopt;
}

llvm::Expected<std::string> Reader::read() {
  Range whole{0, file.size()};
  llvm::Expected<std::optional<std::string>> text =
      startsWith(whole, archiveMagic)          ? readArchive()
      : startsWith(whole, llvm::ELF::ElfMagic) ? readElf(whole)
                                               : std::nullopt;
  if (!text)
    return text.takeError();
  if (!*text)
    return noArtifact();
  return std::move(**text);
}

llvm::Expected<std::string> ashlar::readManifest(llvm::StringRef path) {
  llvm::Expected<InputFile> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  return Reader(*file).read();
}
