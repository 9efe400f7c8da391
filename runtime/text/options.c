/*===- options.c - Command line of an executable -------------------- C -*-===*/

#include "runtime/text/options.h"

#include "runtime/abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
  int argc;
  char **argv;
  int at;
  ashlar_options *options;
  ashlar_error *error;
} parser;

static int parse_integer(const char *text, int64_t minimum, int64_t maximum,
                         int64_t *value) {
  char *end;
  errno = 0;
  long long read = strtoll(text, &end, 10);
  if (end == text || *end || errno || read < minimum || read > maximum)
    return 0;
  *value = read;
  return 1;
}

static int set_integer(parser *in, const char *name, const char *text,
                       int64_t minimum, int64_t maximum, int64_t *value) {
  if (parse_integer(text, minimum, maximum, value))
    return 0;
  return ashlar_fail(in->error, "%s=%s: expected a number from %lld to %lld",
                     name, text, (long long)minimum, (long long)maximum);
}

/* A number above `minimum`, or from it on if it is `included`. */
static int set_real(parser *in, const char *name, const char *text,
                    double minimum, int included, double maximum,
                    double *value) {
  char *end;
  double read = strtod(text, &end);
  if (end != text && !*end && read <= maximum &&
      (included ? read >= minimum : read > minimum)) {
    *value = read;
    return 0;
  }
  return ashlar_fail(in->error, "%s=%s: expected a number %s %g, at most %g",
                     name, text, included ? "from" : "above", minimum, maximum);
}

/* "1,2,3" */
static int set_ids(parser *in, const char *name, char *text, int32_t **ids,
                   size_t *count) {
  size_t most = 1;
  for (const char *c = text; *c; ++c)
    most += *c == ',';
  free(*ids);
  *count = 0;
  *ids = malloc(most * sizeof(**ids));
  if (!*ids)
    return ashlar_fail(in->error, "out of memory");
  while (text) {
    char *comma = strchr(text, ',');
    if (comma)
      *comma = 0;
    int64_t value;
    if (!parse_integer(text, 0, INT32_MAX, &value))
      return ashlar_fail(in->error, "%s: \"%s\" is no token id", name, text);
    (*ids)[(*count)++] = (int32_t)value;
    text = comma ? comma + 1 : NULL;
  }
  return 0;
}

static int add_binding(parser *in, const char *name, char *text,
                       ashlar_binding *list, size_t *count) {
  char *equals = strchr(text, '=');
  if (!equals || equals == text || !equals[1])
    return ashlar_fail(in->error, "%s %s: expected NAME=FILE", name, text);
  *equals = 0;
  for (size_t i = 0; i < *count; ++i)
    if (strcmp(list[i].name, text) == 0)
      return ashlar_fail(in->error, "%s %s: given twice", name, text);
  list[(*count)++] = (ashlar_binding){text, equals + 1};
  return 0;
}

static int set_flag(ashlar_options *options, const char *name) {
  const struct {
    const char *name;
    int *flag;
  } flags[] = {{"--help", &options->help},
               {"--version", &options->version},
               {"--ids-only", &options->ids_only},
               {"--ignore-eos", &options->ignore_eos},
               {"--special", &options->special},
               {"--stream", &options->stream},
               {"--chat", &options->chat},
               {"--converse", &options->converse},
               {"--normalize", &options->normalize},
               {"--no-normalize", &options->no_normalize}};
  for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); ++i)
    if (strcmp(name, flags[i].name) == 0)
      return *flags[i].flag = 1;
  return 0;
}

static int set_int32(parser *in, const char *name, const char *text,
                     int32_t minimum, int32_t maximum, int32_t *value) {
  int64_t number = *value;
  int failed = set_integer(in, name, text, minimum, maximum, &number);
  *value = (int32_t)number;
  return failed;
}

/* Options that take a value, and what reads it. */
typedef struct valued_option {
  const char *name;
  int (*set)(parser *in, const char *name, char *value);
} valued_option;

#define OPTION(function)                                                       \
  static int function(parser *in, const char *name, char *value)

