/*===- front_texts.c - Prompts of an executable --------------------- C -*-===*/

#include "runtime/text/front_internal.h"
#include "runtime/text/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text of a model that is shown on a terminal must not steer it. */
static void print(void *user, const char *bytes, size_t count) {
  const ashlar_front_state *state = user;
  if (state->also)
    state->also(state->also_user, bytes, count);
  if (state->terminal && ashlar_stream_steers(bytes, count))
    putchar('?');
  else
    fwrite(bytes, 1, count, stdout);
}

/*===-- Generation -------------------------------------------------------===*/

typedef struct writer {
  ashlar_front_state *state;
  ashlar_text_decoder decoder;
  ashlar_stream stream;
  int as_ids;
  int at_once; /* a reader sees each word as it comes */
  size_t count;
} writer;

static writer make_writer(ashlar_front_state *state) {
  writer out = {.state = state,
                .stream = {.sink = print, .user = state},
                .as_ids = state->options.ids_only ||
                          !ashlar_text_has_tokenizer(&state->text),
                .at_once = state->options.stream || state->terminal};
  ashlar_text_decoder_init(&out.decoder, &state->text);
  return out;
}

static int write_token(void *user, int32_t id) {
  writer *out = user;
  if (out->as_ids)
    printf(out->count++ ? ",%d" : "%d", id);
  else
    ashlar_text_decode(&out->decoder, id, ashlar_stream_write, &out->stream);
  if (out->at_once)
    fflush(stdout);
  return ferror(stdout);
}

static void end_line(writer *out) {
  if (!out->as_ids)
    ashlar_text_decode_end(&out->decoder, ashlar_stream_write, &out->stream);
  ashlar_stream_end(&out->stream);
  putchar('\n');
}

static int write_sequence(void *user, const int32_t *ids, size_t count,
                          double score) {
  (void)score;
  writer out = make_writer(user);
  for (size_t i = 0; i < count; ++i)
    write_token(&out, ids[i]);
  end_line(&out);
  return ferror(stdout);
}

static int run_request(ashlar_front_state *state, ashlar_generation *request,
                       ashlar_generated *result) {
  const ashlar_options *options = &state->options;
  if (options->search.beams > 1)
    return ashlar_beam_search(state->api, state->session, &state->text, request,
                              &options->search, write_sequence, state, result,
                              &state->error);
  writer out = make_writer(state);
  request->on_token = write_token;
  request->user = &out;
  int failed = ashlar_generate(state->api, state->session, &state->text,
                               request, result, &state->error);
  if (!failed || result->count > 0)
    end_line(&out);
  return failed;
}

/* What the options ask for; the source is the caller's. */
static ashlar_generation make_request(ashlar_front_state *state) {
  const ashlar_options *options = &state->options;
  ashlar_generation request = {.decoder_ids = options->decoder_ids,
                               .decoder_count = options->decoder_count,
                               .max_new_tokens = options->max_new_tokens,
                               .ignore_end_tokens = options->ignore_eos,
                               .stop_ids = options->stop_ids,
                               .stop_count = options->stop_count,
                               .sampling = options->sampling,
                               .stream = state->prompts++};
  return request;
}

static int generate(ashlar_front_state *state, ashlar_generation *request) {
  ashlar_generated result;
  int failed = run_request(state, request, &result);
  if (!failed && result.stop == ASHLAR_STOP_CONTEXT)
    fprintf(stderr, "note: the context of %lld tokens is full\n",
            (long long)state->plan->max_context);
  return failed;
}

int ashlar_front_source(ashlar_front_state *state, const float *vectors,
                        size_t tokens, const int32_t *decoder_ids,
                        size_t decoder_count) {
  ashlar_generation request = make_request(state);
  request.vectors = vectors;
  request.prompt_count = tokens;
  if (decoder_ids) {
    request.decoder_ids = decoder_ids;
    request.decoder_count = decoder_count;
  }
  return generate(state, &request);
}

/*===-- Classification ---------------------------------------------------===*/

/* A label is one field of one line, whatever it holds. */
static void print_field(void *user, const char *bytes, size_t count) {
  (void)user;
  if ((unsigned char)bytes[0] < 0x20 || ashlar_stream_steers(bytes, count))
    putchar('?');
  else
    fwrite(bytes, 1, count, stdout);
}

static void print_label(const char *label, size_t bytes) {
  ashlar_stream stream = {.sink = print_field};
  ashlar_stream_write(&stream, label, bytes);
  ashlar_stream_end(&stream);
}

static int classify(ashlar_front_state *state, const int32_t *ids,
                    const int32_t *types, size_t count) {
  int64_t classes = ashlar_class_count(state->plan), best;
  float *result = malloc((size_t)classes * sizeof(float));
  if (!result)
    return ashlar_fail(&state->error, "out of memory for %lld classes",
                       (long long)classes);
  int failed = ashlar_classify(state->api, state->session, &state->text, ids,
                               types, count, result, &best, &state->error);
  if (!failed) {
    size_t bytes;
    const char *label = ashlar_text_label(&state->text, best, &bytes);
    if (label)
      print_label(label, bytes);
    else
      printf("LABEL_%lld", (long long)best);
    printf("\t%.6f\n", (double)result[best]);
  }
  free(result);
  return failed;
}

/*===-- Prompts ----------------------------------------------------------===*/

static int encode(ashlar_front_state *state, const char *prompt, size_t bytes,
                  ashlar_tokens *tokens) {
  const ashlar_options *options = &state->options;
  unsigned flags = options->special ? ASHLAR_TEXT_SPECIAL : 0;
  if (options->chat)
    return ashlar_front_chat_tokens(state, prompt, bytes, tokens);
  return ashlar_text_tokens(&state->text, prompt, bytes, flags, tokens,
                            &state->error);
}

