/*===- stream.h - Whole characters only ----------------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_STREAM_H
#define ASHLAR_RUNTIME_TEXT_STREAM_H

#include "runtime/text/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Text on its way to a reader who sees each part at once: the beginning of a
   UTF-8 sequence waits for its end. All bytes pass in the end, and in order. */
typedef struct ashlar_stream {
  ashlar_text_sink sink;
  void *user;
  char held[4];
  size_t held_count;
  size_t needed; /* bytes of the sequence that has begun */
} ashlar_stream;

/* An ashlar_text_sink whose user is the stream. */
void ashlar_stream_write(void *stream, const char *bytes, size_t count);

/* Whether a part that a stream hands on could steer a terminal: a control
   character, C1 among them, other than newline and tab, or a lone byte. */
int ashlar_stream_steers(const char *bytes, size_t count);

/* What is held goes out as it is. */
void ashlar_stream_end(ashlar_stream *stream);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_STREAM_H */
