//===- SafetensorsTest.cpp - Headers, well and badly formed ---------------===//

#include "compiler/Weights/Safetensors.h"
#include "tests/compiler/support/ErrorText.h"
#include "tests/compiler/support/TemporaryFolder.h"
#include "tests/compiler/weights/SafetensorsFile.h"

#include <gtest/gtest.h>

using namespace ashlar;

static std::vector<TensorInfo> parse(const std::string &header,
                                     uint64_t dataBytes) {
  return valueOf(parseSafetensorsHeader(header, dataBytes, "f"));
}
static std::string refusal(const std::string &header, uint64_t dataBytes) {
  return errorText(parseSafetensorsHeader(header, dataBytes, "f"));
}

/// A header with one tensor "t".
static std::string one(const std::string &dtype, const std::string &shape,
                       const std::string &offsets) {
  return "{\"t\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}}";
}
/// A header with tensors "a", "b", ... of bytes at these offsets.
static std::string many(const std::vector<std::pair<int, int>> &ranges) {
  std::string text;
  for (auto [begin, end] : ranges)
    text += (text.empty() ? "" : ",") + ("\"" + std::string(1, 'a' + begin)) +
            std::to_string(end) + "\":{\"dtype\":\"U8\",\"shape\":[" +
            std::to_string(end - begin) + "],\"data_offsets\":[" +
            std::to_string(begin) + "," + std::to_string(end) + "]}";
  return "{" + text + "}";
}

