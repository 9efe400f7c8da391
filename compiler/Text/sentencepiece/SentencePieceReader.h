//===- SentencePieceReader.h - Pieces to a tokenizer -----------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECEREADER_H
#define ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECEREADER_H

#include "compiler/Text/PartReader.h"
#include "compiler/Text/sentencepiece/SentencePiece.h"

namespace ashlar {

/// Makes a tokenizer of a family's pieces, a part after the other.
class SentencePieceReader {
public:
  using Error = llvm::Error;
  using StringRef = llvm::StringRef;

  SentencePieceReader(const SentencePieceModel &model,
                      const SentencePieceFamily &family,
                      const TokenizerConfig &config, int64_t vocabulary)
      : model(model), family(family), config(config), vocabulary(vocabulary) {}

  Error read(llvm::ArrayRef<SentencePieceEntry> entries);

  Tokenizer tokenizer;

private:
  Error readBlanks();
  Error addTokens(llvm::ArrayRef<SentencePieceEntry> entries);
  Error checkId(int64_t id, StringRef text) const;
  void addAdded(Tokenizer::AddedToken token);
  Error addSpecialTokens();
  Error addConfiguredTokens();
  Error addModel(llvm::ArrayRef<SentencePieceEntry> entries);
  Error addMerges(llvm::ArrayRef<SentencePieceEntry> entries);
  Error addSteps();
  Error addParts(StringRef normalizer, StringRef preTokenizer,
                 StringRef decoder);
  Error addTemplate();
  Error addItem(const SentencePieceFamily::Special &special, StringRef setting,
                bool absent);
  /// Whether a blank can only be a piece's first character.
  bool cutsAtBlanks() const;

  const SentencePieceModel &model;
  const SentencePieceFamily &family;
  const TokenizerConfig &config;
  const int64_t vocabulary;
  TokenIds ids;
  llvm::StringMap<size_t> addedIndex;
  bool addsPrefix = true;
  bool isLegacy = true;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECEREADER_H
