/*===- generate.c - Greedy decoding --------------------------------- C -*-===*/

#include "runtime/text/generate.h"
#include "runtime/text/internal.h"

#include <math.h>
#include <stdlib.h>

typedef struct generator {
  const ashlar_api *api;
  const ashlar_plan *plan;
  ashlar_session *session;
  const ashlar_text_header *settings;
  const ashlar_generation *request;
  ashlar_error *error;
  float *logits;       /* [vocabulary of the head] */
  int64_t length;      /* tokens of the decoder's sequence */
  int64_t limit;       /* stops there */
  int64_t known_limit; /* the same if asked for, not the context's; else -1 */
  int64_t last_row;    /* of the last call */
} generator;

/* How long the sequence may become. */
static int set_limits(generator *state) {
  const ashlar_text_header *settings = state->settings;
  int64_t context = state->plan->max_context;
  if (state->length > context)
    return ashlar_fail(state->error,
                       "the prompt has %lld tokens; the context holds %lld "
                       "(--max-context of compile)",
                       (long long)state->length, (long long)context);
  int64_t fresh = state->request->max_new_tokens;
  if (fresh < 0)
    fresh = settings->max_new_tokens;
  if (fresh >= 0) {
    state->known_limit = fresh > INT32_MAX ? INT32_MAX : state->length + fresh;
  } else if (settings->max_length != ASHLAR_TEXT_NONE) {
    state->known_limit = settings->max_length;
    if (state->length >= state->known_limit)
      return ashlar_fail(state->error,
                         "the prompt has %lld tokens and the model's "
                         "max_length is %d: set --max-new-tokens",
                         (long long)state->length, settings->max_length);
  } else {
    state->known_limit = -1;
    state->limit = context;
    return 0;
  }
  /* The last token need not enter the context. */
  state->limit =
      state->known_limit < context + 1 ? state->known_limit : context + 1;
  return 0;
}

static int run_encoder(generator *state) {
  const ashlar_generation *request = state->request;
  if (ashlar_check_source(state->plan, request->prompt, request->prompt_count,
                          "the prompt", state->error))
    return 1;
  int32_t length = (int32_t)request->prompt_count;
  ashlar_batch batch = {
      .sequences = 1, .lengths = &length, .ids = request->prompt};
  return ashlar_check_status(
      state->api, state->api->encode(state->session, &batch), state->error);
}

/* Appends tokens to the decoder's sequence, max_tokens at a time. */
static int append(generator *state, const int32_t *ids, size_t count) {
  for (size_t at = 0; at < count;) {
    size_t left = count - at;
    int32_t length = left < (size_t)state->plan->max_tokens
                         ? (int32_t)left
                         : (int32_t)state->plan->max_tokens;
    ashlar_batch batch = {.sequences = 1, .lengths = &length, .ids = ids + at};
    if (ashlar_check_status(state->api,
                            state->api->decode(state->session, &batch),
                            state->error))
      return 1;
    state->last_row = length - 1;
    at += (size_t)length;
  }
  return 0;
}

/* The token with the largest logit behind the last one appended. */
static int most_likely(generator *state, int32_t *token) {
  int32_t head = ashlar_logits_head(state->plan);
  int64_t features = state->plan->heads[head].output_features;
  int32_t row = (int32_t)state->last_row;
  if (ashlar_check_status(state->api,
                          state->api->head(state->session, head, &row, 1,
                                           state->logits, (size_t)features),
                          state->error))
    return 1;
  int64_t best = -1;
  for (int64_t i = 0; i < features; ++i)
    if (!isnan(state->logits[i]) &&
        (best < 0 || state->logits[i] > state->logits[best]))
      best = i;
  if (best < 0)
    return ashlar_fail(state->error, "no logit of the model is a number");
  *token = (int32_t)best;
  return 0;
}

