/*===- api.c - An artifact's functions as one table ---------------- C -*-===*/

#include "runtime/api.h"
#include "runtime/internal.h"

static const void *session_arena(const ashlar_session *session) {
  return session ? session->arena : 0;
}

static int32_t session_workers(const ashlar_session *session) {
  return session ? session->team->workers : 0;
}

const ashlar_api *ashlar_get_api(void) {
  static const ashlar_api api = {
      .abi_version = ASHLAR_ABI_VERSION,
      .best_plan = &ashlar_artifact_plan,
      .choose_plan = ashlar_rt_choose_plan,
      .open = ashlar_open,
      .close = ashlar_close,
      .session_create = ashlar_session_create,
      .session_destroy = ashlar_session_destroy,
      .reset = ashlar_reset,
      .encode = ashlar_encode,
      .decode = ashlar_decode,
      .hidden = ashlar_hidden,
      .head = ashlar_head,
      .length = ashlar_length,
      .status_text = ashlar_status_text,
      .arena = session_arena,
      .session_marks = ashlar_session_marks,
      .workers = session_workers,
      .copy_slot = ashlar_copy_slot,
      .watch = ashlar_rt_watch,
  };
  return &api;
}
