//===- Chat.h - A chat template as text around messages --------*- C++ -*-===//
//
// An executable does not evaluate templates: it has the text that stands around
// and between the messages of a system, a user and an assistant. That text is
// found by rendering the template here, with marks in the place of the
// messages, which must come back as they were, or without blanks at their ends;
// and what stands between must be the same in longer chats as in shorter ones.
// What templates do to some texts only is looked for with texts of that kind.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_CHAT_CHAT_H
#define ASHLAR_COMPILER_TEXT_CHAT_CHAT_H

#include "compiler/Text/Blob.h"
#include "compiler/Text/chat/ChatRenderer.h"

#include <array>

namespace ashlar {

struct ChatTemplate {
  uint32_t flags = 0;                    // ashlar_text_chat_flag
  uint32_t texts = 0;                    // ashlar_text_chat_text
  std::array<std::string, 2> plain;      // before and behind the user's
  std::array<std::string, 3> withSystem; // before, between, behind
  // Between the user's and an answer, between that and the user's next.
  std::array<std::string, 2> turn;
  std::array<std::string, 2> systemTurn; // the same behind a system's
};

/// The template of tokenizer_config.json or chat_template.jinja. One that
/// cannot be followed is left aside with a warning. `date` is the day,
/// YYYY-MM-DD, of templates that write it; nothing: they are told of none.
ChatTemplate readChatTemplate(const TokenizerFiles &files,
                              std::vector<std::string> &warnings,
                              std::optional<llvm::StringRef> date = {});

void addChat(const ChatTemplate &chat, Blob &blob, ashlar_text_header &header);

/// Renders chats whose texts templates are known to treat in a way of their
/// own. Empty ones and lines that `chat` does not write as the template does
/// are refused from now on; so are several turns and a system's text where it
/// writes others otherwise. An error where that holds for a single message of
/// the user.
llvm::Error probeChat(const ChatRenderer &renderer, ChatTemplate &chat);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHAT_CHAT_H
