//===- TokenizerConfig.h - What tokenizer_config.json says -----*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_TOKENIZERCONFIG_H
#define ASHLAR_COMPILER_TEXT_TOKENIZERCONFIG_H

#include "compiler/Text/PartReader.h"
#include "compiler/Text/TokenizerFiles.h"

namespace ashlar {

class TokenizerConfig {
public:
  /// Without a file every setting is absent.
  explicit TokenizerConfig(const JsonDocument *document) : document(document) {}

  /// A setting; nothing when it is absent or null.
  llvm::Expected<std::optional<bool>> flag(llvm::StringRef key) const;
  llvm::Expected<std::optional<int64_t>> number(llvm::StringRef key,
                                                int64_t maximum) const;
  /// A string, or a token's "content".
  llvm::Expected<std::optional<std::string>> text(llvm::StringRef key) const;
  /// Whether the file names `key`, if only to say null.
  bool names(llvm::StringRef key) const;
  /// "tokenizer_class" without "Tokenizer" and "Fast"; may be empty.
  llvm::Expected<std::string> kind() const;
  /// "added_tokens_decoder", by id.
  llvm::Expected<std::vector<Tokenizer::AddedToken>> addedTokens() const;

  const JsonDocument *const document;

private:
  const JsonValue *find(llvm::StringRef key) const;
};

/// What the tokenizer's class, which `modelType` decides where the file does
/// not, takes from the file; nothing without a file.
llvm::Expected<TokenizerOverrides> overridesOf(const TokenizerConfig &config,
                                               llvm::StringRef modelType);

/// Puts the tokens around texts that "add_bos_token" and "add_eos_token" ask
/// for, where the tokenizer's class heeds them; those of tokenizer.json give
/// way.
llvm::Error applyBosAndEos(const TokenizerConfig &config, Tokenizer &tokenizer);

/// The id of "pad_token", or else what tokenizer.json pads with.
llvm::Expected<std::optional<int32_t>> findPadding(const TokenizerFiles &files,
                                                   const Tokenizer &tokenizer);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_TOKENIZERCONFIG_H
