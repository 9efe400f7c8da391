/*===- front.c - What an executable does ---------------------------- C -*-===*/

#include "runtime/text/front_internal.h"
#include "runtime/text/language.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, USAGE = 2 };

static int report(const char *message, int status) {
  fprintf(stderr, "error: %s\n", message);
  if (status == USAGE)
    fprintf(stderr, "--help tells the options\n");
  return status;
}

/*===-- Arrays -----------------------------------------------------------===*/

static int read_inputs(ashlar_front_state *state, ashlar_named_array *inputs) {
  const ashlar_options *options = &state->options;
  for (size_t i = 0; i < options->input_count; ++i) {
    ashlar_error cause;
    inputs[i].name = options->inputs[i].name;
    if (ashlar_npy_read(options->inputs[i].file, &inputs[i].array, &cause))
      return ashlar_fail(&state->error, "%.200s: %.300s",
                         options->inputs[i].file, cause.message);
  }
  return 0;
}

static int write_outputs(ashlar_front_state *state,
                         const ashlar_named_array *outputs) {
  size_t count = state->options.output_count;
  const char **paths = calloc(count, sizeof(*paths));
  ashlar_array *arrays = calloc(count, sizeof(*arrays));
  int failed = !paths || !arrays;
  if (failed)
    ashlar_fail(&state->error, "out of memory");
  for (size_t i = 0; !failed && i < count; ++i) {
    paths[i] = state->options.outputs[i].file;
    arrays[i] = outputs[i].array;
  }
  failed = failed || ashlar_npy_write(paths, arrays, count, &state->error);
  free(paths);
  free(arrays);
  return failed;
}

static int run_arrays(ashlar_front_state *state) {
  const ashlar_options *options = &state->options;
  ashlar_named_array *inputs =
      calloc(options->input_count + 1, sizeof(*inputs));
  ashlar_named_array *outputs =
      calloc(options->output_count + 1, sizeof(*outputs));
  int failed = !inputs || !outputs;
  if (failed)
    ashlar_fail(&state->error, "out of memory");
  for (size_t i = 0; !failed && i < options->output_count; ++i)
    outputs[i].name = options->outputs[i].name;
  failed = failed || read_inputs(state, inputs) ||
           ashlar_run(state->api, state->session, inputs, options->input_count,
                      outputs, options->output_count, NULL, &state->error) ||
           write_outputs(state, outputs);
  for (size_t i = 0; inputs && i < options->input_count; ++i)
    ashlar_array_free(&inputs[i].array);
  for (size_t i = 0; outputs && i < options->output_count; ++i)
    ashlar_array_free(&outputs[i].array);
  free(inputs);
  free(outputs);
  return failed;
}

/*===-- The whole --------------------------------------------------------===*/

/* Prompts that are to become `--out sentence_embedding=FILE`. */
static int embeds(const ashlar_options *options) {
  return options->input_count == 0 && options->output_count == 1 &&
         strcmp(options->outputs[0].name, ASHLAR_SENTENCE_EMBEDDING) == 0;
}

/* Whether there are prompts that are texts. */
static int has_prompts(const ashlar_options *options) {
  return options->prompt_count > 0 || options->prompt_file;
}

static const char *array_fault(const ashlar_options *options) {
  if (has_prompts(options) || options->ids)
    return "--in and --out do not go with prompts";
  return options->output_count == 0 ? "--in without --out" : NULL;
}

/* Whether arrays without --out are to become text. */
static int goes_on_from_arrays(const ashlar_front_state *state) {
  const ashlar_options *options = &state->options;
  return options->input_count > 0 && options->output_count == 0 &&
         !has_prompts(options) && !options->ids &&
         ashlar_reads_vectors(state->plan) && ashlar_can_generate(state->plan);
}

static int is_chat(const ashlar_options *options) {
  return options->chat || options->converse || options->messages;
}

static const char *embedding_fault(const ashlar_front_state *state) {
  if (!ashlar_can_embed(state->plan))
    return "the model makes no sentence embeddings: it is no single stack that "
           "takes token ids";
  return state->options.ids
             ? "--ids does not go with " ASHLAR_SENTENCE_EMBEDDING
             : NULL;
}

