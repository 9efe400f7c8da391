//===- ModelTables.h - Vocabulary, model and decoder -> blob ---*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_MODELTABLES_H
#define ASHLAR_COMPILER_TEXT_MODELTABLES_H

#include "compiler/Text/Blob.h"
#include "compiler/Text/Tokenizer.h"

#include <map>

namespace ashlar {

/// Tries of byte strings, one for each root.
class TrieBuilder {
public:
  explicit TrieBuilder(uint32_t roots) : roots(roots), nodes(roots) {}

  void insert(uint32_t root, llvm::StringRef text, int32_t value);
  /// Level by level, so that the children of a node are neighbours.
  ashlar_text_trie write(Blob &blob) const;

private:
  struct Node {
    std::map<unsigned char, uint32_t> children;
    int32_t value = ASHLAR_TEXT_NONE;
  };
  const uint32_t roots;
  std::vector<Node> nodes;
};

/// Tokens and what the model needs to find them.
void addModel(const Tokenizer &tokenizer, Blob &blob,
              ashlar_text_header &header);
void addDecoder(const Tokenizer &tokenizer, Blob &blob,
                ashlar_text_header &header);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_MODELTABLES_H
