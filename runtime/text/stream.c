/*===- stream.c - Whole characters only ----------------------------- C -*-===*/

#include "runtime/text/stream.h"

/* Bytes of the sequence that `lead` begins; 1 for what begins none. */
static size_t length_of(unsigned char lead) {
  if (lead < 0xc2 || lead > 0xf4)
    return 1;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static void put(ashlar_stream *stream, char byte) {
  unsigned char c = (unsigned char)byte;
  if (stream->held_count > 0 && (c & 0xc0) != 0x80)
    ashlar_stream_end(stream);
  if (stream->held_count == 0)
    stream->needed = length_of(c);
  stream->held[stream->held_count++] = byte;
  if (stream->held_count == stream->needed)
    ashlar_stream_end(stream);
}

void ashlar_stream_write(void *stream, const char *bytes, size_t count) {
  for (size_t i = 0; i < count; ++i)
    put(stream, bytes[i]);
}

int ashlar_stream_steers(const char *bytes, size_t count) {
  unsigned char first = (unsigned char)bytes[0];
  if (count == 1)
    return (first < 0x20 && first != '\n' && first != '\t') || first >= 0x7f;
  return first == 0xc2 && (unsigned char)bytes[1] < 0xa0;
}

void ashlar_stream_end(ashlar_stream *stream) {
  if (stream->held_count > 0)
    stream->sink(stream->user, stream->held, stream->held_count);
  stream->held_count = 0;
}
