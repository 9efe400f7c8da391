/*===- decode.c - Token ids to text --------------------------------- C -*-===*/

#include "runtime/text/internal.h"

#include <string.h>

/* A decoder and where its text goes, in parts that are whole characters. */
typedef struct output {
  ashlar_text_decoder *decoder;
  ashlar_text_sink sink;
  void *user;
} output;

void ashlar_text_decoder_init(ashlar_text_decoder *decoder,
                              const ashlar_text *text) {
  *decoder = (ashlar_text_decoder){
      .text = text,
      .strip = text->header->has_tokenizer ? text->header->strip_count : 0};
}

/* Characters at the beginning of the text may be left out. */
static void write_text(const output *out, const unsigned char *bytes,
                       size_t count) {
  ashlar_text_decoder *decoder = out->decoder;
  while (decoder->strip > 0 && count > 0) {
    size_t length;
    if (ashlar_utf8_read(bytes, count, &length) !=
        decoder->text->header->strip_character) {
      decoder->strip = 0;
      break;
    }
    --decoder->strip;
    bytes += length;
    count -= length;
  }
  if (count > 0)
    out->sink(out->user, (const char *)bytes, count);
}

static void write_replacement(const output *out) {
  write_text(out, (const unsigned char *)"\xEF\xBF\xBD", 3);
}

/* Text with U+FFFD for what is no UTF-8. */
static void write_lossy(const output *out, const unsigned char *bytes,
                        size_t count) {
  size_t done = 0;
  for (size_t at = 0, length; at < count; at += length) {
    uint32_t c = ashlar_utf8_read(bytes + at, count - at, &length);
    if (c != REPLACEMENT || (length == 3 && bytes[at] == 0xEF &&
                             bytes[at + 1] == 0xBF && bytes[at + 2] == 0xBD))
      continue;
    write_text(out, bytes + done, at - done);
    write_replacement(out);
    done = at + length;
  }
  write_text(out, bytes + done, count - done);
}

static int is_valid(const unsigned char *bytes, size_t count) {
  for (size_t at = 0, length; at < count; at += length)
    if (ashlar_utf8_read(bytes + at, count - at, &length) == REPLACEMENT &&
        !(length == 3 && bytes[at] == 0xEF && bytes[at + 1] == 0xBF))
      return 0;
  return 1;
}

/*===-- Parts of characters ----------------------------------------------===*/

/* Adds to the held bytes and writes what is whole. */
static void add_parts(const output *out, const unsigned char *bytes,
                      size_t count) {
  ashlar_text_decoder *decoder = out->decoder;
  while (count > 0) {
    size_t room = sizeof(decoder->held) - decoder->held_count;
    size_t taken = count < room ? count : room;
    memcpy(decoder->held + decoder->held_count, bytes, taken);
    decoder->held_count += taken;
    bytes += taken;
    count -= taken;
    size_t rest = ashlar_utf8_unfinished(decoder->held, decoder->held_count);
    size_t whole = decoder->held_count - rest;
    write_lossy(out, decoder->held, whole);
    memmove(decoder->held, decoder->held + whole, rest);
    decoder->held_count = rest;
  }
}

/*===-- Runs of byte tokens ----------------------------------------------===*/

/* A run that is no UTF-8 becomes one U+FFFD for each byte. */
static void end_run(const output *out) {
  ashlar_text_decoder *decoder = out->decoder;
  if (!decoder->run_is_bad && is_valid(decoder->held, decoder->held_count))
    write_text(out, decoder->held, decoder->held_count);
  else
    for (size_t i = 0; i < decoder->held_count; ++i)
      write_replacement(out);
  decoder->held_count = 0;
  decoder->run_is_bad = 0;
}

/* Runs longer than the memory for them are judged part by part. */
static void add_to_run(const output *out, unsigned char byte) {
  ashlar_text_decoder *decoder = out->decoder;
  decoder->held[decoder->held_count++] = byte;
  if (decoder->held_count < sizeof(decoder->held))
    return;
  size_t rest = ashlar_utf8_unfinished(decoder->held, decoder->held_count);
  size_t whole = decoder->held_count - rest;
  unsigned char kept[4];
  memcpy(kept, decoder->held + whole, rest);
  int was_bad = decoder->run_is_bad || !is_valid(decoder->held, whole);
  decoder->run_is_bad = was_bad;
  decoder->held_count = whole;
  end_run(out);
  decoder->run_is_bad = was_bad;
  memcpy(decoder->held, kept, rest);
  decoder->held_count = rest;
}

/*===-- Tokens -----------------------------------------------------------===*/

const char *ashlar_text_token_bytes(const ashlar_text *text, int32_t id,
                                    size_t *bytes) {
  const ashlar_text_header *header = text->header;
  if (!header->has_tokenizer || id < 0 || id >= (int64_t)header->tokens.count)
    return NULL;
  const ashlar_text_token *token =
      (const ashlar_text_token *)section(text, header->tokens) + id;
  if (!(token->flags & ASHLAR_TOKEN_PRESENT))
    return NULL;
  *bytes = token->text.bytes;
  return (const char *)string(text, token->text);
}

/* Whether decoded text has the token. */
static int is_written(const ashlar_text *text, int32_t id) {
  const ashlar_text_header *header = text->header;
  if (!header->has_tokenizer || id < 0 || id >= (int64_t)header->tokens.count)
    return 0;
  uint32_t flags =
      ((const ashlar_text_token *)section(text, header->tokens))[id].flags;
  return (flags & ASHLAR_TOKEN_PRESENT) && !(flags & ASHLAR_TOKEN_SPECIAL);
}

/* The token's text, which is one of `texts`. */
static void write_token(const output *out, int32_t id,
                        ashlar_text_section texts) {
  const ashlar_text *text = out->decoder->text;
  const ashlar_text_header *header = text->header;
  const ashlar_text_token *tokens = section(text, header->tokens);
  const ashlar_text_string *strings = section(text, texts);
  const unsigned char *bytes = (const unsigned char *)string(text, strings[id]);
  size_t count = strings[id].bytes;
  if (header->decoder_flags & ASHLAR_DECODER_BYTES) {
    add_parts(out, bytes, count);
    return;
  }
  if (tokens[id].flags & ASHLAR_TOKEN_BYTE) {
    add_to_run(out, count ? bytes[0] : 0);
    return;
  }
  end_run(out);
  write_text(out, bytes, count);
}

void ashlar_text_decode(ashlar_text_decoder *decoder, int32_t id,
                        ashlar_text_sink sink, void *user) {
  const ashlar_text_header *header = decoder->text->header;
  output out = {decoder, sink, user};
  if (!is_written(decoder->text, id))
    return;
  if (header->decoder_flags & ASHLAR_DECODER_LAST) {
    if (decoder->waits)
      write_token(&out, decoder->waiting, header->decoded);
    decoder->waits = 1;
    decoder->waiting = id;
    return;
  }
  write_token(&out, id, decoder->started ? header->decoded : header->firsts);
  decoder->started = 1;
}

void ashlar_text_decode_end(ashlar_text_decoder *decoder, ashlar_text_sink sink,
                            void *user) {
  output out = {decoder, sink, user};
  if (decoder->waits)
    write_token(&out, decoder->waiting, decoder->text->header->lasts);
  decoder->waits = 0;
  if (decoder->text->header->decoder_flags & ASHLAR_DECODER_BYTES)
    write_lossy(&out, decoder->held, decoder->held_count);
  else
    end_run(&out);
  decoder->held_count = 0;
}
