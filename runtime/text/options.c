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
               {"--special", &options->special}};
  for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); ++i)
    if (strcmp(name, flags[i].name) == 0)
      return *flags[i].flag = 1;
  return 0;
}

static int set_value(parser *in, const char *name, char *value) {
  ashlar_options *options = in->options;
  int64_t number = 0;
  if (strcmp(name, "--threads") == 0) {
    if (set_integer(in, name, value, 1, ASHLAR_MAX_WORKERS, &number))
      return 1;
    options->threads = (int32_t)number;
    return 0;
  }
  if (strcmp(name, "--max-new-tokens") == 0)
    return set_integer(in, name, value, 0, INT32_MAX, &options->max_new_tokens);
  if (strcmp(name, "--ids") == 0)
    return set_ids(in, name, value, &options->ids, &options->id_count);
  if (strcmp(name, "--decoder-ids") == 0)
    return set_ids(in, name, value, &options->decoder_ids,
                   &options->decoder_count);
  if (strcmp(name, "--in") == 0)
    return add_binding(in, name, value, options->inputs, &options->input_count);
  if (strcmp(name, "--out") == 0)
    return add_binding(in, name, value, options->outputs,
                       &options->output_count);
  options->weights = value; /* the last name that takes_value knows */
  return 0;
}

static int takes_value(const char *name) {
  static const char *const names[] = {
      "--threads", "--max-new-tokens", "--ids", "--decoder-ids", "--in",
      "--out",     "--weights"};
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i)
    if (strcmp(name, names[i]) == 0)
      return 1;
  return 0;
}

/* --name, --name=value or --name value */
static int parse_option(parser *in) {
  char *name = in->argv[in->at++];
  char *value = strchr(name, '=');
  if (value)
    *value++ = 0;
  if (takes_value(name)) {
    if (!value && in->at == in->argc)
      return ashlar_fail(in->error, "%s: value missing", name);
    return set_value(in, name, value ? value : in->argv[in->at++]);
  }
  if (!set_flag(in->options, name))
    return ashlar_fail(in->error, "unknown option %s", name);
  return value ? ashlar_fail(in->error, "%s takes no value", name) : 0;
}

int ashlar_options_parse(int argc, char **argv, ashlar_options *options,
                         ashlar_error *error) {
  *options = (ashlar_options){.max_new_tokens = -1};
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
  free(options->inputs);
  free(options->outputs);
  free(options->prompts);
}