int ashlar_front_ids(ashlar_front_state *state, const int32_t *ids,
                     const int32_t *types, size_t count) {
  if (!ashlar_can_generate(state->plan))
    return classify(state, ids, types, count);
  ashlar_generation request = make_request(state);
  request.prompt = ids;
  request.prompt_count = count;
  return generate(state, &request);
}

static int run_prompt(ashlar_front_state *state, const char *prompt,
                      size_t bytes, void *user) {
  (void)user;
  ashlar_tokens tokens;
  if (encode(state, prompt, bytes, &tokens))
    return 1;
  int failed = ashlar_front_ids(state, tokens.ids, tokens.types, tokens.count);
  ashlar_tokens_free(&tokens);
  return failed;
}

/* Lines end with a newline or carriage return and newline. */
static int take_lines(ashlar_front_state *state, FILE *file, const char *name,
                      ashlar_prompt_taker take, void *user) {
  char *line = NULL;
  size_t room = 0;
  ssize_t bytes;
  int failed = 0;
  while (!failed && (bytes = getline(&line, &room, file)) >= 0) {
    if (bytes > 0 && line[bytes - 1] == '\n')
      bytes -= bytes > 1 && line[bytes - 2] == '\r' ? 2 : 1;
    failed = take(state, line, (size_t)bytes, user) || ferror(stdout);
    fflush(stdout);
  }
  if (!failed && ferror(file))
    failed = ashlar_fail(&state->error, "%.200s: %s", name, strerror(errno));
  free(line);
  return failed;
}

static int take_file(ashlar_front_state *state, const char *path,
                     ashlar_prompt_taker take, void *user) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return ashlar_fail(&state->error, "%.200s: %s", path, strerror(errno));
  int failed = take_lines(state, file, path, take, user);
  fclose(file);
  return failed;
}

int ashlar_front_each_prompt(ashlar_front_state *state,
                             ashlar_prompt_taker take, void *user) {
  const ashlar_options *options = &state->options;
  const char *path = options->prompt_file;
  if (path && strcmp(path, "-") != 0)
    return take_file(state, path, take, user);
  if (options->prompt_count == 0)
    return take_lines(state, stdin, "standard input", take, user);
  for (size_t i = 0; i < options->prompt_count; ++i)
    if (take(state, options->prompts[i], strlen(options->prompts[i]), user))
      return 1;
  return 0;
}

int ashlar_front_prompts(ashlar_front_state *state) {
  const ashlar_options *options = &state->options;
  if (options->ids)
    return ashlar_front_ids(state, options->ids, NULL, options->id_count);
  if (!ashlar_text_has_tokenizer(&state->text))
    return ashlar_fail(&state->error, "the model has no tokenizer: give token "
                                      "ids (--ids)");
  if (ashlar_text_check_reads(&state->text, &state->error))
    return 1;
  if (options->messages || options->converse)
    return ashlar_front_chats(state);
  return ashlar_front_each_prompt(state, run_prompt, NULL);
}

/*===-- Embeddings -------------------------------------------------------===*/

typedef struct texts {
  ashlar_tokens *list;
  size_t count, room;
  ashlar_embedding embedding;
} texts;

static int add_text(ashlar_front_state *state, const char *prompt, size_t bytes,
                    void *user) {
  texts *to = user;
  if (to->count == to->room) {
    size_t room = to->room ? 2 * to->room : 16;
    ashlar_tokens *list = realloc(to->list, room * sizeof(*list));
    if (!list)
      return ashlar_fail(&state->error, "out of memory for %zu texts", room);
    to->list = list;
    to->room = room;
  }
  unsigned flags = state->options.special ? ASHLAR_TEXT_SPECIAL : 0;
  if (ashlar_embedding_tokens(&state->text, &to->embedding, prompt, bytes,
                              flags, &to->list[to->count], &state->error))
    return 1;
  ++to->count;
  return 0;
}

static int choose(ashlar_front_state *state, ashlar_embedding *embedding) {
  const ashlar_options *options = &state->options;
  int assumed;
  if (ashlar_embedding_choose(state->plan, &state->text, options->pooling,
                              options->no_normalize ? 0
                              : options->normalize  ? 1
                                                    : -1,
                              embedding, &assumed, &state->error))
    return 1;
  if (assumed)
    fprintf(stderr, "note: the model does not say how: mean of all rows "
                    "(--pooling)\n");
  return 0;
}

static int embed(ashlar_front_state *state, const texts *from) {
  const ashlar_options *options = &state->options;
  int64_t shape[2] = {(int64_t)from->count,
                      ashlar_embedding_features(state->plan, &from->embedding)};
  ashlar_array out;
  if (ashlar_array_make(&out, ASHLAR_FLOAT32, 2, shape, &state->error))
    return 1;
  const char *path = options->outputs[0].file;
  int failed = ashlar_embed(state->api, state->session, &from->embedding,
                            from->list, from->count, out.data, &state->error) ||
               ashlar_npy_write(&path, &out, 1, &state->error);
  ashlar_array_free(&out);
  return failed;
}

int ashlar_front_embed(ashlar_front_state *state) {
  if (!ashlar_text_has_tokenizer(&state->text))
    return ashlar_fail(&state->error, "the model has no tokenizer");
  if (ashlar_text_check_reads(&state->text, &state->error))
    return 1;
  texts from = {0};
  int failed = choose(state, &from.embedding) ||
               ashlar_front_each_prompt(state, add_text, &from) ||
               embed(state, &from);
  for (size_t i = 0; i < from.count; ++i)
    ashlar_tokens_free(&from.list[i]);
  free(from.list);
  return failed;
}
