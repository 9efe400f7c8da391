/*===- chat.c - Chats in the template of a model -------------------- C -*-===*/

#include "runtime/text/chat.h"
#include "runtime/text/internal.h"

#include <stdlib.h>
#include <string.h>

/*===-- What is said -----------------------------------------------------===*/

/* What Python's str.strip takes away, as templates do. */
static int is_blank(uint32_t c) {
  return (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= ' ') || c == 0x85 ||
         c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

static piece drop_first(piece text, size_t bytes) {
  return (piece){text.bytes + bytes, text.count - bytes, 0};
}

static piece trim_left(piece text) {
  size_t length;
  while (text.count > 0 &&
         is_blank(ashlar_utf8_read(text.bytes, text.count, &length)))
    text = drop_first(text, length);
  return text;
}

static piece trim_right(piece text) {
  while (text.count > 0) {
    size_t begin = text.count - 1, length;
    while (begin > 0 && text.count - begin < 4 &&
           (text.bytes[begin] & 0xC0) == 0x80)
      --begin;
    if (!is_blank(ashlar_utf8_read(text.bytes + begin, text.count - begin,
                                   &length)) ||
        length != text.count - begin)
      break;
    text.count = begin;
  }
  return text;
}

/* What stands behind the last "</think>". */
static piece drop_thought(piece text, uint32_t flags) {
  static const char end[] = "</think>";
  const size_t length = sizeof(end) - 1;
  size_t at = text.count;
  while (at >= length && memcmp(text.bytes + at - length, end, length) != 0)
    --at;
  if (at >= length)
    text = drop_first(text, at);
  else if (!(flags & ASHLAR_CHAT_ALL_LINES))
    return text;
  while ((flags & ASHLAR_CHAT_DROP_LINES) && text.count > 0 &&
         text.bytes[0] == '\n')
    text = drop_first(text, 1);
  return text;
}

/* What the template does with texts of `role`: ashlar_text_chat_text. */
static uint32_t treatment(const ashlar_text *text,
                          enum ashlar_text_chat_role role) {
  return text->header->chat_texts >> (ASHLAR_CHAT_TEXT_BITS * role);
}

static piece said(const ashlar_text *text, const ashlar_turn *turn,
                  enum ashlar_text_chat_role role) {
  piece part = {(const unsigned char *)turn->text, turn->bytes, 0};
  uint32_t flags = text->header->chat_flags, bits = treatment(text, role);
  if (role == ASHLAR_SAID_BY_ASSISTANT && (flags & ASHLAR_CHAT_DROP_THOUGHT))
    part = drop_thought(part, flags);
  if (bits & ASHLAR_CHAT_TRIM_LEFT)
    part = trim_left(part);
  return bits & ASHLAR_CHAT_TRIM_RIGHT ? trim_right(part) : part;
}

/* Whether the system's text goes to the user's last one. */
static int is_system_last(const ashlar_text *text,
                          const ashlar_text_chat *chat) {
  return chat->turn_count > 1 &&
         (text->header->chat_flags & ASHLAR_CHAT_SYSTEM_LAST);
}

static enum ashlar_text_chat_role
role_of(const ashlar_text *text, const ashlar_text_chat *chat, size_t turn) {
  if (turn % 2 != 0)
    return ASHLAR_SAID_BY_ASSISTANT;
  size_t beside = is_system_last(text, chat) ? chat->turn_count - 1 : 0;
  return chat->system && turn == beside ? ASHLAR_SAID_BEHIND_SYSTEM
                                        : ASHLAR_SAID_BY_USER;
}

/*===-- What the template takes ------------------------------------------===*/

/* A blank line or a carriage return. */
static int has_odd_lines(piece text) {
  for (size_t i = 0; i < text.count; ++i)
    if (text.bytes[i] == '\r' ||
        (i > 0 && text.bytes[i - 1] == '\n' && text.bytes[i] == '\n'))
      return 1;
  return 0;
}

static int check_text(const ashlar_text *text, const ashlar_turn *turn,
                      enum ashlar_text_chat_role role, ashlar_error *error) {
  static const char *const names[] = {"text of the user", "system text",
                                      "answer", "text of the user"};
  uint32_t bits = treatment(text, role);
  piece part = said(text, turn, role);
  if ((bits & ASHLAR_CHAT_REFUSE_EMPTY) && part.count == 0)
    return ashlar_fail(error,
                       "the model's chat template writes an empty %s in a way "
                       "that is not supported",
                       names[role]);
  if ((bits & ASHLAR_CHAT_REFUSE_LINES) && has_odd_lines(part))
    return ashlar_fail(error,
                       "the model's chat template changes blank lines and "
                       "carriage returns of the %s: give it without",
                       names[role]);
  return 0;
}

static int check_texts(const ashlar_text *text, const ashlar_text_chat *chat,
                       ashlar_error *error) {
  size_t bytes = chat->system ? chat->system->bytes : 0;
  for (size_t i = 0; i < chat->turn_count; ++i) {
    if (chat->turns[i].bytes > ASHLAR_TEXT_MAX_BYTES / 2 - bytes)
      return ashlar_fail(error, "a chat's texts have more than %u bytes",
                         ASHLAR_TEXT_MAX_BYTES / 2);
    bytes += chat->turns[i].bytes;
    if (check_text(text, &chat->turns[i], role_of(text, chat, i), error))
      return 1;
  }
  return chat->system &&
         check_text(text, chat->system, ASHLAR_SAID_BY_SYSTEM, error);
}

static int check_chat(const ashlar_text *text, const ashlar_text_chat *chat,
                      ashlar_error *error) {
  const ashlar_text_header *header = text->header;
  uint32_t flags = header->has_tokenizer ? header->chat_flags : 0;
  uint32_t turns = chat->system ? ASHLAR_CHAT_SYSTEM_TURNS : ASHLAR_CHAT_TURNS;
  if (!(flags & ASHLAR_CHAT))
    return ashlar_fail(error, "the model has no chat template");
  if (chat->system && !(flags & ASHLAR_CHAT_SYSTEM))
    return ashlar_fail(error, "the model's chat template takes %s",
                       flags & ASHLAR_CHAT_ODD_SYSTEM
                           ? "a system text in a way that is not supported"
                           : "no system text");
  if (chat->turn_count % 2 == 0)
    return ashlar_fail(error, "a chat ends with the user's text");
  if (chat->turn_count > 1 && !(flags & turns))
    return ashlar_fail(
        error, "the model's chat template takes several turns %s",
        flags & ASHLAR_CHAT_TURNS ? "only without a system text"
                                  : "in a way that is not supported");
  return check_texts(text, chat, error);
}

/*===-- The template -----------------------------------------------------===*/

/* Writes `text` with each `first` `second` as a newline, where `out` has room
   for as much as there is; `out` may be the text itself. */
static size_t join_pairs(const unsigned char *text, size_t count,
                         unsigned char first, unsigned char second,
                         unsigned char *out) {
  size_t written = 0;
  for (size_t i = 0; i < count; ++i) {
    int pair = i + 1 < count && text[i] == first && text[i + 1] == second;
    out[written++] = pair ? '\n' : text[i];
    i += (size_t)pair;
  }
  return written;
}

/* What is said with the line ends that the template leaves; what that takes
   comes of *room. */
static piece with_lines(const ashlar_text *text, piece part,
                        enum ashlar_text_chat_role role, unsigned char **room) {
  uint32_t bits = treatment(text, role);
  if (!(bits & (ASHLAR_CHAT_DROP_RETURNS | ASHLAR_CHAT_JOIN_LINES)))
    return part;
  piece result = {*room, part.count, 0};
  if (part.count > 0)
    memcpy(*room, part.bytes, part.count);
  *room += part.count;
  if (bits & ASHLAR_CHAT_DROP_RETURNS)
    result.count = join_pairs(result.bytes, result.count, '\r', '\n',
                              (unsigned char *)result.bytes);
  if (bits & ASHLAR_CHAT_JOIN_LINES)
    result.count = join_pairs(result.bytes, result.count, '\n', '\n',
                              (unsigned char *)result.bytes);
  return result;
}

static piece template_part(const ashlar_text *text, ashlar_text_string part) {
  return (piece){(const unsigned char *)string(text, part), part.bytes, 0};
}

/* What stands between turn `i` and the next, or behind the last one; `of`: the
   chat is one with a system's text, from its beginning on. */
static ashlar_text_string behind(const ashlar_text *text,
                                 const ashlar_text_chat *chat, size_t i,
                                 int of) {
  const ashlar_text_header *header = text->header;
  if (i + 1 == chat->turn_count)
    return chat->system ? header->system_chat[2] : header->chat[1];
  return of ? header->system_turn[i % 2] : header->turn[i % 2];
}

/* The template's parts and what is said in turn, from a template's part to a
   template's part. */
static void lay_out(const ashlar_text *text, const ashlar_text_chat *chat,
                    piece *out, unsigned char *room) {
  const ashlar_text_header *header = text->header;
  int is_last = is_system_last(text, chat);
  int leads = chat->system && !is_last;
  *out++ =
      template_part(text, leads ? header->system_chat[0] : header->chat[0]);
  for (size_t i = 0; i < chat->turn_count; ++i) {
    enum ashlar_text_chat_role role = role_of(text, chat, i);
    if (role == ASHLAR_SAID_BEHIND_SYSTEM) {
      if (is_last)
        out[-1] = template_part(text, header->system_turn[1]);
      *out++ = with_lines(text, said(text, chat->system, ASHLAR_SAID_BY_SYSTEM),
                          ASHLAR_SAID_BY_SYSTEM, &room);
      *out++ = template_part(text, header->system_chat[1]);
    }
    *out++ = with_lines(text, said(text, &chat->turns[i], role), role, &room);
    *out++ = template_part(text, behind(text, chat, i, leads));
  }
}

/* The parts of a chat, in memory from malloc; null after an error. */
static piece *parts_of(const ashlar_text *text, const ashlar_text_chat *asked,
                       size_t *count, ashlar_error *error) {
  ashlar_text_chat chat = *asked;
  if (chat.system && text->header->has_tokenizer &&
      (text->header->chat_flags & ASHLAR_CHAT_NO_EMPTY_SYSTEM) &&
      said(text, chat.system, ASHLAR_SAID_BY_SYSTEM).count == 0)
    chat.system = NULL;
  if (check_chat(text, &chat, error))
    return NULL;
  *count = 2 * (chat.turn_count + (chat.system != NULL)) + 1;
  size_t bytes = chat.system ? chat.system->bytes : 0;
  for (size_t i = 0; i < chat.turn_count; ++i)
    bytes += chat.turns[i].bytes;
  /* Texts that change lie behind the parts. */
  piece *parts = malloc(*count * sizeof(*parts) + bytes);
  if (parts)
    lay_out(text, &chat, parts, (unsigned char *)(parts + *count));
  else
    ashlar_fail(error, "out of memory for a chat of %zu turns",
                chat.turn_count);
  return parts;
}

int ashlar_text_chat_tokens(const ashlar_text *text,
                            const ashlar_text_chat *chat, unsigned flags,
                            ashlar_tokens *tokens, ashlar_error *error) {
  size_t count;
  *tokens = (ashlar_tokens){0};
  piece *parts = parts_of(text, chat, &count, error);
  if (!parts)
    return 1;
  int failed = ashlar_encode_parts(text, parts, count, flags, tokens, error);
  free(parts);
  return failed;
}

int ashlar_text_chat_text(const ashlar_text *text, const ashlar_text_chat *chat,
                          ashlar_text_sink sink, void *user,
                          ashlar_error *error) {
  size_t count;
  piece *parts = parts_of(text, chat, &count, error);
  if (!parts)
    return 1;
  for (size_t i = 0; i < count; ++i)
    sink(user, (const char *)parts[i].bytes, parts[i].count);
  free(parts);
  return 0;
}
