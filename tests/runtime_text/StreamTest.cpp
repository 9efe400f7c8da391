//===- StreamTest.cpp - Whole characters only -----------------------------===//

#include "runtime/text/stream.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace {
using Parts = std::vector<std::string>;

/// What the reader sees after each write, and after the end.
Parts parts(const Parts &writes) {
  std::string seen;
  ashlar_stream stream = {};
  stream.sink = [](void *user, const char *bytes, size_t count) {
    static_cast<std::string *>(user)->append(bytes, count);
  };
  stream.user = &seen;
  Parts result;
  for (const std::string &bytes : writes) {
    ashlar_stream_write(&stream, bytes.data(), bytes.size());
    result.push_back(seen);
  }
  ashlar_stream_end(&stream);
  result.push_back(seen);
  return result;
}
} // namespace

TEST(Stream, plainTextPasses) {
  EXPECT_EQ(parts({"ab", "", "c\n"}), (Parts{"ab", "ab", "abc\n", "abc\n"}));
}

TEST(Stream, aCharacterWaitsForItsEnd) {
  EXPECT_EQ(parts({"x\xf0", "\x9f\x98", "\x80y"}),
            (Parts{"x", "x", "x\xf0\x9f\x98\x80y", "x\xf0\x9f\x98\x80y"}));
  EXPECT_EQ(parts({"\xc3", "\xa9"}), (Parts{"", "\xc3\xa9", "\xc3\xa9"}));
  EXPECT_EQ(parts({"\xe2\x82", "\xac"}),
            (Parts{"", "\xe2\x82\xac", "\xe2\x82\xac"}));
}

TEST(Stream, whatNeverBecomesACharacterPasses) {
  EXPECT_EQ(parts({"\xe2", "a"}), (Parts{"",
                                         "\xe2"
                                         "a",
                                         "\xe2"
                                         "a"}));
  EXPECT_EQ(parts({"\xe2\x82"}), (Parts{"", "\xe2\x82"}));
  EXPECT_EQ(parts({"\x80\xff\xc0"}), (Parts{"\x80\xff\xc0", "\x80\xff\xc0"}));
  EXPECT_EQ(parts({"\xc3", "\xc3", "\xa9"}),
            (Parts{"", "\xc3", "\xc3\xc3\xa9", "\xc3\xc3\xa9"}));
}

// All bytes come out, whatever they are and however they are cut.
TEST(Stream, losesNothing) {
  uint32_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    Parts writes;
    std::string all;
    for (int i = 0; i < 8; ++i) {
      std::string bytes;
      for (state = state * 1664525 + 1013904223;
           bytes.size() < (state >> 30);) {
        state = state * 1664525 + 1013904223;
        bytes += char((state >> 24) | 0x80 * (state & 1));
      }
      writes.push_back(bytes);
      all += bytes;
    }
    EXPECT_EQ(parts(writes).back(), all);
  }
}

TEST(Stream, whatSteersATerminal) {
  for (const char *text :
       {"\x1b", "\r", "\x7f", "\xc2\x80", "\xc2\x9b", "\x9b", "\xff"})
    EXPECT_TRUE(ashlar_stream_steers(text, strlen(text))) << text;
  for (const char *text :
       {"a", "\n", "\t", "~", "\xc2\xa0", "\xc3\x9b", "\xe2\x82\xac"})
    EXPECT_FALSE(ashlar_stream_steers(text, strlen(text))) << text;
}
