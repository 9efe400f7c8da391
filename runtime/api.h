/*===- api.h - An artifact's functions as one table ------------------- C -*-===*\
|*
|* What the text front end and the tools use, so that the same code drives an
|* artifact that it is linked into and one that it has loaded. Every artifact
|* exports it as IDENT_get_api.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_API_H
#define ASHLAR_RUNTIME_API_H

#include "runtime/abi.h"
#include "runtime/ashlar.h"

typedef struct ashlar_api {
  int64_t abi_version; /* ASHLAR_ABI_VERSION */
  const ashlar_plan *best_plan; /* of the highest level: see choose_plan.h */
  const ashlar_plan *(*choose_plan)(const ashlar_plan *best);
  ashlar_status (*open)(const ashlar_weights_source *, ashlar_model **);
  void (*close)(ashlar_model *);
  ashlar_status (*session_create)(const ashlar_model *,
                                  const ashlar_session_options *,
                                  ashlar_session **);
  void (*session_destroy)(ashlar_session *);
  ashlar_status (*reset)(ashlar_session *, int32_t slot);
  ashlar_status (*encode)(ashlar_session *, const ashlar_batch *);
  ashlar_status (*decode)(ashlar_session *, const ashlar_batch *);
  ashlar_status (*hidden)(const ashlar_session *, const float **, int64_t *,
                          int64_t *, int64_t *);
  ashlar_status (*head)(ashlar_session *, int32_t head, const int32_t *rows,
                        int32_t count, float *out, size_t out_floats);
  int64_t (*length)(const ashlar_session *, int32_t slot);
  const char *(*status_text)(ashlar_status);
  /* The session's arena, for taps; null when absent. */
  const void *(*arena)(const ashlar_session *);
  ashlar_status (*session_marks)(ashlar_session *, ashlar_marks *);
  /* Workers of the session, the calling thread included; 0 when absent. */
  int32_t (*workers)(const ashlar_session *);
  ashlar_status (*copy_slot)(ashlar_session *, int32_t from, int32_t to);
  /* Calls keep the weights of attention `map` (index in plan.maps) in `layer`
     from now on, at plan.map_offset of the arena; -1 = of none. */
  ashlar_status (*watch)(ashlar_session *, int64_t map, int64_t layer);
} ashlar_api;

const ashlar_api *ashlar_get_api(void);

#endif /* ASHLAR_RUNTIME_API_H */
