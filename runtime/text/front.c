/*===- front.c - What an executable does ---------------------------- C -*-===*/

#define _DEFAULT_SOURCE

#include "runtime/text/front.h"
#include "runtime/text/classify.h"
#include "runtime/text/generate.h"
#include "runtime/text/options.h"
#include "runtime/text/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, USAGE = 2 };

typedef struct front {
  const ashlar_api *api;
  const ashlar_plan *plan;
  ashlar_options options;
  ashlar_text text;
  ashlar_model *model;
  ashlar_session *session;
  ashlar_error error;
  int terminal; /* standard output is one */
} front;

/*===-- Output -----------------------------------------------------------===*/

/* Text of a model that is shown on a terminal must not steer it. */
static void print(void *user, const char *bytes, size_t count) {
  const front *state = user;
  for (size_t i = 0; i < count; ++i) {
    unsigned char c = (unsigned char)bytes[i];
    int steers = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    putchar(state->terminal && steers ? '?' : c);
  }
}

static int report(const char *message, int status) {
  fprintf(stderr, "error: %s\n", message);
  if (status == USAGE)
    fprintf(stderr, "--help tells the options\n");
  return status;
}

static void print_help(const ashlar_plan *plan, const char *program) {
  const char *gives = ashlar_can_generate(plan)  ? "the text that follows"
                      : ashlar_class_count(plan) ? "its class and probability"
                                                 : "nothing: use --in, --out";
  printf(
      "usage: %s [options] [PROMPT...]\n"
      "\n"
      "Runs the model \"%s\". Prompts are the arguments, or else the lines of "
      "standard\ninput; each gives one line: %s.\n"
      "\n"
      "  --ids=1,2,3           a prompt of token ids\n"
      "  --ids-only            print token ids instead of text\n"
      "  --decoder-ids=1,2     what the output of an encoder-decoder begins "
      "with\n"
      "  --max-new-tokens=N    tokens to generate at most\n"
      "  --ignore-eos          do not stop at end tokens\n"
      "  --special             special tokens in prompts are themselves, not "
      "text\n"
      "  --in NAME=FILE.npy    an input; with --out\n"
      "  --out NAME=FILE.npy   an output to write\n"
      "  --threads=N           default: the cores this process may use\n"
      "  --weights=FILE        weights that the executable does not carry\n"
      "  --help, --version\n",
      program, plan->name, gives);
  const char *names[ASHLAR_MAX_NAMES];
  size_t count = ashlar_input_names(plan, names);
  printf("\ninputs:");
  for (size_t i = 0; i < count; ++i)
    printf(" %s", names[i]);
  count = ashlar_output_names(plan, names);
  printf("\noutputs:");
  for (size_t i = 0; i < count; ++i)
    printf(" %s", names[i]);
  printf("\n");
}

/*===-- Generation -------------------------------------------------------===*/

typedef struct writer {
  front *state;
  ashlar_text_decoder decoder;
  int as_ids;
  size_t count;
} writer;

static int write_token(void *user, int32_t id) {
  writer *out = user;
  if (out->as_ids)
    printf(out->count++ ? ",%d" : "%d", id);
  else
    ashlar_text_decode(&out->decoder, id, print, out->state);
  /* A reader at a terminal sees each word as it comes. */
  if (out->state->terminal)
    fflush(stdout);
  return ferror(stdout);
}

static int generate(front *state, const int32_t *ids, size_t count) {
  writer out = {.state = state,
                .as_ids = state->options.ids_only ||
                          !ashlar_text_has_tokenizer(&state->text)};
  ashlar_text_decoder_init(&out.decoder, &state->text);
  ashlar_generation request = {.prompt = ids,
                               .prompt_count = count,
                               .decoder_ids = state->options.decoder_ids,
                               .decoder_count = state->options.decoder_count,
                               .max_new_tokens = state->options.max_new_tokens,
                               .ignore_end_tokens = state->options.ignore_eos,
                               .on_token = write_token,
                               .user = &out};
  ashlar_generated result;
  int failed = ashlar_generate(state->api, state->session, &state->text,
                               &request, &result, &state->error);
  if (!out.as_ids)
    ashlar_text_decode_end(&out.decoder, print, state);
  if (!failed || result.count > 0)
    putchar('\n');
  if (!failed && result.stop == ASHLAR_STOP_CONTEXT)
    fprintf(stderr, "note: the context of %lld tokens is full\n",
            (long long)state->plan->max_context);
  return failed;
}

/*===-- Classification ---------------------------------------------------===*/

