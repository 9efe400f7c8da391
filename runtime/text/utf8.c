/*===- utf8.c - Code points ----------------------------------------- C -*-===*/

#include "runtime/text/internal.h"

uint32_t ashlar_utf8_read(const unsigned char *bytes, size_t count,
                          size_t *length) {
  unsigned char first = bytes[0];
  *length = 1;
  if (first < 0x80)
    return first;
  /* The second byte has bounds of its own: no overlong forms, no surrogates,
     nothing above U+10FFFF. */
  unsigned char low = 0x80, high = 0xBF;
  size_t need;
  uint32_t c;
  if (first >= 0xC2 && first <= 0xDF) {
    need = 2;
    c = first & 0x1F;
  } else if (first >= 0xE0 && first <= 0xEF) {
    need = 3;
    c = first & 0x0F;
    low = first == 0xE0 ? 0xA0 : low;
    high = first == 0xED ? 0x9F : high;
  } else if (first >= 0xF0 && first <= 0xF4) {
    need = 4;
    c = first & 0x07;
    low = first == 0xF0 ? 0x90 : low;
    high = first == 0xF4 ? 0x8F : high;
  } else {
    return REPLACEMENT;
  }
  for (size_t i = 1; i < need; ++i) {
    if (i >= count || bytes[i] < low || bytes[i] > high)
      return REPLACEMENT;
    c = c << 6 | (bytes[i] & 0x3F);
    low = 0x80;
    high = 0xBF;
    *length = i + 1;
  }
  return c;
}

size_t ashlar_utf8_last(const unsigned char *bytes, size_t count) {
  size_t length = 1;
  while (length < count && length < 4 && (bytes[count - length] & 0xC0) == 0x80)
    ++length;
  return length;
}

size_t ashlar_utf8_write(uint32_t c, unsigned char *bytes) {
  if (c < 0x80) {
    bytes[0] = (unsigned char)c;
    return 1;
  }
  if (c < 0x800) {
    bytes[0] = (unsigned char)(0xC0 | c >> 6);
    bytes[1] = (unsigned char)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    bytes[0] = (unsigned char)(0xE0 | c >> 12);
    bytes[1] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
    bytes[2] = (unsigned char)(0x80 | (c & 0x3F));
    return 3;
  }
  bytes[0] = (unsigned char)(0xF0 | c >> 18);
  bytes[1] = (unsigned char)(0x80 | (c >> 12 & 0x3F));
  bytes[2] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
  bytes[3] = (unsigned char)(0x80 | (c & 0x3F));
  return 4;
}

size_t ashlar_utf8_unfinished(const unsigned char *bytes, size_t count) {
  for (size_t back = 1; back <= 3 && back <= count; ++back) {
    unsigned char first = bytes[count - back];
    if ((first & 0xC0) == 0x80)
      continue;
    size_t need = first < 0xC2   ? 1
                  : first < 0xE0 ? 2
                  : first < 0xF0 ? 3
                  : first < 0xF5 ? 4
                                 : 1;
    size_t length;
    ashlar_utf8_read(bytes + count - back, back, &length);
    return need > back && length == back ? back : 0;
  }
  return 0;
}
