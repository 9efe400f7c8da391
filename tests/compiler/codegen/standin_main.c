/* An executable's main where there is no text front end: encodes the token 1
   and prints the first number of the result. */
#include "runtime/api.h"

#include <stdio.h>

int main(void) {
  const ashlar_api *api = ashlar_get_api();
  const int32_t one = 1;
  ashlar_batch batch = {.sequences = 1, .lengths = &one, .ids = &one};
  ashlar_session_options options = {.threads = 1};
  ashlar_model *model;
  ashlar_session *session;
  const float *hidden;
  int64_t rows, features, stride;
  ashlar_status status = api->open(0, &model);
  if (status == ASHLAR_OK)
    status = api->session_create(model, &options, &session);
  if (status == ASHLAR_OK)
    status = api->encode(session, &batch);
  if (status == ASHLAR_OK)
    status = api->hidden(session, &hidden, &rows, &features, &stride);
  if (status != ASHLAR_OK) {
    fprintf(stderr, "error: %s\n", api->status_text(status));
    return 1;
  }
  printf("%g\n", hidden[0]);
  api->session_destroy(session);
  api->close(model);
  return 0;
}
