//===- SentencePieceModel.h - A SentencePiece model file -------*- C++ -*-===//
//
// What spiece.model, tokenizer.model and their like hold: a protocol buffer
// with pieces, how they were trained and how text is normalized before them.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECEMODEL_H
#define ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECEMODEL_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar {

struct SentencePieceModel {
  /// Numbers of the format.
  enum class Type { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };
  enum class Algorithm { Unigram = 1, Merges = 2 };

  struct Piece {
    std::string text;
    float score = 0;
    Type type = Type::Normal;
  };

  std::string file; // for messages
  std::vector<Piece> pieces;
  Algorithm algorithm = Algorithm::Unigram;
  bool byteFallback = false;
  std::string charsmap; // rules of the normalizer; may be empty
  bool addsPrefix = true;
  bool removesExtraBlanks = true;
};

/// Errors: no protocol buffer of this kind, or a model that works in a way that
/// tables cannot follow.
llvm::Expected<SentencePieceModel>
parseSentencePieceModel(llvm::StringRef bytes, llvm::StringRef file);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECEMODEL_H