static int is_end_token(const generator *state, const ashlar_text *text,
                        int32_t token) {
  const int32_t *ends = section(text, state->settings->end_tokens);
  for (uint32_t i = 0; i < state->settings->end_tokens.count; ++i)
    if (ends[i] == token)
      return 1;
  return 0;
}

/* A token that the model's settings prescribe at this place. */
static int32_t forced_token(const generator *state) {
  if (state->length == state->known_limit - 1 &&
      state->settings->forced_last != ASHLAR_TEXT_NONE)
    return state->settings->forced_last;
  return state->length == 1 ? state->settings->forced_first : ASHLAR_TEXT_NONE;
}

/* `pending`: what the decoder has not seen yet. */
static int run_decoder(generator *state, const ashlar_text *text,
                       const int32_t *pending, size_t count,
                       ashlar_generated *result) {
  int32_t token;
  while (state->length < state->limit) {
    int32_t forced = forced_token(state);
    if (append(state, pending, count))
      return 1;
    if (forced != ASHLAR_TEXT_NONE)
      token = forced;
    else if (most_likely(state, &token))
      return 1;
    ++state->length;
    ++result->count;
    if (state->request->on_token &&
        state->request->on_token(state->request->user, token)) {
      result->stop = ASHLAR_STOP_CALLER;
      return 0;
    }
    if (!state->request->ignore_end_tokens &&
        is_end_token(state, text, token)) {
      result->stop = ASHLAR_STOP_END_TOKEN;
      return 0;
    }
    pending = &token;
    count = 1;
  }
  result->stop = state->length == state->known_limit ? ASHLAR_STOP_LENGTH
                                                     : ASHLAR_STOP_CONTEXT;
  return 0;
}

/* What the decoder's sequence begins with. */
static int find_start(generator *state, const int32_t **ids, size_t *count) {
  const ashlar_generation *request = state->request;
  *ids = request->prompt;
  *count = request->prompt_count;
  const char *what = "the prompt";
  if (state->plan->encoder >= 0) {
    what = "the decoder's prompt";
    *ids = request->decoder_ids;
    *count = request->decoder_count;
    if (!*ids && state->settings->decoder_start != ASHLAR_TEXT_NONE) {
      *ids = &state->settings->decoder_start;
      *count = 1;
    }
  }
  if (*count == 0 && state->plan->encoder >= 0)
    return ashlar_fail(state->error, "the model has no decoder_start_token_id: "
                                     "give --decoder-ids");
  if (*count == 0)
    return ashlar_fail(state->error, "the prompt has no tokens");
  return ashlar_check_ids(&state->plan->stacks[state->plan->decoder], *ids,
                          *count, what, state->error);
}

static int generate(generator *state, const ashlar_text *text,
                    ashlar_generated *result) {
  const int32_t *start;
  size_t count;
  if (find_start(state, &start, &count))
    return 1;
  state->length = (int64_t)count;
  if (set_limits(state))
    return 1;
  if (state->plan->encoder >= 0
          ? run_encoder(state)
          : ashlar_check_status(
                state->api, state->api->reset(state->session, 0), state->error))
    return 1;
  return run_decoder(state, text, start, count, result);
}

int ashlar_generate(const ashlar_api *api, ashlar_session *session,
                    const ashlar_text *text, const ashlar_generation *request,
                    ashlar_generated *result, ashlar_error *error) {
  *result = (ashlar_generated){0};
  if (!ashlar_can_generate(api->plan))
    return ashlar_fail(error, "the model does not generate tokens: it has no "
                              "decoder with logits");
  generator state = {.api = api,
                     .plan = api->plan,
                     .session = session,
                     .settings = text->header,
                     .request = request,
                     .error = error};
  int32_t head = ashlar_logits_head(api->plan);
  state.logits =
      malloc((size_t)api->plan->heads[head].output_features * sizeof(float));
  if (!state.logits)
    return ashlar_fail(error, "out of memory for the logits");
  int failed = generate(&state, text, result);
  free(state.logits);
  return failed;
}
