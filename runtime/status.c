/*===- status.c - Text of the statuses ----------------------------- C -*-===*/

#include "runtime/ashlar.h"

const char *ashlar_status_text(ashlar_status status) {
  switch (status) {
  case ASHLAR_OK:
    return "ok";
  case ASHLAR_INVALID_ARGUMENT:
    return "an argument is null, negative or out of range";
  case ASHLAR_INVALID_TOKEN:
    return "a token id is outside the vocabulary";
  case ASHLAR_INVALID_POSITION:
    return "a position id is outside the model's positions";
  case ASHLAR_INVALID_TYPE:
    return "a token type id is outside the model's types";
  case ASHLAR_TOO_MANY_TOKENS:
    return "more tokens in one call than the artifact was compiled for "
           "(--max-tokens)";
  case ASHLAR_CONTEXT_FULL:
    return "a sequence would outgrow the context that the artifact was "
           "compiled for (--max-context)";
  case ASHLAR_SOURCE_TOO_LONG:
    return "a source is longer than the artifact was compiled for "
           "(--max-source)";
  case ASHLAR_NO_SOURCE:
    return "decode needs a source: encode this slot first";
  case ASHLAR_OUT_OF_MEMORY:
    return "not enough memory";
  case ASHLAR_UNSUPPORTED_CPU:
    return "this CPU lacks instructions that the artifact was compiled for "
           "(--target)";
  case ASHLAR_BAD_WEIGHTS:
    return "the weights are truncated, foreign or of another build";
  case ASHLAR_IO_ERROR:
    return "the weights cannot be opened or are not a regular file";
  case ASHLAR_THREAD_ERROR:
    return "a worker thread could not be started";
  case ASHLAR_NOT_SUPPORTED:
    return "the model has no such entry or input";
  case ASHLAR_NO_TILES:
    return "the system does not let this process use AMX: it may be switched "
           "off, or a thread's alternate signal stack is too small (under 12 "
           "KiB); another --target needs none";
  case ASHLAR_AFTER_FORK:
    return "the session's workers live in the process that created it";
  }
  return "unknown status";
}
