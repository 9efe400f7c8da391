//===- NpyTest.cpp - NumPy's files, well and badly formed -----------------===//

#include "compiler/Support/Npy.h"
#include "tests/compiler/support/ErrorText.h"
#include "tests/compiler/support/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace ashlar;

template <typename T> static std::string bytesOf(std::vector<T> values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

/// A file of `version` with this dictionary.
static std::string npy(const std::string &dictionary, const std::string &data,
                       int version = 1) {
  std::string result("\x93NUMPY", 6);
  result += {char(version), '\0'};
  uint32_t length = dictionary.size();
  result.append(reinterpret_cast<const char *>(&length), version == 1 ? 2 : 4);
  return result + dictionary + data;
}

static std::string dictionary(const std::string &descr,
                              const std::string &shape,
                              const std::string &order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }  \n";
}

static std::string refusal(const std::string &bytes) {
  return errorText(parseNpy(bytes, "f"));
}

TEST(Npy, ReadsEveryType) {
  auto read = [](const std::string &descr, const std::string &data) {
    return valueOf(parseNpy(npy(dictionary(descr, "(3,)"), data), "f"));
  };
  NpyArray i4 = read("<i4", bytesOf<int32_t>({1, -2, INT32_MIN}));
  EXPECT_EQ(i4.type, NpyType::Int32);
  EXPECT_EQ(i4.shape, std::vector<int64_t>{3});
  EXPECT_EQ(valueOf(i4.toInt64()), (std::vector<int64_t>{1, -2, INT32_MIN}));
  EXPECT_EQ(i4.toDouble(), (std::vector<double>{1, -2, INT32_MIN}));
  NpyArray i8 = read("<i8", bytesOf<int64_t>({INT64_MAX, 0, INT64_MIN}));
  EXPECT_EQ(valueOf(i8.toInt64()),
            (std::vector<int64_t>{INT64_MAX, 0, INT64_MIN}));
  NpyArray b1 = read("|b1", std::string("\0\1\2", 3));
  EXPECT_EQ(valueOf(b1.toInt64()), (std::vector<int64_t>{0, 1, 1}));
  EXPECT_EQ(b1.toFloat(), (std::vector<float>{0, 1, 1}));
  NpyArray f4 = read("<f4", bytesOf<float>({1.5f, -0.0f, INFINITY}));
  EXPECT_EQ(f4.toFloat(), (std::vector<float>{1.5f, -0.0f, INFINITY}));
  EXPECT_EQ(errorText(f4.toInt64()),
            "f: the array's type is float32; expected int64 or int32");
  NpyArray f8 = read("<f8", bytesOf<double>({0.1, 1e300, -2}));
  EXPECT_EQ(f8.toDouble(), (std::vector<double>{0.1, 1e300, -2}));
  EXPECT_EQ(f8.toFloat(), (std::vector<float>{0.1f, INFINITY, -2}));
  EXPECT_NE(errorText(f8.toInt64()), "");
  EXPECT_EQ(read("=i4", bytesOf<int32_t>({1, 2, 3})).type, NpyType::Int32);
}

TEST(Npy, ReadsVersions) {
  for (int version : {1, 2, 3})
    EXPECT_EQ(valueOf(parseNpy(npy(dictionary("<f4", "(1,)"),
                                   bytesOf<float>({7}), version),
                               "f"))
                  .toFloat(),
              std::vector<float>{7})
        << version;
  for (int version : {0, 4, 255})
    EXPECT_NE(
        refusal(npy(dictionary("<f4", "(1,)"), bytesOf<float>({7}), version)),
        "");
}

