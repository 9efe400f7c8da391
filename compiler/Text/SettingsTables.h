//===- SettingsTables.h - Generation, labels, pooling -> blob --*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_SETTINGSTABLES_H
#define ASHLAR_COMPILER_TEXT_SETTINGSTABLES_H

#include "compiler/Text/Blob.h"
#include "compiler/Text/TextTables.h"

namespace ashlar {

/// ASHLAR_TEXT_NONE for none; an error that tells `name` for a value that is
/// no token id.
llvm::Expected<int32_t> toToken(std::optional<int64_t> value, const char *name);

/// All that the options say of generation, labels, sentences and texts.
/// \p padding is the token that texts are filled up with.
llvm::Error addSettings(const TextOptions &options,
                        std::optional<int32_t> padding, Blob &blob,
                        ashlar_text_header &header);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_SETTINGSTABLES_H
