//===- Texts.h - Texts of the command line, and text for it ----*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_TEXTS_H
#define ASHLAR_TOOLS_ASHLAR_TEXTS_H

#include "runtime/text/chat.h"
#include "runtime/text/embed.h"
#include "tools/ashlar/Arguments.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace ashlar::tool {

/// Calls `take` for each line of `file` ("-": standard input) without its end,
/// as it comes. Error: the file cannot be read, or what `take` said.
llvm::Error forEachLine(llvm::StringRef file,
                        llvm::function_ref<llvm::Error(llvm::StringRef)> take);

/// Calls `take` for the lines of --file, or for each --text.
llvm::Error forEachText(const Arguments &arguments,
                        llvm::function_ref<llvm::Error(llvm::StringRef)> take);

/// "1,2,3"; `option` is for the message.
llvm::Expected<std::vector<int32_t>> parseIds(llvm::StringRef text,
                                              llvm::StringRef option);

/// Writes a model's text to standard output. On a terminal control characters
/// become '?': what a stranger's model says must not steer it.
void printText(llvm::StringRef text);

/// The text of token ids, without special tokens.
std::string decodeTokens(const ashlar_text &text, llvm::ArrayRef<int32_t> ids);

/// Token ids and types of a text.
class Tokens {
public:
  static llvm::Expected<Tokens> encode(const ashlar_text &text,
                                       llvm::StringRef input, bool special);
  /// As ashlar_embedding_tokens has it.
  static llvm::Expected<Tokens> encodeToEmbed(const ashlar_text &text,
                                              const ashlar_embedding &embedding,
                                              llvm::StringRef input,
                                              bool special);
  /// A chat in the model's template: the user's text, an answer, ..., the
  /// user's text.
  static llvm::Expected<Tokens>
  encodeChat(const ashlar_text &text, std::optional<llvm::StringRef> system,
             llvm::ArrayRef<std::string> said, bool special);
  static llvm::Expected<Tokens> encodeChat(const ashlar_text &text,
                                           const ashlar_text_chat &chat,
                                           bool special);
  Tokens(Tokens &&other) noexcept : tokens(other.tokens) { other.tokens = {}; }
  Tokens &operator=(Tokens &&) = delete;
  ~Tokens() { ashlar_tokens_free(&tokens); }

  llvm::ArrayRef<int32_t> ids() const { return {tokens.ids, tokens.count}; }
  const int32_t *types() const { return tokens.types; }
  /// As the front end takes them; this object keeps them.
  const ashlar_tokens &view() const { return tokens; }

private:
  Tokens() = default;
  ashlar_tokens tokens = {};
};

/// 1234567 --> "1,234,567"
std::string grouped(int64_t number);

/// Error when the model has no tokenizer; `remedy` says what to do instead.
llvm::Error needTokenizer(const ashlar_text &text, llvm::StringRef remedy);

/// Standard output went away or is full.
llvm::Error checkOutput();

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_TEXTS_H
