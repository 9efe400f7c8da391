/*===- front_chats.c - Chats of an executable ----------------------- C -*-===*/

#include "runtime/text/front_internal.h"
#include "runtime/text/messages.h"

#include <stdlib.h>
#include <string.h>

static int encode(ashlar_front_state *state, const ashlar_text_chat *chat,
                  ashlar_tokens *tokens) {
  unsigned flags = state->options.special ? ASHLAR_TEXT_SPECIAL : 0;
  return ashlar_text_chat_tokens(&state->text, chat, flags, tokens,
                                 &state->error);
}

/* The text of --system; null when there is none. */
static const ashlar_turn *system_of(const ashlar_front_state *state,
                                    ashlar_turn *turn) {
  const char *text = state->options.system;
  if (!text)
    return NULL;
  *turn = (ashlar_turn){text, strlen(text)};
  return turn;
}

int ashlar_front_chat_tokens(ashlar_front_state *state, const char *prompt,
                             size_t bytes, ashlar_tokens *tokens) {
  ashlar_turn system, turn = {prompt, bytes};
  ashlar_text_chat chat = {system_of(state, &system), &turn, 1};
  return encode(state, &chat, tokens);
}

static int answer(ashlar_front_state *state, const ashlar_text_chat *chat) {
  ashlar_tokens tokens;
  if (encode(state, chat, &tokens))
    return 1;
  int failed = ashlar_front_ids(state, tokens.ids, tokens.types, tokens.count);
  ashlar_tokens_free(&tokens);
  return failed;
}

/*===-- Chats of a file --------------------------------------------------===*/

static int answer_messages(ashlar_front_state *state) {
  ashlar_messages messages;
  ashlar_text_chat chat;
  int found = 0;
  int failed =
      ashlar_messages_read(&messages, state->options.messages, &state->error);
  while (!failed) {
    failed = ashlar_messages_next(&messages, &chat, &found, &state->error);
    if (!found)
      break;
    failed = failed || answer(state, &chat);
  }
  ashlar_messages_free(&messages);
  return failed;
}

/*===-- A chat that goes on ----------------------------------------------===*/

/* What has been said, text behind text. */
typedef struct transcript {
  char *bytes;
  size_t count, room;
  size_t *ends; /* [turns], [turn_room] */
  size_t turns, turn_room;
  int failed; /* out of memory */
} transcript;

/* More of the turn that has not ended. */
static void add_text(void *user, const char *bytes, size_t count) {
  transcript *to = user;
  if (to->count + count > to->room) {
    size_t room = 2 * (to->count + count) + 256;
    char *grown = realloc(to->bytes, room);
    to->failed |= !grown;
    if (!grown)
      return;
    to->bytes = grown;
    to->room = room;
  }
  memcpy(to->bytes + to->count, bytes, count);
  to->count += count;
}

static void end_turn(transcript *to) {
  if (to->turns == to->turn_room) {
    size_t room = 2 * to->turn_room + 16;
    size_t *grown = realloc(to->ends, room * sizeof(*grown));
    to->failed |= !grown;
    if (!grown)
      return;
    to->ends = grown;
    to->turn_room = room;
  }
  to->ends[to->turns++] = to->count;
}

static int answer_transcript(ashlar_front_state *state, const transcript *of) {
  ashlar_turn system, *turns = calloc(of->turns + 1, sizeof(*turns));
  if (!turns || of->failed) {
    free(turns);
    return ashlar_fail(&state->error, "out of memory for a chat of %zu turns",
                       of->turns);
  }
  for (size_t i = 0, begin = 0; i < of->turns; begin = of->ends[i++])
    turns[i] = (ashlar_turn){of->bytes + begin, of->ends[i] - begin};
  ashlar_text_chat chat = {system_of(state, &system), turns, of->turns};
  int failed = answer(state, &chat);
  free(turns);
  return failed;
}

/* The prompt and its answer go behind what has been said. */
static int take_turn(ashlar_front_state *state, const char *prompt,
                     size_t bytes, void *user) {
  transcript *all = user;
  if (bytes > 0)
    add_text(all, prompt, bytes);
  end_turn(all);
  transcript asked = *all; /* the answer is written while this is read */
  asked.bytes = malloc(all->count + 1);
  if (asked.bytes && all->count > 0)
    memcpy(asked.bytes, all->bytes, all->count);
  asked.failed |= !asked.bytes;
  state->also = add_text;
  state->also_user = all;
  int failed = answer_transcript(state, &asked);
  state->also = NULL;
  free(asked.bytes);
  end_turn(all);
  return failed;
}

int ashlar_front_chats(ashlar_front_state *state) {
  if (state->options.messages)
    return answer_messages(state);
  transcript said = {0};
  int failed = ashlar_front_each_prompt(state, take_turn, &said);
  free(said.bytes);
  free(said.ends);
  return failed;
}
