/*===- options.h - Command line of an executable -------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_OPTIONS_H
#define ASHLAR_RUNTIME_TEXT_OPTIONS_H

#include "runtime/text/beam.h"
#include "runtime/text/embed.h"

/* NAME=FILE */
typedef struct ashlar_binding {
  const char *name;
  const char *file;
} ashlar_binding;

typedef struct ashlar_options {
  int help, version;
  int ids_only, ignore_eos, special, stream, chat, converse;
  const char *system;          /* of a chat; null = none */
  const char *messages;        /* file of chats; null = none */
  int normalize, no_normalize; /* neither = the model's own */
  int32_t pooling;             /* ashlar_text_pooling; NONE = the model's own */
  ashlar_sampling sampling;
  ashlar_search search;
  int32_t threads;        /* 0 = as many as the process may use */
  int64_t max_new_tokens; /* -1 = the model's own */
  const char *weights;    /* of an executable that does not carry them */
  int32_t *ids;           /* null = not given */
  size_t id_count;
  const char *language; /* of the output; null = the model's own */
  int32_t *decoder_ids;
  size_t decoder_count;
  int32_t *stop_ids;
  size_t stop_count;
  ashlar_binding *inputs, *outputs;
  size_t input_count, output_count;
  const char **prompts; /* what is no option */
  size_t prompt_count;
  const char *prompt_file; /* a prompt in each line; null = none */
} ashlar_options;

/* Strings point into argv, which is written to. Call ashlar_options_free even
   after an error. */
int ashlar_options_parse(int argc, char **argv, ashlar_options *options,
                         ashlar_error *error);
void ashlar_options_free(ashlar_options *options);

#endif /* ASHLAR_RUNTIME_TEXT_OPTIONS_H */
