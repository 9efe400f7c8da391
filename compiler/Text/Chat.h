//===- Chat.h - A chat template as text around a message -------*- C++ -*-===//
//
// An executable does not evaluate templates: it has the text that stands around
// a user's message, and around a system's and a user's. That text is found by
// rendering the template here, with marks in the place of the messages, which
// must come back as they were, or without blanks at their ends.
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
};

/// The template of tokenizer_config.json or chat_template.jinja. One that
/// cannot be followed is left aside with a warning.
ChatTemplate readChatTemplate(const TokenizerFiles &files,
                              std::vector<std::string> &warnings);

} // namespace ashlar

#endif // ASHLAR_COMPILER_TEXT_CHAT_H
