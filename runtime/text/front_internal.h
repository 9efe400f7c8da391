/*===- front_internal.h - Shared by the files of an executable ------ C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_FRONT_INTERNAL_H
#define ASHLAR_RUNTIME_TEXT_FRONT_INTERNAL_H

#define _DEFAULT_SOURCE

#include "runtime/choose_plan.h"
#include "runtime/text/chat.h"
#include "runtime/text/classify.h"
#include "runtime/text/front.h"
#include "runtime/text/options.h"
#include "runtime/text/run.h"

#define ASHLAR_SENTENCE_EMBEDDING "sentence_embedding"

typedef struct ashlar_front_state {
  const ashlar_api *api;
  const ashlar_plan *plan;
  ashlar_options options;
  ashlar_text text;
  ashlar_model *model;
  ashlar_session *session;
  ashlar_error error;
  int terminal;     /* standard output is one */
  uint64_t prompts; /* that have been run */
  /* Where the text that is printed goes, too; null = nowhere else. */
  ashlar_text_sink also;
  void *also_user;
} ashlar_front_state;

/* front_help.c */
void ashlar_front_help(const ashlar_plan *plan, const char *program);

/* front_arrays.c: each sequence of the arrays to a line of standard output. */
int ashlar_front_arrays(ashlar_front_state *state);

/* front_texts.c: a source of vectors, of `tokens` of them, and what the output
   begins with; null: --decoder-ids, or the model's own. */
int ashlar_front_source(ashlar_front_state *state, const float *vectors,
                        size_t tokens, const int32_t *decoder_ids,
                        size_t decoder_count);

/* front_texts.c: a prompt's ids to a line of standard output. */
int ashlar_front_ids(ashlar_front_state *state, const int32_t *ids,
                     const int32_t *types, size_t count);

/* Takes a prompt; `user` is the caller's. */
typedef int (*ashlar_prompt_taker)(ashlar_front_state *state,
                                   const char *prompt, size_t bytes,
                                   void *user);
/* front_texts.c: the arguments, or else the lines of --prompt-file or standard
   input. */
int ashlar_front_each_prompt(ashlar_front_state *state,
                             ashlar_prompt_taker take, void *user);

/* front_chats.c: the token ids of a chat of one turn, and chats of several. */
int ashlar_front_chat_tokens(ashlar_front_state *state, const char *prompt,
                             size_t bytes, ashlar_tokens *tokens);
int ashlar_front_chats(ashlar_front_state *state);

/* front_texts.c: prompts to lines of standard output, or into one array. */
int ashlar_front_prompts(ashlar_front_state *state);
int ashlar_front_embed(ashlar_front_state *state);

#endif /* ASHLAR_RUNTIME_TEXT_FRONT_INTERNAL_H */
