//===- SentencePiece.h - SentencePiece models as tokenizers ----*- C++ -*-===//
//
// A SentencePiece model leaves open which ids its pieces have, which tokens the
// family adds and what stands around a text. The rules here are those by which
// the transformers library makes a tokenizer.json of such a file; blanks are
// treated as SentencePiece itself does.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECE_H
#define ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECE_H

#include "compiler/Text/TokenizerConfig.h"
#include "compiler/Text/sentencepiece/SentencePieceModel.h"

#include "llvm/ADT/StringSet.h"

namespace ashlar {

/// How a family uses its pieces.
struct SentencePieceFamily {
  struct Special {
    const char *key; // of tokenizer_config.json
    const char *name;
  };

  const char *kind;       // TokenizerConfig::kind
  const char *modelTypes; // of config.json, with blanks between
  Special before = {};    // the token before every text, if any
  Special after = {};
  /// add_bos_token and add_eos_token decide about them.
  bool isOptional = false;
  /// "legacy": false means that only the whole text begins with a blank.
  bool hasLegacy = false;
};

/// A token by its id.
struct SentencePieceEntry {
  std::string text;
  double score = 0;
  SentencePieceModel::Type type = SentencePieceModel::Type::Control;
  bool leftStrip = false;
};

/// The family that the files tell; null when it is not known.
llvm::Expected<const SentencePieceFamily *>
findSentencePieceFamily(const TokenizerFiles &files,
                        const TokenizerConfig &config);
/// The kinds, for messages.
std::string sentencePieceFamilies();

/// The family's tokens by id. An entry without text is no token.
llvm::Expected<std::vector<SentencePieceEntry>>
layOutPieces(const SentencePieceModel &model, const SentencePieceFamily &family,
             const TokenizerFiles &files, const TokenizerConfig &config,
             std::vector<std::string> &warnings);

/// The language whose token stands beside every text: "src_lang" of
/// tokenizer_config.json. Nothing for families without.
llvm::Expected<std::optional<std::string>>
sourceLanguage(const SentencePieceFamily &family,
               const TokenizerConfig &config);

/// Reads `files.pieces`. Token ids must be below `vocabulary`, unless that is
/// 0.
llvm::Expected<Tokenizer> readSentencePiece(const TokenizerFiles &files,
                                            int64_t vocabulary,
                                            std::vector<std::string> &warnings);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_SENTENCEPIECE_SENTENCEPIECE_H
