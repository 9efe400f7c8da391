//===- StepTables.h - Steps and added tokens -> blob -----------*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_STEPTABLES_H
#define ASHLAR_COMPILER_TEXT_STEPTABLES_H

#include "compiler/Text/Blob.h"
#include "compiler/Text/Tokenizer.h"

namespace ashlar {

/// The steps of the normalizer and, behind them, of the pre-tokenizer.
void addSteps(const Tokenizer &tokenizer, Blob &blob,
              ashlar_text_header &header);

/// Added tokens, those that are sought in normalized text as the normalizer
/// leaves them.
llvm::Error addAddedTokens(const Tokenizer &tokenizer, Blob &blob,
                           ashlar_text_header &header);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_STEPTABLES_H
