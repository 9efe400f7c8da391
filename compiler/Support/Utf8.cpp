//===- Utf8.cpp - One code point of UTF-8 ---------------------------------===//

#include "compiler/Support/Utf8.h"

#include <cassert>

using namespace ashlar;

CodePoint ashlar::decodeUtf8(llvm::StringRef text) {
  if (text.empty())
    return {};
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80)
    return {lead, 1};
  unsigned length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  // 80-BF continue a sequence; C0, C1 and F5-FF never occur.
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
    return {};
  uint32_t value = lead & (0x7f >> length);
  for (unsigned i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return {};
    value = value << 6 | (byte(i) & 0x3f);
  }
  bool overlong =
      (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (overlong || surrogate || value > 0x10ffff)
    return {};
  return {value, length};
}

void ashlar::appendUtf8(std::string &out, uint32_t value) {
  assert(value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff) &&
         "not a Unicode scalar value");
  auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xc0 | value >> 6);
    put(0x80 | (value & 0x3f));
  } else if (value < 0x10000) {
    put(0xe0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3f));
    put(0x80 | (value & 0x3f));
  } else {
    put(0xf0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3f));
    put(0x80 | (value >> 6 & 0x3f));
    put(0x80 | (value & 0x3f));
  }
}
