//===- Sentence.h - Sentence embeddings of a folder ------------*- C++ -*-===//
//
// A folder of sentence-transformers is a Hugging Face folder with modules.json
// (which modules follow one another) and a folder for each module, such as
// 1_Pooling/config.json.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_SENTENCE_H
#define ASHLAR_COMPILER_IMPORT_SENTENCE_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Support/Json.h"

namespace ashlar {

struct SentenceModules {
  /// Absent when the modules make no sentence embedding.
  std::optional<SentenceEmbedding> sentence;
  /// A plain name; empty: its configuration is not needed.
  std::string poolingFolder;
};

/// What modules.json says. A module that is not known here makes the pooling
/// Other, with a warning.
llvm::Expected<SentenceModules>
readSentenceModules(const JsonDocument &modules,
                    std::vector<std::string> &warnings);

/// What the pooling module's config.json says.
llvm::Error readPooling(const JsonDocument &config, SentenceEmbedding &sentence,
                        std::vector<std::string> &warnings);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_SENTENCE_H