OPTION(set_threads) {
  return set_int32(in, name, value, 1, ASHLAR_MAX_WORKERS,
                   &in->options->threads);
}
OPTION(set_max_new_tokens) {
  return set_integer(in, name, value, 0, INT32_MAX,
                     &in->options->max_new_tokens);
}
OPTION(set_prompt_ids) {
  if (in->options->ids)
    return ashlar_fail(in->error,
                       "%s: given twice; one prompt of token ids at "
                       "a time",
                       name);
  return set_ids(in, name, value, &in->options->ids, &in->options->id_count);
}
OPTION(set_decoder_ids) {
  return set_ids(in, name, value, &in->options->decoder_ids,
                 &in->options->decoder_count);
}
OPTION(set_stop_ids) {
  return set_ids(in, name, value, &in->options->stop_ids,
                 &in->options->stop_count);
}
OPTION(add_input) {
  return add_binding(in, name, value, in->options->inputs,
                     &in->options->input_count);
}
OPTION(add_output) {
  return add_binding(in, name, value, in->options->outputs,
                     &in->options->output_count);
}
OPTION(set_weights) {
  (void)name;
  in->options->weights = value;
  return 0;
}
OPTION(set_system) {
  (void)name;
  in->options->system = value;
  return 0;
}
OPTION(set_language) {
  (void)name;
  in->options->language = value;
  return 0;
}
OPTION(set_prompt_file) {
  (void)name;
  in->options->prompt_file = value;
  return 0;
}
OPTION(set_messages) {
  (void)name;
  in->options->messages = value;
  return 0;
}
OPTION(set_temperature) {
  in->options->sampling.enabled = 1;
  return set_real(in, name, value, 0, 0, ASHLAR_MAX_TEMPERATURE,
                  &in->options->sampling.temperature);
}
OPTION(set_top_k) {
  in->options->sampling.enabled = 1;
  return set_int32(in, name, value, 1, INT32_MAX, &in->options->sampling.top_k);
}
OPTION(set_top_p) {
  in->options->sampling.enabled = 1;
  return set_real(in, name, value, 0, 0, 1, &in->options->sampling.top_p);
}
OPTION(set_seed) {
  int64_t seed = 0;
  in->options->sampling.enabled = 1;
  int failed = set_integer(in, name, value, 0, INT64_MAX, &seed);
  in->options->sampling.seed = (uint64_t)seed;
  return failed;
}
OPTION(set_repetition_penalty) {
  return set_real(in, name, value, 0, 0, ASHLAR_MAX_REPETITION_PENALTY,
                  &in->options->sampling.repetition_penalty);
}
OPTION(set_beams) {
  return set_int32(in, name, value, 1, ASHLAR_MAX_BEAMS,
                   &in->options->search.beams);
}
OPTION(set_length_penalty) {
  in->options->search.has_length_penalty = 1;
  return set_real(in, name, value, -ASHLAR_MAX_LENGTH_PENALTY, 1,
                  ASHLAR_MAX_LENGTH_PENALTY,
                  &in->options->search.length_penalty);
}
OPTION(set_n_best) {
  return set_int32(in, name, value, 1, ASHLAR_MAX_BEAMS,
                   &in->options->search.n_best);
}
OPTION(set_early_stopping) {
  in->options->search.early_stopping = ashlar_early_stopping_named(value);
  return in->options->search.early_stopping == ASHLAR_TEXT_NONE
             ? ashlar_fail(in->error, "%s=%s: expected false, true or never",
                           name, value)
             : 0;
}
OPTION(set_pooling) {
  in->options->pooling = ashlar_pooling_named(value);
  return in->options->pooling == ASHLAR_POOLING_NONE
             ? ashlar_fail(in->error, "%s=%s: expected mean, cls, last or max",
                           name, value)
             : 0;
}

static const valued_option valued_options[] = {
    {"--threads", set_threads},
    {"--max-new-tokens", set_max_new_tokens},
    {"--ids", set_prompt_ids},
    {"--decoder-ids", set_decoder_ids},
    {"--stop-ids", set_stop_ids},
    {"--in", add_input},
    {"--out", add_output},
    {"--weights", set_weights},
    {"--system", set_system},
    {"--messages", set_messages},
    {"--prompt-file", set_prompt_file},
    {"--language", set_language},
    {"--temperature", set_temperature},
    {"--top-k", set_top_k},
    {"--top-p", set_top_p},
    {"--seed", set_seed},
    {"--repetition-penalty", set_repetition_penalty},
    {"--beams", set_beams},
    {"--length-penalty", set_length_penalty},
    {"--early-stopping", set_early_stopping},
    {"--n-best", set_n_best},
    {"--pooling", set_pooling}};

static const valued_option *find_valued(const char *name) {
  for (size_t i = 0; i < sizeof(valued_options) / sizeof(*valued_options); ++i)
    if (strcmp(name, valued_options[i].name) == 0)
      return &valued_options[i];
  return NULL;
}

/* --name, --name=value or --name value */
static int parse_option(parser *in) {
  char *name = in->argv[in->at++];
  char *value = strchr(name, '=');
  if (value)
    *value++ = 0;
  const valued_option *option = find_valued(name);
  if (option) {
    if (!value && in->at == in->argc)
      return ashlar_fail(in->error, "%s: value missing", name);
    return option->set(in, name, value ? value : in->argv[in->at++]);
  }
  if (!set_flag(in->options, name))
    return ashlar_fail(in->error, "unknown option %s", name);
  return value ? ashlar_fail(in->error, "%s takes no value", name) : 0;
}

int ashlar_options_parse(int argc, char **argv, ashlar_options *options,
                         ashlar_error *error) {
  *options = (ashlar_options){.max_new_tokens = -1, .search = ASHLAR_NO_SEARCH};
  size_t most = argc > 0 ? (size_t)argc : 1;
  options->inputs = calloc(most, sizeof(*options->inputs));
  options->outputs = calloc(most, sizeof(*options->outputs));
  options->prompts = calloc(most, sizeof(*options->prompts));
  if (!options->inputs || !options->outputs || !options->prompts)
    return ashlar_fail(error, "out of memory");
  parser in = {argc, argv, 1, options, error};
  int only_prompts = 0;
  while (in.at < argc) {
    char *argument = argv[in.at];
    if (only_prompts || strncmp(argument, "--", 2) != 0) {
      options->prompts[options->prompt_count++] = argument;
      ++in.at;
    } else if (!argument[2]) {
      only_prompts = 1;
      ++in.at;
    } else if (parse_option(&in)) {
      return 1;
    }
  }
  return 0;
}

void ashlar_options_free(ashlar_options *options) {
  free(options->ids);
  free(options->decoder_ids);
  free(options->stop_ids);
  free(options->inputs);
  free(options->outputs);
  free(options->prompts);
}
