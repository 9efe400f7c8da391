/*===- ashlar.h - Run a compiled model -------------------------------- C -*-===*\
|*
|* The interface of every artifact. In an artifact compiled with --name=IDENT each
|* function below carries IDENT in place of `ashlar`: IDENT_open, IDENT_decode, ...;
|* the header that `ashlar compile` writes beside the artifact declares those.
|*
|* Thread safety: a model may be used by any number of threads; a session by one
|* at a time. Nothing is allocated after a session has been created. The thread
|* that calls works with the others: it needs a stack of 1 MiB.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_ASHLAR_H
#define ASHLAR_RUNTIME_ASHLAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ashlar_status {
  ASHLAR_OK = 0,
  ASHLAR_INVALID_ARGUMENT = 1, /* null, negative, out of range */
  ASHLAR_INVALID_TOKEN = 2,    /* token id outside the vocabulary */
  ASHLAR_INVALID_POSITION = 3,
  ASHLAR_INVALID_TYPE = 4,     /* token type id */
  ASHLAR_TOO_MANY_TOKENS = 5,  /* more than max_tokens in one call */
  ASHLAR_CONTEXT_FULL = 6,     /* a sequence would outgrow max_context */
  ASHLAR_SOURCE_TOO_LONG = 7,  /* a source is longer than max_source */
  ASHLAR_NO_SOURCE = 8,        /* decode before encode */
  ASHLAR_OUT_OF_MEMORY = 9,
  ASHLAR_UNSUPPORTED_CPU = 10,
  ASHLAR_BAD_WEIGHTS = 11, /* truncated, foreign, or of another build */
  ASHLAR_IO_ERROR = 12,
  ASHLAR_THREAD_ERROR = 13,  /* a worker could not be started */
  ASHLAR_NOT_SUPPORTED = 14, /* the model has no such entry */
  ASHLAR_AFTER_FORK = 15,    /* the session's workers live in another process */
  ASHLAR_NO_TILES = 16       /* the system does not let this process use AMX */
} ashlar_status;

typedef struct ashlar_model ashlar_model;
typedef struct ashlar_session ashlar_session;

/* Where the weights of an artifact compiled with --weights=external come from: one
   of path, memory, descriptor. Artifacts that carry theirs take null, or none of
   the three (descriptor -1). Whoever shortens a file that is open ends this process
   with SIGBUS: replace it by renaming. */
typedef struct ashlar_weights_source {
  const char *path;
  const void *memory; /* 64-byte aligned, alive until close */
  size_t memory_bytes;
  int descriptor; /* without path and memory; -1 = none; the caller keeps it */
  int32_t prefault; /* not 0 = `open` maps all weights into memory, not their use */
} ashlar_weights_source;

typedef struct ashlar_session_options {
  int32_t threads;   /* 0 = cores this process may use */
  void *arena;       /* null = allocate; else 64-byte aligned; it is cleared */
  size_t arena_bytes;
  void *cache;       /* the same for cache_bytes */
  size_t cache_bytes;
} ashlar_session_options;

/* A ragged batch: the rows of all sequences one after the other, no padding. An
   array that the model has no input for must be null (ASHLAR_NOT_SUPPORTED). */
typedef struct ashlar_batch {
  int32_t sequences;             /* 1..max_sequences */
  const int32_t *slots;          /* [sequences], distinct; null = 0, 1, 2, ... */
  const int32_t *lengths;        /* [sequences], rows of each; null for images */
  const int32_t *ids;            /* [rows] token ids */
  const float *vectors;          /* instead of ids, as the entry takes them */
  const int32_t *position_ids;   /* [rows]; null = index in the sequence */
  const int32_t *token_type_ids; /* [rows]; null = 0 */
  const int32_t *extents;        /* [sequences], at least the tokens with this call's; null
                                    = these. Where masks depend on it: columns of the
                                    padded batch. Where rotary scaling does: the length
                                    that the sequence has with the chunks to come. */
  /* [sequences, channels, height, width] instead of ids: an image each. All have the
     same number of rows, which the model's header states. */
  const float *pixel_values;
  const int32_t *marks;          /* [rows], 0 or 1: tokens that masks ask for (longformer's
                                    global ones); null = those that the model says */
} ashlar_batch;

/* Where the time of a call goes; the caller's, see ashlar_session_marks. */
typedef struct ashlar_marks {
  int64_t *times;   /* [capacity], nanoseconds of CLOCK_MONOTONIC */
  int64_t capacity; /* times that do not fit are counted, but not written */
  int64_t count;    /* written by each call: how many it had */
} ashlar_marks;

ashlar_status ashlar_open(const ashlar_weights_source *weights,
                          ashlar_model **model);
void ashlar_close(ashlar_model *model);

/* The model must outlive the session. */
ashlar_status ashlar_session_create(const ashlar_model *model,
                                    const ashlar_session_options *options,
                                    ashlar_session **session);
void ashlar_session_destroy(ashlar_session *session);

/* Forgets the sequence (and source) in `slot`; -1 = in every slot. */
ashlar_status ashlar_reset(ashlar_session *session, int32_t slot);

/* Makes the sequence (and source) in slot `to` a copy of that in `from`, which may
   go on in another way from there. A source that both slots share already, from an
   earlier copy, is not copied again. */
ashlar_status ashlar_copy_slot(ashlar_session *session, int32_t from, int32_t to);

/* Runs the encoder on whole sequences. In an encoder-decoder the slots' sources
   are replaced and their target sequences forgotten. */
ashlar_status ashlar_encode(ashlar_session *session, const ashlar_batch *batch);

/* Appends rows to the slots' sequences and runs the decoder on them. */
ashlar_status ashlar_decode(ashlar_session *session, const ashlar_batch *batch);

/* The result of the last encode or decode: row r of the call begins at
   hidden + r * stride. Valid until the next call on this session. */
ashlar_status ashlar_hidden(const ashlar_session *session, const float **hidden,
                            int64_t *rows, int64_t *features, int64_t *stride);

/* Runs head `head` (index in the manifest's list) on rows of the last call. `rows`
   holds `count` row numbers; null = all rows, or of each sequence the row that the
   head reads, such as its first or its last one in this call (`count` is then the
   number of sequences or 0). A head that reads whole sequences, as one does that makes
   a row of all of a sequence, takes null only. `out` receives [count, features] floats. */
ashlar_status ashlar_head(ashlar_session *session, int32_t head,
                          const int32_t *rows, int32_t count, float *out,
                          size_t out_floats);

/* Tokens now held by the sequence in `slot`; negative on an invalid slot. */
int64_t ashlar_length(const ashlar_session *session, int32_t slot);

/* From now on encode, decode and head note times in `marks`, which must outlive the
   session or the next call of this function; null = no more. Each run of an entry
   (head: one for each group of rows that it takes at once) notes when it begins, and
   then when all workers are done with each of its phases, which the manifest lists
   in this order: one mark more than phases. */
ashlar_status ashlar_session_marks(ashlar_session *session, ashlar_marks *marks);

/* English text of a status; never null. */
const char *ashlar_status_text(ashlar_status status);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_ASHLAR_H */
