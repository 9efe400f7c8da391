//===- ChatRenderer.h - Chats as a model's template writes them -*- C++ -*-===//

#ifndef ASHLAR_COMPILER_TEXT_CHAT_CHATRENDERER_H
#define ASHLAR_COMPILER_TEXT_CHAT_CHATRENDERER_H

#include "compiler/Text/TokenizerConfig.h"

namespace ashlar {

enum class ChatRole { System, User, Assistant };

struct ChatMessage {
  ChatRole role;
  std::string text;
};

using ChatMessages = std::vector<ChatMessage>;

/// The template of a model's files, evaluated.
class ChatRenderer {
public:
  ChatRenderer(const TokenizerFiles &files, std::optional<llvm::StringRef> date)
      : files(files), config(files.config ? &*files.config : nullptr),
        date(date) {}

  /// Whether the files have a template.
  llvm::Expected<bool> find();
  /// `messages`, and what asks for an answer.
  llvm::Expected<std::string>
  render(llvm::ArrayRef<ChatMessage> messages) const;
  /// An error at the template's place.
  llvm::Error refuse(const llvm::Twine &cause) const;

private:
  const TokenizerFiles &files;
  TokenizerConfig config;
  std::optional<llvm::StringRef> date;
  std::optional<std::string> source;
  std::string where;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHAT_CHATRENDERER_H
