//===- Chat.h - A chat template as text around messages --------*- C++ -*-===//
//
// An executable does not evaluate templates: it has the text that stands around
// and between the messages of a system, a user and an assistant. That text is
// found by rendering the template here, with marks in the place of the
// messages, which must come back as they were, or without blanks at their ends;
// and what stands between must be the same in longer chats as in shorter ones.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_TEXT_CHAT_H
#define ASHLAR_COMPILER_TEXT_CHAT_H

#include "compiler/Text/TokenizerFiles.h"

#include <array>

namespace ashlar {

struct ChatTemplate {
  uint32_t flags = 0;                    // ashlar_text_chat_flag
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

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHAT_H
