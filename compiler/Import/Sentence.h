//===- Sentence.h - Sentence embeddings of a folder ------------*- C++ -*-===//
//
// A folder of sentence-transformers is a Hugging Face folder with modules.json
// (which modules follow one another) and a folder for each module, such as
// 1_Pooling/config.json. sentence_bert_config.json says how long texts may be,
// config_sentence_transformers.json what stands in front of them.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_IMPORT_SENTENCE_H
#define ASHLAR_COMPILER_IMPORT_SENTENCE_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Spec/TextSettings.h"
#include "compiler/Support/Json.h"

namespace ashlar {

struct SentenceModules {
  /// Absent when the modules make no sentence embedding.
  std::optional<SentenceEmbedding> sentence;
  /// A plain name; empty: its configuration is not needed.
  std::string poolingFolder;
  /// A plain name; empty: the model's folder itself.
  std::string transformerFolder;
};

/// What modules.json says. A module that is not known here makes the pooling
/// Other, with a warning.
llvm::Expected<SentenceModules>
readSentenceModules(const JsonDocument &modules,
                    std::vector<std::string> &warnings);

/// What the pooling module's config.json says.
llvm::Error readPooling(const JsonDocument &config, SentenceEmbedding &sentence,
                        std::vector<std::string> &warnings);

/// What sentence_bert_config.json says: the length that texts are cut to.
llvm::Error readTextLimits(const JsonDocument &config, TextSettings &texts,
                           std::vector<std::string> &warnings);

/// What config_sentence_transformers.json says: a prompt for all texts.
llvm::Error readPrompt(const JsonDocument &config, TextSettings &texts);

/// Pooling that leaves the prompt's rows out (config.json of its module) is not
/// known here: Other, with a warning.
void checkPromptIsPooled(const JsonDocument &pooling, const TextSettings &texts,
                         SentenceEmbedding &sentence,
                         std::vector<std::string> &warnings);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_SENTENCE_H
