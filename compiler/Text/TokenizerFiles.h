//===- TokenizerFiles.h - The files of a tokenizer -------------*- C++ -*-===//
//
// A folder has tokenizer.json, or a SentencePiece model that older libraries
// read. tokenizer_config.json beside it says what neither of them does: the
// tokenizer's class, whether texts begin with a token, how a chat is written.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_TOKENIZERFILES_H
#define ASHLAR_COMPILER_TEXT_TOKENIZERFILES_H

#include "compiler/Support/Json.h"

#include <optional>

namespace ashlar {

struct TokenizerFiles {
  struct Pieces {
    std::string file;
    std::string bytes;
  };

  /// tokenizer.json; counts alone where there is one.
  std::optional<JsonDocument> tokenizer;
  /// A SentencePiece model.
  std::optional<Pieces> pieces;
  /// vocab.json beside source.spm or sentencepiece.bpe.model: the ids of a
  /// Marian or M2M-100 model.
  std::optional<JsonDocument> vocabulary;
  /// tokenizer_config.json.
  std::optional<JsonDocument> config;
  /// "model_type" of config.json; empty when there is none.
  std::string modelType;
  /// chat_template.jinja.
  std::optional<std::string> chatTemplate;
};

/// Reads `file`, which is a tokenizer.json or a SentencePiece model, and what
/// lies beside it.
llvm::Expected<TokenizerFiles> readTokenizerFiles(llvm::StringRef file);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_TOKENIZERFILES_H
