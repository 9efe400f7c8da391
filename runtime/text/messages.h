/*===- messages.h - Chats of a file --------------------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_MESSAGES_H
#define ASHLAR_RUNTIME_TEXT_MESSAGES_H

#include "runtime/text/chat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One or more chats, each a JSON list of objects {"role": R, "content": TEXT}
   whose roles are "user", "assistant", "user", ..., "user"; before them may
   stand one of "system". */
typedef struct ashlar_messages {
  const char *name; /* of the file, for messages */
  char *bytes;      /* strings are decoded in place */
  size_t count, at;
  unsigned long line; /* of what is at `at`, from 0 */
  ashlar_turn *turns; /* [room]; the system's is the first one, if there is */
  size_t turn_count, room;
} ashlar_messages;

/* Reads a file; "-" is standard input. Call ashlar_messages_free even after an
   error. */
int ashlar_messages_read(ashlar_messages *messages, const char *path,
                         ashlar_error *error);
/* The next chat, until the one behind it; `found` is 0 behind the last one. */
int ashlar_messages_next(ashlar_messages *messages, ashlar_text_chat *chat,
                         int *found, ashlar_error *error);
void ashlar_messages_free(ashlar_messages *messages);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_MESSAGES_H */
