//===- MessagesFuzzer.cpp - Any bytes as chats of a file ------------------===//

#include "runtime/text/messages.h"

#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ashlar_messages messages = {};
  messages.name = "chat.json";
  messages.count = size;
  messages.bytes = static_cast<char *>(std::malloc(size + (size == 0)));
  std::memcpy(messages.bytes, data, size);
  ashlar_error error;
  ashlar_text_chat chat;
  int found = 1;
  while (found && !ashlar_messages_next(&messages, &chat, &found, &error))
    for (size_t i = 0; found && i < chat.turn_count; ++i) {
      const ashlar_turn &turn = chat.turns[i];
      // No text is outside of the file.
      if (turn.text < messages.bytes ||
          turn.text + turn.bytes > messages.bytes + size)
        abort();
    }
  ashlar_messages_free(&messages);
  return 0;
}