/* What the options ask for must be one thing, and one that the model can do. */
static const char *usage_fault(const ashlar_front_state *state) {
  const ashlar_options *options = &state->options;
  const char *fault = ashlar_search_fault(&options->search, &options->sampling,
                                          options->stream);
  if (fault)
    return fault;
  if (options->system && !options->chat && !options->converse)
    return "--system is for --chat and --converse";
  if (options->messages &&
      (has_prompts(options) || options->chat || options->converse))
    return "--messages does not go with prompts, --chat and --converse";
  if (options->converse &&
      (options->chat || options->ids_only || options->search.beams > 1))
    return "--converse does not go with --chat, --ids-only and --beams";
  if (options->language && options->decoder_ids)
    return "--language does not go with --decoder-ids";
  if (options->language &&
      (options->output_count > 0 || !ashlar_can_generate(state->plan)))
    return "--language is for the output of a model that generates";
  if (options->weights && state->plan->weights)
    return "--weights: the executable carries its weights";
  if (embeds(options))
    return embedding_fault(state);
  if (options->pooling || options->normalize || options->no_normalize)
    return "--pooling and --normalize are for --out " ASHLAR_SENTENCE_EMBEDDING
           "=FILE";
  if (goes_on_from_arrays(state))
    return NULL;
  if (options->input_count > 0 || options->output_count > 0)
    return array_fault(options);
  if (options->prompt_count > 0 && options->prompt_file)
    return "--prompt-file does not go with other prompts";
  if (has_prompts(options) && options->ids)
    return "--ids does not go with other prompts";
  if (ashlar_reads_vectors(state->plan) && ashlar_can_generate(state->plan))
    return "the model reads arrays, not texts: it needs --in";
  if (is_chat(options) && (options->ids || !ashlar_can_generate(state->plan)))
    return "--chat, --converse and --messages are for texts, of a model that "
           "generates";
  if (!ashlar_can_generate(state->plan) && !ashlar_class_count(state->plan))
    return "the model neither generates nor classifies texts: it needs --in "
           "and --out";
  return NULL;
}

static int open_model(ashlar_front_state *state) {
  ashlar_weights_source source = {.path = state->options.weights,
                                  .descriptor = -1};
  ashlar_session_options options = {.threads = state->options.threads};
  const char *given = state->options.weights;
  if (!state->plan->weights && !given)
    return ashlar_fail(&state->error, "the executable does not carry its "
                                      "weights: name them with --weights=FILE");
  return ashlar_check_status(
             state->api,
             state->api->open(given ? &source : NULL, &state->model),
             &state->error) ||
         ashlar_check_status(state->api,
                             state->api->session_create(state->model, &options,
                                                        &state->session),
                             &state->error);
}

/* --language as --decoder-ids. */
static int choose_language(ashlar_front_state *state) {
  ashlar_options *options = &state->options;
  if (!options->language)
    return 0;
  options->decoder_ids =
      calloc(ASHLAR_TEXT_MAX_LANGUAGE_START, sizeof(int32_t));
  if (!options->decoder_ids)
    return ashlar_fail(&state->error, "out of memory");
  return ashlar_text_language_start(&state->text, options->language,
                                    options->decoder_ids,
                                    &options->decoder_count, &state->error);
}

static int run(ashlar_front_state *state) {
  const ashlar_options *options = &state->options;
  if (options->output_count > 0 && !embeds(options))
    return open_model(state) || run_arrays(state);
  if (ashlar_text_open(state->plan->text, (size_t)state->plan->text_bytes,
                       &state->text, &state->error) ||
      choose_language(state) || open_model(state))
    return 1;
  if (goes_on_from_arrays(state))
    return ashlar_front_arrays(state);
  return embeds(options) ? ashlar_front_embed(state)
                         : ashlar_front_prompts(state);
}

int ashlar_front(const ashlar_api *api, int argc, char **argv) {
  ashlar_front_state state = {
      .api = api, .plan = ashlar_plan_of(api), .terminal = isatty(1)};
  const char *fault = NULL;
  int status = DONE;
  if (ashlar_options_parse(argc, argv, &state.options, &state.error)) {
    status = report(state.error.message, USAGE);
  } else if (state.options.help) {
    ashlar_front_help(state.plan, argc > 0 ? argv[0] : state.plan->name);
  } else if (state.options.version) {
    printf("%s, compiled by Ashlar " ASHLAR_VERSION "\n", state.plan->name);
  } else if ((fault = usage_fault(&state))) {
    status = report(fault, USAGE);
  } else {
    state.error.message[0] = 0;
    status = run(&state) ? FAILED : DONE;
    if (state.session)
      api->session_destroy(state.session);
    if (state.model)
      api->close(state.model);
    if (fflush(stdout) != 0 || ferror(stdout)) {
      ashlar_fail(&state.error, "standard output: %s", strerror(errno));
      status = FAILED;
    }
    if (status == FAILED)
      report(state.error.message, FAILED);
  }
  ashlar_options_free(&state.options);
  return status;
}
