//===- Blob.h - Sections of the text tables --------------------*- C++ -*-===//
//
// Collects the sections of a blob behind its header, each at a multiple of 8
// bytes, and equal sections once.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_BLOB_H
#define ASHLAR_COMPILER_TEXT_BLOB_H

#include "runtime/text/tables.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <type_traits>

namespace ashlar {

class Blob {
public:
  Blob();

  /// A section with `values`, whose bytes are the same on every machine.
  template <typename T> ashlar_text_section add(llvm::ArrayRef<T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    uint64_t offset =
        place(llvm::StringRef(reinterpret_cast<const char *>(values.data()),
                              values.size() * sizeof(T)));
    return {static_cast<uint32_t>(offset),
            static_cast<uint32_t>(values.size())};
  }
  template <typename T> ashlar_text_section add(const std::vector<T> &values) {
    return add(llvm::ArrayRef(values));
  }

  ashlar_text_string addString(llvm::StringRef text);

  /// Over 2^31 bytes: offsets no longer say where things are.
  bool tooLarge() const { return bytes.size() > INT32_MAX; }

  /// The blob with `header` in front; its size is filled in.
  std::string finish(ashlar_text_header header) &&;

private:
  uint64_t place(llvm::StringRef section);

  std::string bytes;
  llvm::StringMap<uint64_t> offsets; // of the sections so far, by hash
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_BLOB_H