TEST(Npy, ShapesAndSpellings) {
  auto shape = [](const std::string &text, size_t count) {
    return valueOf(parseNpy(npy(dictionary("<f4", text),
                                std::string(4 * count, '\0')),
                            "f"))
        .shape;
  };
  EXPECT_EQ(shape("()", 1), std::vector<int64_t>{});
  EXPECT_EQ(shape("(0,)", 0), std::vector<int64_t>{0});
  EXPECT_EQ(shape("(2, 3)", 6), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(shape("( 2 ,3 , )", 6), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(shape("(2, 0, 3)", 0), (std::vector<int64_t>{2, 0, 3}));
  // Another order of keys, other quotes, no comma at the end.
  EXPECT_EQ(refusal(npy("{\"shape\":(1,),\"fortran_order\":False,"
                        "\"descr\":\"<f4\"}",
                        bytesOf<float>({1}))),
            "");
}

// 2x3x4 counted up in Fortran order, against its definition.
TEST(Npy, FortranOrder) {
  std::vector<int64_t> values(24);
  for (int i = 0; i < 24; ++i)
    values[i] = 100 + i;
  NpyArray array = valueOf(parseNpy(
      npy(dictionary("<i8", "(2, 3, 4)", "True"), bytesOf(values)), "f"));
  std::vector<int64_t> read = valueOf(array.toInt64());
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k)
        EXPECT_EQ(read[(i * 3 + j) * 4 + k], 100 + i + 2 * j + 6 * k);
  for (const char *shape : {"()", "(1,)", "(1, 1)"})
    EXPECT_EQ(valueOf(valueOf(parseNpy(npy(dictionary("<i8", shape, "True"),
                                           bytesOf<int64_t>({5})),
                                       "f"))
                          .toInt64()),
              std::vector<int64_t>{5});
  EXPECT_EQ(refusal(npy(dictionary("|b1", "(0, 5)", "True"), "")), "");
}

TEST(Npy, RefusesTypes) {
  auto text = [](const std::string &descr) {
    return refusal(npy(dictionary(descr, "(1,)"), std::string(8, '\0')));
  };
  EXPECT_EQ(text(">f8"), "f: the array is big-endian (\">f8\"); expected "
                         "\"<f8\"");
  EXPECT_EQ(text("|O"),
            "f: the array's type is \"|O\"; supported are bool (|b1), int32 "
            "(<i4), int64 (<i8), float32 (<f4) and float64 (<f8)");
  for (const char *bad : {">i4", "<i2", "<f2", "<u8", "<c8", "|S8", "<U2",
                          "<M8[ns]", "", "f4", "<f", "<f44", "?", "<b8"})
    EXPECT_NE(text(bad), "") << bad;
  EXPECT_NE(refusal(npy("{'descr': [('a', '<f4')], 'fortran_order': False, "
                        "'shape': (1,)}",
                        std::string(4, '\0'))),
            "");
}

TEST(Npy, RefusesHeaders) {
  std::string good = dictionary("<f4", "(1,)");
  std::string data = bytesOf<float>({1});
  ASSERT_EQ(refusal(npy(good, data)), "");
  auto bad = [&](const std::string &text) {
    EXPECT_NE(refusal(npy(text, data)), "") << text;
  };
  bad("");
  bad("{");
  bad("{}");
  bad("{'descr': '<f4', 'fortran_order': False}");
  bad("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': "
      "(1,)}");
  bad("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}");
  bad("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}");
  bad("{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}");
  bad("{'descr: <f4, 'fortran_order': False, 'shape': (1,)}");
  bad("__import__('os')");
  bad(good + "x");
  for (const char *shape :
       {"(1)", "1", "[1]", "(1", "(-1,)", "(1.0,)", "(1 1)", "(,)", "(1,,)",
        "(0x1,)", "(99999999999999999999,)", "(9223372036854775808,)",
        "(4611686018427387904,)", "(4294967296, 4294967296)",
        "(0, 4294967296, 4294967296)", "(True,)"})
    bad(dictionary("<f4", shape));
  std::string deep = "(";
  for (int i = 0; i < 65; ++i)
    deep += "1,";
  bad(dictionary("<f4", deep + ")"));
}

TEST(Npy, RefusesLengths) {
  std::string good = npy(dictionary("<f4", "(2,)"), bytesOf<float>({1, 2}));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(refusal(good.substr(0, size)), "") << size;
  EXPECT_EQ(refusal(good + "x"),
            "f: the file has 9 bytes of data; its shape needs 8");
  EXPECT_EQ(refusal("not an array"),
            "f: this is no .npy file\nsave the array with numpy.save");
  // A header of 4 GiB in a file of 12 bytes.
  EXPECT_NE(refusal(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12)), "");
  // 2^62 elements of 4 bytes: their size would wrap to the 0 that are there.
  EXPECT_EQ(refusal(npy(dictionary("<f4", "(4611686018427387904,)"), "")),
            "f: shape [4611686018427387904] has too many elements");
  // One byte past the limit, though the file has it.
  EXPECT_NE(refusal(npy(dictionary("<f4", "(1,)") + std::string(1 << 16, ' '),
                        bytesOf<float>({1}), 2)),
            "");
}