static int classify(front *state, const int32_t *ids, const int32_t *types,
                    size_t count) {
  int64_t classes = ashlar_class_count(state->plan), best;
  float *probabilities = malloc((size_t)classes * sizeof(float));
  if (!probabilities)
    return ashlar_fail(&state->error, "out of memory for %lld classes",
                       (long long)classes);
  int failed = ashlar_classify(state->api, state->session, ids, types, count,
                               probabilities, &best, &state->error);
  if (!failed) {
    size_t bytes;
    const char *label = ashlar_text_label(&state->text, best, &bytes);
    /* One line, two fields, whatever the label holds. */
    for (size_t i = 0; label && i < bytes; ++i)
      putchar((unsigned char)label[i] < 0x20 ? '?' : label[i]);
    if (!label)
      printf("LABEL_%lld", (long long)best);
    printf("\t%.6f\n", (double)probabilities[best]);
  }
  free(probabilities);
  return failed;
}

/*===-- Prompts ----------------------------------------------------------===*/

static int run_ids(front *state, const int32_t *ids, const int32_t *types,
                   size_t count) {
  return ashlar_can_generate(state->plan) ? generate(state, ids, count)
                                          : classify(state, ids, types, count);
}

static int run_prompt(front *state, const char *prompt, size_t bytes) {
  ashlar_tokens tokens;
  unsigned flags = state->options.special ? ASHLAR_TEXT_SPECIAL : 0;
  if (ashlar_text_tokens(&state->text, prompt, bytes, flags, &tokens,
                         &state->error))
    return 1;
  int failed = run_ids(state, tokens.ids, tokens.types, tokens.count);
  ashlar_tokens_free(&tokens);
  return failed;
}

/* Lines end with a newline or carriage return and newline. */
static int run_lines(front *state) {
  char *line = NULL;
  size_t room = 0;
  ssize_t bytes;
  int failed = 0;
  while (!failed && (bytes = getline(&line, &room, stdin)) >= 0) {
    if (bytes > 0 && line[bytes - 1] == '\n')
      bytes -= bytes > 1 && line[bytes - 2] == '\r' ? 2 : 1;
    failed = run_prompt(state, line, (size_t)bytes) || ferror(stdout);
    fflush(stdout);
  }
  if (!failed && ferror(stdin))
    failed = ashlar_fail(&state->error, "standard input: %s", strerror(errno));
  free(line);
  return failed;
}

static int run_prompts(front *state) {
  const ashlar_options *options = &state->options;
  if (options->ids)
    return run_ids(state, options->ids, NULL, options->id_count);
  if (!ashlar_text_has_tokenizer(&state->text))
    return ashlar_fail(&state->error, "the model has no tokenizer: give token "
                                      "ids (--ids)");
  if (options->prompt_count == 0)
    return run_lines(state);
  for (size_t i = 0; i < options->prompt_count; ++i)
    if (run_prompt(state, options->prompts[i], strlen(options->prompts[i])))
      return 1;
  return 0;
}

/*===-- Arrays -----------------------------------------------------------===*/

static int read_inputs(front *state, ashlar_named_array *inputs) {
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

static int write_outputs(front *state, const ashlar_named_array *outputs) {
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

static int run_arrays(front *state) {
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
                      outputs, options->output_count, &state->error) ||
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

/* What the options ask for must be one thing, and one that the model can do. */
static const char *usage_fault(const front *state) {
  const ashlar_options *options = &state->options;
  int arrays = options->input_count > 0 || options->output_count > 0;
  int prompts = options->prompt_count > 0 || options->ids;
  if (options->weights && state->plan->weights)
    return "--weights: the executable carries its weights";
  if (arrays && prompts)
    return "--in and --out do not go with prompts";
  if (arrays && options->output_count == 0)
    return "--in without --out";
  if (arrays)
    return NULL;
  if (options->prompt_count > 0 && options->ids)
    return "--ids does not go with other prompts";
  if (!ashlar_can_generate(state->plan) && !ashlar_class_count(state->plan))
    return "the model neither generates nor classifies texts: it needs --in "
           "and --out";
  return NULL;
}

static int open_model(front *state) {
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

static int run(front *state) {
  if (state->options.output_count > 0)
    return open_model(state) || run_arrays(state);
  return ashlar_text_open(state->plan->text, (size_t)state->plan->text_bytes,
                          &state->text, &state->error) ||
         open_model(state) || run_prompts(state);
}

int ashlar_front(const ashlar_api *api, int argc, char **argv) {
  front state = {.api = api, .plan = api->plan, .terminal = isatty(1)};
  const char *fault = NULL;
  int status = DONE;
  if (ashlar_options_parse(argc, argv, &state.options, &state.error)) {
    status = report(state.error.message, USAGE);
  } else if (state.options.help) {
    print_help(api->plan, argc > 0 ? argv[0] : api->plan->name);
  } else if (state.options.version) {
    printf("%s, compiled by Ashlar " ASHLAR_VERSION "\n", api->plan->name);
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
