/*===- chat.h - Chats in the template of a model -------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_CHAT_H
#define ASHLAR_RUNTIME_TEXT_CHAT_H

#include "runtime/text/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What somebody says. */
typedef struct ashlar_turn {
  const char *text;
  size_t bytes;
} ashlar_turn;

typedef struct ashlar_text_chat {
  const ashlar_turn *system; /* null = none */
  const ashlar_turn *turns;  /* the user's, an answer, ..., the user's */
  size_t turn_count;         /* odd */
} ashlar_text_chat;

/* The token ids of a chat that asks for an answer, in the model's template. The
   template's special tokens are themselves, those in what is said by
   ASHLAR_TEXT_SPECIAL alone. */
int ashlar_text_chat_tokens(const ashlar_text *text,
                            const ashlar_text_chat *chat, unsigned flags,
                            ashlar_tokens *tokens, ashlar_error *error);

/* Gives `sink` the chat as text. */
int ashlar_text_chat_text(const ashlar_text *text, const ashlar_text_chat *chat,
                          ashlar_text_sink sink, void *user,
                          ashlar_error *error);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_CHAT_H */