TEST(Npy, ReadsFiles) {
  TemporaryFolder folder;
  std::string bytes = npy(dictionary("<f4", "(2,)"), bytesOf<float>({1, 2}));
  std::string path = folder.write("a.npy", bytes);
  EXPECT_EQ(valueOf(readNpy(path)).toFloat(), (std::vector<float>{1, 2}));
  EXPECT_EQ(errorText(readNpy(path, /*limit=*/7)),
            path + ": the array has 8 bytes; at most 7 are read");
  EXPECT_NE(errorText(readNpy("/dev/zero")), "");
  EXPECT_NE(errorText(readNpy(folder.file("none"))), "");
  // A header that promises much allocates nothing.
  path =
      folder.write("b.npy", npy(dictionary("<f4", "(1000000000000,)"), "abcd"));
  EXPECT_EQ(errorText(readNpy(path)), path + ": the file has 4 bytes of data; "
                                             "its shape needs 4000000000000");
}

TEST(Npy, WritesWhatNumPyReads) {
  EXPECT_EQ(npyHeader(NpyType::Float32, {2, 3}),
            std::string("\x93NUMPY\x01\x00\x76\x00", 10) +
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" +
                std::string(58, ' ') + "\n");
  EXPECT_NE(npyHeader(NpyType::Int64, {7}).find("'shape': (7,), }"),
            std::string::npos);
  EXPECT_NE(npyHeader(NpyType::Int64, {}).find("'shape': (), }"),
            std::string::npos);
  for (size_t rank = 0; rank < 30; ++rank)
    EXPECT_EQ(
        npyHeader(NpyType::Bool, std::vector<int64_t>(rank, 12345)).size() % 64,
        0u);
}

TEST(Npy, RoundTrip) {
  TemporaryFolder folder;
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{}, {1}, {0}, {3, 0}, {2, 3}, {2, 1, 3}}) {
    size_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    std::vector<float> floats(count, 0.25f);
    std::vector<int64_t> integers(count, -7);
    AtomicFile f = valueOf(AtomicFile::create(folder.file("f.npy")));
    AtomicFile i = valueOf(AtomicFile::create(folder.file("i.npy")));
    EXPECT_EQ(errorText(writeNpy(f, shape, floats)), "");
    EXPECT_EQ(errorText(writeNpy(i, shape, integers)), "");
    AtomicFile *files[] = {&f, &i};
    EXPECT_EQ(errorText(commitAll(files)), "");
    NpyArray readFloats = valueOf(readNpy(folder.file("f.npy")));
    EXPECT_EQ(readFloats.shape, shape);
    EXPECT_EQ(readFloats.toFloat(), floats);
    NpyArray readIntegers = valueOf(readNpy(folder.file("i.npy")));
    EXPECT_EQ(readIntegers.shape, shape);
    EXPECT_EQ(valueOf(readIntegers.toInt64()), integers);
  }
}
