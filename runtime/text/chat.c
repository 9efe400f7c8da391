/*===- chat.c - Chats in the template of a model -------------------- C -*-===*/

#include "runtime/text/chat.h"
#include "runtime/text/internal.h"

#include <stdlib.h>
#include <string.h>

/*===-- What is said -----------------------------------------------------===*/

/* ASCII's; others are rare at the ends of what is typed. */
static int is_blank(unsigned char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static piece drop_first(piece text, size_t bytes) {
  return (piece){text.bytes + bytes, text.count - bytes, 0};
}

/* Without the blanks at its ends. */
static piece trim(piece text) {
  while (text.count > 0 && is_blank(text.bytes[0]))
    text = drop_first(text, 1);
  while (text.count > 0 && is_blank(text.bytes[text.count - 1]))
    --text.count;
  return text;
}

/* What stands behind the last "</think>". */
static piece drop_thought(piece text, uint32_t flags) {
  static const char end[] = "</think>";
  const size_t length = sizeof(end) - 1;
  for (size_t at = text.count; at >= length; --at)
    if (memcmp(text.bytes + at - length, end, length) == 0) {
      text = drop_first(text, at);
      while ((flags & ASHLAR_CHAT_DROP_LINES) && text.count > 0 &&
             text.bytes[0] == '\n')
        text = drop_first(text, 1);
      break;
    }
  return text;
}

static piece said(const ashlar_turn *turn, uint32_t flags, uint32_t trimmed) {
  piece text = {(const unsigned char *)turn->text, turn->bytes, 0};
  return flags & trimmed ? trim(text) : text;
}

static piece answered(const ashlar_turn *turn, uint32_t flags) {
  piece text = said(turn, flags, 0);
  if (flags & ASHLAR_CHAT_DROP_THOUGHT)
    text = drop_thought(text, flags);
  return flags & ASHLAR_CHAT_TRIM_ANSWER ? trim(text) : text;
}

/*===-- The template -----------------------------------------------------===*/

static int check_chat(const ashlar_text *text, const ashlar_text_chat *chat,
                      ashlar_error *error) {
  const ashlar_text_header *header = text->header;
  uint32_t flags = header->has_tokenizer ? header->chat_flags : 0;
  uint32_t turns = chat->system ? ASHLAR_CHAT_SYSTEM_TURNS : ASHLAR_CHAT_TURNS;
  if (!(flags & ASHLAR_CHAT))
    return ashlar_fail(error, "the model has no chat template");
  if (chat->system && !(flags & ASHLAR_CHAT_SYSTEM))
    return ashlar_fail(error, "the model's chat template takes no system text");
  if (chat->turn_count % 2 == 0)
    return ashlar_fail(error, "a chat ends with the user's text");
  if (chat->turn_count > 1 && !(flags & turns))
    return ashlar_fail(
        error, "the model's chat template takes several turns %s",
        flags & ASHLAR_CHAT_TURNS ? "only without a system text"
                                  : "in a way that is not supported");
  size_t bytes = chat->system ? chat->system->bytes : 0;
  for (size_t i = 0; i < chat->turn_count; ++i) {
    if (chat->turns[i].bytes > ASHLAR_TEXT_MAX_BYTES / 2 - bytes)
      return ashlar_fail(error, "a chat's texts have more than %u bytes",
                         ASHLAR_TEXT_MAX_BYTES / 2);
    bytes += chat->turns[i].bytes;
  }
  return 0;
}

static piece template_part(const ashlar_text *text, ashlar_text_string part) {
  return (piece){(const unsigned char *)string(text, part), part.bytes, 0};
}

/* The template's parts and what is said in turn, from a template's part to a
   template's part. */
static void lay_out(const ashlar_text *text, const ashlar_text_chat *chat,
                    piece *out) {
  const ashlar_text_header *header = text->header;
  uint32_t flags = header->chat_flags;
  const ashlar_text_string *around = header->chat, *between = header->turn;
  if (chat->system) {
    around = header->system_chat;
    between = header->system_turn;
    *out++ = template_part(text, *around++);
    *out++ = said(chat->system, flags, ASHLAR_CHAT_TRIM_SYSTEM);
  }
  *out++ = template_part(text, around[0]);
  for (size_t i = 0; i < chat->turn_count; ++i) {
    const ashlar_turn *turn = &chat->turns[i];
    *out++ = i % 2 == 0 ? said(turn, flags, ASHLAR_CHAT_TRIM)
                        : answered(turn, flags);
    *out++ = template_part(text, i + 1 == chat->turn_count ? around[1]
                                                           : between[i % 2]);
  }
}

int ashlar_text_chat_tokens(const ashlar_text *text,
                            const ashlar_text_chat *chat, unsigned flags,
                            ashlar_tokens *tokens, ashlar_error *error) {
  *tokens = (ashlar_tokens){0};
  if (check_chat(text, chat, error))
    return 1;
  size_t count = 2 * (chat->turn_count + (chat->system != NULL)) + 1;
  piece *parts = calloc(count, sizeof(*parts));
  if (!parts)
    return ashlar_fail(error, "out of memory for a chat of %zu turns",
                       chat->turn_count);
  lay_out(text, chat, parts);
  int failed = ashlar_encode_parts(text, parts, count, flags, tokens, error);
  free(parts);
  return failed;
}
