//===- Charsmap.h - Rules of a SentencePiece normalizer --------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_CHARSMAP_H
#define ASHLAR_COMPILER_TEXT_CHARSMAP_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar {

struct Charsmap {
  std::vector<uint32_t> units; // a double array, not yet trusted
  std::string texts;           // each ends with NUL
};

/// From bytes: the size of the double array, the array, the texts.
llvm::Expected<Charsmap> readCharsmapBytes(llvm::StringRef bytes,
                                           const std::string &where);
/// From their base64 form.
llvm::Expected<Charsmap> readCharsmap(llvm::StringRef base64,
                                      const std::string &where);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHARSMAP_H