TEST(Safetensors, ReadsTensors) {
  auto tensors = parse("{\"__metadata__\":{\"format\":\"pt\"},"
                       "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],"
                       "\"data_offsets\":[0,24]},"
                       "\"b\":{\"shape\":[],\"data_offsets\":[24,26],"
                       "\"dtype\":\"BF16\"}}   ",
                       26);
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_EQ(tensors[0].dtype, DType::F32);
  EXPECT_EQ(tensors[0].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(tensors[0].offset, 0u);
  EXPECT_EQ(tensors[0].bytes, 24u);
  EXPECT_EQ(tensors[1].name, "b");
  EXPECT_EQ(tensors[1].dtype, DType::BF16);
  EXPECT_EQ(tensors[1].shape, std::vector<int64_t>{});
  EXPECT_EQ(tensors[1].elementCount(), 1);
  EXPECT_EQ(tensors[1].offset, 24u);
}

TEST(Safetensors, EveryTypeHasItsSize) {
  std::pair<const char *, int> bytesOfEight[] = {
      {"BOOL", 8}, {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
      {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},
      {"U16", 16}, {"F16", 16},    {"BF16", 16},   {"I32", 32},    {"U32", 32},
      {"F32", 32}, {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
  for (auto [name, bytes] : bytesOfEight) {
    std::string size = std::to_string(bytes);
    EXPECT_EQ(refusal(one(name, "[2,4]", "[0," + size + "]"), bytes), "");
    EXPECT_EQ(
        nameOf(
            parse(one(name, "[8]", "[0," + size + "]"), bytes).front().dtype),
        name);
    EXPECT_NE(refusal(one(name, "[2,4]", "[0," + size + "]"), bytes + 1), "");
    EXPECT_NE(refusal(one(name, "[16]", "[0," + size + "]"), bytes), "");
  }
  EXPECT_EQ(refusal(one("F4", "[3]", "[0,2]"), 2),
            "f: header:1:47: tensor \"t\": shape [3] of F4 fills no whole "
            "bytes");
}

TEST(Safetensors, ZeroSizesAreLegal) {
  EXPECT_EQ(refusal("{}", 0), "");
  EXPECT_EQ(refusal(one("F32", "[0]", "[0,0]"), 0), "");
  EXPECT_EQ(refusal(one("F32", "[3,0,5]", "[0,0]"), 0), "");
  // Between, before and behind tensors with data, in any order of names.
  EXPECT_EQ(refusal(many({{4, 4}, {0, 4}, {0, 0}, {4, 9}, {9, 9}}), 9), "");
  EXPECT_NE(refusal(many({{0, 4}, {2, 2}, {4, 9}}), 9), "");
}

TEST(Safetensors, DataIsCoveredOnce) {
  EXPECT_EQ(refusal(many({{0, 3}, {3, 5}}), 5), "");
  EXPECT_EQ(refusal(many({{3, 5}, {0, 3}}), 5), "");
  EXPECT_EQ(refusal(many({{0, 3}, {2, 5}}), 5),
            "f: header: tensor \"c5\": its data starts at 2, inside another "
            "tensor that ends at 3");
  EXPECT_EQ(refusal(many({{0, 3}, {4, 5}}), 5),
            "f: header: tensor \"e5\": its data starts at 4, behind a gap that "
            "starts at 3");
  EXPECT_EQ(refusal(many({{0, 3}, {3, 5}}), 6),
            "f: header: the tensors end at byte 5 of the data; the file has "
            "6");
  EXPECT_NE(refusal(many({{1, 3}, {3, 5}}), 5), "");
  EXPECT_NE(refusal(many({{0, 5}, {0, 3}}), 5), "");
  EXPECT_NE(refusal("{}", 1), "");
}

TEST(Safetensors, RefusesOffsets) {
  EXPECT_EQ(refusal(one("U8", "[4]", "[0,4]"), 3),
            "f: header:1:47: tensor \"t\": data_offsets [0, 4] lie outside "
            "the file's 3 bytes of data");
  EXPECT_EQ(refusal(one("U8", "[4]", "[4,0]"), 4),
            "f: header:1:47: tensor \"t\": data_offsets [4, 0] run backwards");
  EXPECT_EQ(refusal(one("F32", "[2,2]", "[0,12]"), 12),
            "f: header:1:50: tensor \"t\": data_offsets [0, 12] are 12 bytes; "
            "shape [2, 2] of F32 needs 16");
  for (const char *bad :
       {"[0]", "[0,4,4]", "[]", "{}", "4", "null", "[-1,3]", "[0,4.0]",
        "[0,4e0]", "[0,\"4\"]", "[0,18446744073709551620]",
        "[9223372036854775808,9223372036854775812]"})
    EXPECT_NE(refusal(one("U8", "[4]", bad), 4), "") << bad;
}

TEST(Safetensors, RefusesShapes) {
  for (const char *bad :
       {"[-4]", "[4.0]", "[4e0]", "[\"4\"]", "4", "null", "[[4]]", "[true]",
        "[9223372036854775808]", "[4294967296,4294967296]",
        "[18446744073709551620]", "[0,4294967296,4294967296]"})
    EXPECT_NE(refusal(one("U8", bad, "[0,4]"), 4), "") << bad;
  // 2^62 elements of 4 bytes: the product fits, the bytes would wrap to 0.
  EXPECT_EQ(refusal(one("F32", "[4611686018427387904]", "[0,0]"), 0),
            "f: header:1:29: tensor \"t\": shape [4611686018427387904] has too "
            "many elements");
}

TEST(Safetensors, RefusesDescriptions) {
  EXPECT_EQ(refusal(one("F31", "[1]", "[0,4]"), 4),
            "f: header:1:15: tensor \"t\": dtype \"F31\" is none of the "
            "safetensors format");
  for (const char *bad :
       {"{\"t\":1}", "{\"t\":[]}", "{\"t\":{}}", "{\"t\":null}",
        "{\"t\":{\"dtype\":\"U8\",\"shape\":[0]}}",
        "{\"t\":{\"dtype\":\"U8\",\"data_offsets\":[0,0]}}",
        "{\"t\":{\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"t\":{\"dtype\":8,\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],"
        "\"x\":0}}",
        "{\"__metadata__\":1}", "{\"__metadata__\":{\"a\":1}}",
        "{\"__metadata__\":{\"a\":{}}}"})
    EXPECT_NE(refusal(bad, 0), "") << bad;
}

TEST(Safetensors, RefusesWhatJsonRefuses) {
  std::string tensor = "\"t\":{\"dtype\":\"U8\",\"shape\":[0],"
                       "\"data_offsets\":[0,0]}";
  EXPECT_EQ(refusal("{" + tensor + "}", 0), "");
  EXPECT_EQ(refusal("{" + tensor + "," + tensor + "}", 0),
            "f: header:1:" + std::to_string(tensor.size() + 3) +
                ": the key \"t\" occurs twice in this object");
  EXPECT_EQ(refusal(" {}", 0), "f: header: the header does not start with "
                               "'{'\nthe file may be damaged or of another "
                               "format");
  EXPECT_NE(refusal("", 0), "");
  EXPECT_NE(refusal("[]", 0), "");
  EXPECT_NE(refusal("{} x", 0), "");
  EXPECT_NE(refusal("{\"\xff\":{}}", 0), "");
  std::string deep = "{\"t\":";
  EXPECT_EQ(refusal(deep + std::string(50000, '['), 0),
            "f: header:1:69: nested deeper than 64 levels");
}

// A name may be anything; what a terminal obeys is escaped.
TEST(Safetensors, EscapesNames) {
  std::string text = refusal("{\"\\u001b]0;*/ int x; /*\\n\":1}", 0);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_NE(text.find("\\x1b]0;*/ int x; /*\\n"), std::string::npos) << text;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static std::string fileRefusal(const std::string &bytes) {
  TemporaryFolder folder;
  InputFile file = valueOf(InputFile::open(folder.write("f", bytes)));
  std::string text = errorText(readSafetensorsHeader(file));
  return text.empty() ? text : text.substr(folder.path.size() + 1);
}

TEST(Safetensors, OffsetsCountFromTheFilesStart) {
  TemporaryFolder folder;
  SafetensorsBuilder builder;
  builder.add("a", "U8", "[3]", "abc").add("b", "U8", "[2]", "de");
  std::string bytes = builder.file("  ");
  InputFile file = valueOf(InputFile::open(folder.write("f", bytes)));
  auto tensors = valueOf(readSafetensorsHeader(file));
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(bytes.substr(tensors[0].offset, tensors[0].bytes), "abc");
  EXPECT_EQ(bytes.substr(tensors[1].offset, tensors[1].bytes), "de");
}

TEST(Safetensors, RefusesHeaderLengths) {
  EXPECT_EQ(fileRefusal(""), "f: the file has 0 bytes; a safetensors file has "
                             "at least 8");
  EXPECT_NE(fileRefusal("1234567"), "");
  EXPECT_EQ(fileRefusal(safetensorsFile("{}", "")), "");
  auto withLength = [](uint64_t length, const std::string &rest) {
    return std::string(reinterpret_cast<const char *>(&length), 8) + rest;
  };
  EXPECT_EQ(fileRefusal(withLength(3, "{}")),
            "f: the header's length is 3; expected at most 2\nthe file may be "
            "truncated or of another format");
  for (uint64_t length : {uint64_t(1) << 31, uint64_t(1) << 32,
                          uint64_t(1) << 63, ~uint64_t(0), ~uint64_t(0) - 7})
    EXPECT_NE(fileRefusal(withLength(length, "{}")), "") << length;
  EXPECT_NE(fileRefusal(withLength(0, "{}")), "");
  EXPECT_NE(fileRefusal(withLength(1, "{}")), "");
}

// A sparse file of 200 MB whose header claims more than the limit.
TEST(Safetensors, RefusesHugeHeaders) {
  TemporaryFolder folder;
  uint64_t length = 100'000'001;
  std::string path = folder.write(
      "f", std::string(reinterpret_cast<const char *>(&length), 8) + "{}");
  std::filesystem::resize_file(path, 200'000'000);
  InputFile file = valueOf(InputFile::open(path));
  EXPECT_EQ(errorText(readSafetensorsHeader(file)),
            path + ": the header's length is 100000001; expected at most "
                   "100000000\nthe file may be truncated or of another "
                   "format");
}

// Every truncation of a file is refused when it is opened.
TEST(Safetensors, RefusesEveryTruncation) {
  SafetensorsBuilder builder;
  builder.add("a", "U8", "[3]", "abc").add("b", "F16", "[2,2]", "12345678");
  std::string bytes = builder.file();
  EXPECT_EQ(fileRefusal(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(fileRefusal(bytes.substr(0, size)), "") << size;
  EXPECT_NE(fileRefusal(bytes + "x"), "");
}
