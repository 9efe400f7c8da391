//===- TextTables.h - Tables of the text front end -------------*- C++ -*-===//
//
// What plan.text of an artifact points to: one blob (runtime/text/tables.h)
// with the tokenizer, a classifier's labels and what greedy decoding needs to
// know.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_TEXTTABLES_H
#define ASHLAR_COMPILER_TEXT_TEXTTABLES_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Spec/TextSettings.h"
#include "compiler/Support/Json.h"
#include "compiler/Text/TokenizerFiles.h"

namespace ashlar {

struct TextTables {
  /// Little-endian, without pointers; to be placed at a multiple of 8 bytes.
  std::string blob;
  /// What of the tokenizer is left aside; for the user to read.
  std::vector<std::string> warnings;
  /// Patterns that no DFA can follow, and why: the tools find their matches, an
  /// executable takes token ids.
  std::vector<std::string> irregular;
};

struct TextOptions {
  Generation generation;
  std::string family = {}; // of the model: what its languages are called
  std::vector<std::string> labels; // of a classifier, by id
  std::optional<SentenceEmbedding> sentence = std::nullopt;
  TextSettings texts = {};
  /// Rows of the model's token embedding; 0 = not known. A token id must be
  /// below it.
  int64_t vocabulary = 0;
  /// The day that a chat template writes, YYYY-MM-DD.
  std::optional<std::string> chatDate = std::nullopt;
};

/// Tables of a model with a tokenizer. One that tables cannot follow leaves a
/// model that takes and gives token ids, and a warning that says so.
llvm::Expected<TextTables> buildTextTables(const TokenizerFiles &files,
                                           const TextOptions &options);

/// Tables of a tokenizer.json alone, which must be one that tables can follow.
llvm::Expected<TextTables> buildTextTables(const JsonDocument &tokenizer,
                                           const TextOptions &options);

/// Tables of a model without one: it takes and gives token ids.
llvm::Expected<TextTables> buildTextTables(const TextOptions &options);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_TEXTTABLES_H
