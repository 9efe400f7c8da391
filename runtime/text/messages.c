/*===- messages.c - Chats of a file --------------------------------- C -*-===*/

#include "runtime/text/messages.h"
#include "runtime/text/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*===-- The file ---------------------------------------------------------===*/

static int read_all(ashlar_messages *messages, FILE *file,
                    ashlar_error *error) {
  size_t room = 0;
  do {
    if (messages->count == room) {
      room = room ? 2 * room : 4096;
      char *bytes = realloc(messages->bytes, room);
      if (!bytes)
        return ashlar_fail(error, "%.200s: out of memory", messages->name);
      messages->bytes = bytes;
    }
    messages->count += fread(messages->bytes + messages->count, 1,
                             room - messages->count, file);
    if (messages->count > ASHLAR_TEXT_MAX_BYTES)
      return ashlar_fail(error, "%.200s: more than %u bytes", messages->name,
                         ASHLAR_TEXT_MAX_BYTES);
  } while (messages->count == room);
  return ferror(file)
             ? ashlar_fail(error, "%.200s: %s", messages->name, strerror(errno))
             : 0;
}

int ashlar_messages_read(ashlar_messages *messages, const char *path,
                         ashlar_error *error) {
  int is_standard = strcmp(path, "-") == 0;
  *messages = (ashlar_messages){.name = is_standard ? "standard input" : path};
  FILE *file = is_standard ? stdin : fopen(path, "rb");
  if (!file)
    return ashlar_fail(error, "%.200s: %s", path, strerror(errno));
  int failed = read_all(messages, file, error);
  if (!is_standard)
    fclose(file);
  return failed;
}

void ashlar_messages_free(ashlar_messages *messages) {
  free(messages->bytes);
  free(messages->turns);
  *messages = (ashlar_messages){0};
}

/*===-- JSON -------------------------------------------------------------===*/

/* What is wrong at the place that has been reached. */
static int fail_at(const ashlar_messages *in, const char *cause,
                   ashlar_error *error) {
  return ashlar_fail(error, "%.200s:%lu: %.250s", in->name, in->line + 1,
                     cause);
}

static void skip_blanks(ashlar_messages *in) {
  while (in->at < in->count && strchr(" \t\n\r", in->bytes[in->at]) &&
         in->bytes[in->at])
    in->line += in->bytes[in->at++] == '\n';
}

static int next_is(ashlar_messages *in, char c) {
  skip_blanks(in);
  return in->at < in->count && in->bytes[in->at] == c;
}

static int take(ashlar_messages *in, char c) {
  int found = next_is(in, c);
  in->at += (size_t)found;
  return found;
}

/* Four digits behind "\\u"; -1 when they are none. */
static int32_t read_hex(const ashlar_messages *in, size_t at) {
  int32_t value = 0;
  if (at + 4 > in->count)
    return -1;
  for (size_t i = at; i < at + 4; ++i) {
    char c = in->bytes[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0)
      return -1;
    value = 16 * value + digit;
  }
  return value;
}

/* The character of an escape "\\uXXXX", or of two of them that make one; -1
   when it is none. The escape is behind `at` then. */
