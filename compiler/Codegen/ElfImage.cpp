//===- ElfImage.cpp - Room for weights in a linked file -------------------===//

#include "compiler/Codegen/ElfImage.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Object/ELFTypes.h"
#include "llvm/Support/MathExtras.h"

using namespace ashlar;

using ElfTypes = llvm::object::ELF64LE;
using Segment = ElfTypes::Phdr;
using Section = ElfTypes::Shdr;

static constexpr uint64_t page = 4096;

/// All faults here are our own: the file comes from our linker.
static llvm::Error internalError(const llvm::Twine &text) {
  return llvm::createStringError("weights segment: " + text);
}

namespace {
class Patcher {
public:
  explicit Patcher(std::string &elf)
      : elf(elf), header(*reinterpret_cast<ElfTypes::Ehdr *>(elf.data())),
        segments(reinterpret_cast<Segment *>(elf.data() + header.e_phoff),
                 header.e_phnum),
        sections(reinterpret_cast<Section *>(elf.data() + header.e_shoff),
                 header.e_shnum) {}

  llvm::Expected<uint64_t> place(uint64_t bytes);

private:
  Section *findRoom(uint64_t bytes);
  Segment *findSegment(const Section &room);
  uint64_t endOfOthers(const Segment &segment, const Section &room);
  llvm::Error splitOff(Segment &shared, const Section &room,
                       const Segment &weights);

  std::string &elf;
  ElfTypes::Ehdr &header;
  llvm::MutableArrayRef<Segment> segments;
  llvm::MutableArrayRef<Section> sections;
};
} // namespace

Section *Patcher::findRoom(uint64_t bytes) {
  Section *room = llvm::find_if(sections, [&](const Section &section) {
    return section.sh_type == llvm::ELF::SHT_NOBITS &&
           (section.sh_flags & llvm::ELF::SHF_X86_64_LARGE) &&
           section.sh_size == bytes;
  });
  return room == sections.end() ? nullptr : room;
}

/// The loaded segment that ends with the room.
Segment *Patcher::findSegment(const Section &room) {
  Segment *found = llvm::find_if(segments, [&](const Segment &segment) {
    return segment.p_type == llvm::ELF::PT_LOAD &&
           segment.p_vaddr <= room.sh_addr &&
           segment.p_vaddr + segment.p_memsz == room.sh_addr + room.sh_size;
  });
  return found == segments.end() ? nullptr : found;
}

uint64_t Patcher::endOfOthers(const Segment &segment, const Section &room) {
  uint64_t end = segment.p_vaddr;
  for (const Section &section : sections)
    if ((section.sh_flags & llvm::ELF::SHF_ALLOC) &&
        section.sh_addr >= segment.p_vaddr && section.sh_addr < room.sh_addr)
      end = std::max<uint64_t>(end, section.sh_addr + section.sh_size);
  return end;
}

/// The room shares its segment with zero-filled data of the program. The
/// program header of our note, which nothing reads when it is loaded, becomes
/// that of the weights; loaded segments stay in the order of their addresses.
llvm::Error Patcher::splitOff(Segment &shared, const Section &room,
                              const Segment &weights) {
  shared.p_memsz = endOfOthers(shared, room) - shared.p_vaddr;
  shared.p_align = page;
  llvm::SmallVector<Segment> reordered;
  bool dropped = false;
  for (Segment &segment : segments) {
    if (segment.p_type == llvm::ELF::PT_NOTE && !dropped) {
      dropped = true;
      continue;
    }
    reordered.push_back(segment);
    if (&segment == &shared)
      reordered.push_back(weights);
  }
  if (!dropped)
    return internalError("no program header to spare");
  llvm::copy(reordered, segments.begin());
  return llvm::Error::success();
}

llvm::Expected<uint64_t> Patcher::place(uint64_t bytes) {
  Section *room = findRoom(bytes);
  Segment *shared = room ? findSegment(*room) : nullptr;
  if (!shared)
    return internalError("the linked file has no room for it");

  uint64_t alignment = std::max<uint64_t>(room->sh_addralign, page);
  uint64_t offset = llvm::alignTo(elf.size(), alignment);
  Segment weights = *shared;
  weights.p_flags = llvm::ELF::PF_R;
  weights.p_offset = offset;
  weights.p_vaddr = room->sh_addr;
  weights.p_paddr = room->sh_addr;
  weights.p_filesz = bytes;
  weights.p_memsz = bytes;
  weights.p_align = alignment;

  if (shared->p_vaddr == room->sh_addr)
    *shared = weights;
  else if (llvm::Error error = splitOff(*shared, *room, weights))
    return error;

  room->sh_type = llvm::ELF::SHT_PROGBITS;
  room->sh_flags = llvm::ELF::SHF_ALLOC | llvm::ELF::SHF_X86_64_LARGE;
  room->sh_offset = offset;
  return offset;
}

llvm::Expected<uint64_t> ashlar::placeWeightsSegment(std::string &elf,
                                                     uint64_t bytes) {
  if (elf.size() < sizeof(ElfTypes::Ehdr))
    return internalError("the linker wrote no file");
  return Patcher(elf).place(bytes);
}
