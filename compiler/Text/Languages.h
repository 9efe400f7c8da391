//===- Languages.h - Languages that a model writes -------------*- C++ -*-===//
//
// Models that translate, or write down speech in many languages, are told which
// one by a token that their output begins with. Tokenizers spell these tokens
// in a way of the family's own.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_LANGUAGES_H
#define ASHLAR_COMPILER_TEXT_LANGUAGES_H

#include "compiler/Spec/ModelSpec.h"
#include "compiler/Text/Tokenizer.h"

namespace ashlar {

struct Language {
  std::string code;
  int32_t id;
};

struct Languages {
  std::vector<Language> list; // by code
  /// What an output begins with; nothing stands for the language's token.
  std::vector<std::optional<int64_t>> start;
};

/// Those of `tokenizer` in a model of `family`; none where it has none, or
/// where it is not known what an output begins with.
Languages findLanguages(const Tokenizer &tokenizer, llvm::StringRef family,
                        const Generation &generation);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_LANGUAGES_H