static int32_t read_unicode(ashlar_messages *in) {
  int32_t first = read_hex(in, in->at + 1);
  in->at += 5;
  if (first < 0xD800 || first >= 0xE000)
    return first;
  if (first >= 0xDC00 || in->at + 1 >= in->count || in->bytes[in->at] != '\\' ||
      in->bytes[in->at + 1] != 'u')
    return -1;
  int32_t second = read_hex(in, in->at + 2);
  in->at += 6;
  return second < 0xDC00 || second >= 0xE000
             ? -1
             : 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

/* At a backslash: what it stands for, at `out`. Bytes written; 0 when it stands
   for nothing. No escape is shorter than its character. */
static size_t read_escape(ashlar_messages *in, char *out) {
  static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  ++in->at;
  if (in->at >= in->count || !in->bytes[in->at])
    return 0;
  const char *letter = strchr(letters, in->bytes[in->at]);
  if (letter) {
    *out = meanings[letter - letters];
    ++in->at;
    return 1;
  }
  int32_t value = in->bytes[in->at] == 'u' ? read_unicode(in) : -1;
  return value < 0 ? 0
                   : ashlar_utf8_write((uint32_t)value, (unsigned char *)out);
}

static int read_string(ashlar_messages *in, ashlar_turn *out,
                       ashlar_error *error) {
  if (!take(in, '"'))
    return fail_at(in,
                   next_is(in, '[')
                       ? "expected a string; parts of a message are not "
                         "supported: join their texts"
                       : "expected a string",
                   error);
  char *begin = in->bytes + in->at, *end = begin;
  for (;;) {
    if (in->at >= in->count)
      return fail_at(in, "a string without end", error);
    unsigned char c = (unsigned char)in->bytes[in->at];
    if (c == '"')
      break;
    if (c < 0x20)
      return fail_at(in, "a control character in a string; expected an escape",
                     error);
    size_t written = 1;
    if (c == '\\') {
      written = read_escape(in, end);
      if (!written)
        return fail_at(in, "an escape that is no character", error);
    } else {
      *end = (char)c;
      ++in->at;
    }
    end += written;
  }
  ++in->at;
  *out = (ashlar_turn){begin, (size_t)(end - begin)};
  return 0;
}

/*===-- Messages ---------------------------------------------------------===*/

static int is_text(const ashlar_turn *turn, const char *text) {
  return turn->bytes == strlen(text) &&
         memcmp(turn->text, text, turn->bytes) == 0;
}

static int fail_key(const ashlar_messages *in, const ashlar_turn *key,
                    ashlar_error *error) {
  char cause[200];
  snprintf(cause, sizeof(cause),
           "the key \"%.*s\"; expected \"role\" and \"content\", once each",
           key->bytes < 40 ? (int)key->bytes : 40, key->text);
  return fail_at(in, cause, error);
}

/* {"role": ..., "content": ...}, in any order. */
static int read_message(ashlar_messages *in, ashlar_turn *role,
                        ashlar_turn *content, ashlar_error *error) {
  ashlar_turn key;
  role->text = content->text = NULL;
  if (!take(in, '{'))
    return fail_at(in, "expected a message, {\"role\": ..., \"content\": ...}",
                   error);
  do {
    if (read_string(in, &key, error))
      return 1;
    ashlar_turn *value = is_text(&key, "role")      ? role
                         : is_text(&key, "content") ? content
                                                    : NULL;
    if (!value || value->text)
      return fail_key(in, &key, error);
    if (!take(in, ':'))
      return fail_at(in, "expected \":\"", error);
    if (read_string(in, value, error))
      return 1;
  } while (take(in, ','));
  if (!take(in, '}'))
    return fail_at(in, "expected \",\" or \"}\"", error);
  return role->text && content->text
             ? 0
             : fail_at(in, "a message without \"role\" or \"content\"", error);
}

static int add_turn(ashlar_messages *in, ashlar_turn turn,
                    ashlar_error *error) {
  if (in->turn_count == in->room) {
    size_t room = in->room ? 2 * in->room : 16;
    ashlar_turn *turns = realloc(in->turns, room * sizeof(*turns));
    if (!turns)
      return ashlar_fail(error, "%.200s: out of memory", in->name);
    in->turns = turns;
    in->room = room;
  }
  in->turns[in->turn_count++] = turn;
  return 0;
}

/* Roles take turns: "user" and "assistant", behind a "system" or not. */
static int read_turn(ashlar_messages *in, int *has_system,
                     ashlar_error *error) {
  ashlar_turn role, content;
  if (read_message(in, &role, &content, error))
    return 1;
  size_t said = in->turn_count - (size_t)*has_system;
  const char *expected = said % 2 == 0 ? "user" : "assistant";
  if (in->turn_count == 0 && is_text(&role, "system")) {
    *has_system = 1;
  } else if (!is_text(&role, expected)) {
    char cause[200];
    snprintf(cause, sizeof(cause),
             "message %zu has the role \"%.*s\"; expected \"%s\"%s",
             in->turn_count + 1, role.bytes < 40 ? (int)role.bytes : 40,
             role.text, expected, in->turn_count == 0 ? " or \"system\"" : "");
    return fail_at(in, cause, error);
  }
  return add_turn(in, content, error);
}

int ashlar_messages_next(ashlar_messages *in, ashlar_text_chat *chat,
                         int *found, ashlar_error *error) {
  int has_system = 0;
  skip_blanks(in);
  *found = in->at < in->count;
  if (!*found)
    return 0;
  in->turn_count = 0;
  if (!take(in, '['))
    return fail_at(in, "expected a list of messages", error);
  do
    if (read_turn(in, &has_system, error))
      return 1;
  while (take(in, ','));
  if (!take(in, ']'))
    return fail_at(in, "expected \",\" or \"]\"", error);
  size_t said = in->turn_count - (size_t)has_system;
  if (said % 2 == 0)
    return fail_at(in, "the last message is not the user's", error);
  *chat = (ashlar_text_chat){.system = has_system ? in->turns : NULL,
                             .turns = in->turns + has_system,
                             .turn_count = said};
  return 0;
}
