//===- Charsmap.cpp - Rules of a SentencePiece normalizer -----------------===//

#include "compiler/Text/Charsmap.h"
#include "compiler/Support/Errors.h"

#include "llvm/Support/Base64.h"
#include "llvm/Support/Endian.h"

using namespace ashlar;

llvm::Expected<Charsmap> ashlar::readCharsmapBytes(llvm::StringRef bytes,
                                                   const std::string &where) {
  if (bytes.size() < 8)
    return userError(where, "rules of " + llvm::Twine(bytes.size()) +
                                " bytes; expected 8 at least");
  uint64_t size = llvm::support::endian::read32le(bytes.data());
  llvm::StringRef rest = bytes.drop_front(4);
  if (size % 4 != 0 || size == 0 || size > rest.size())
    return userError(where, "rules with a trie of " + llvm::Twine(size) +
                                " bytes; expected a multiple of 4, at most " +
                                llvm::Twine(rest.size()));
  Charsmap map;
  for (uint64_t at = 0; at < size; at += 4)
    map.units.push_back(llvm::support::endian::read32le(rest.data() + at));
  map.texts = rest.drop_front(size).str();
  return map;
}

llvm::Expected<Charsmap> ashlar::readCharsmap(llvm::StringRef base64,
                                              const std::string &where) {
  std::vector<char> bytes;
  if (llvm::Error error = llvm::decodeBase64(base64, bytes)) {
    llvm::consumeError(std::move(error));
    return userError(where, "\"precompiled_charsmap\" is no base64");
  }
  return readCharsmapBytes(llvm::StringRef(bytes.data(), bytes.size()), where);
}
