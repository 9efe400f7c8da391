//===- NpyTest.cpp - .npy files of the text front end ---------------------===//

#include "runtime/text/array.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace {

class Npy : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("npy", path));
    folder = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(const char *name) { return folder + "/" + name; }
  std::string file(const std::string &bytes) {
    std::ofstream(path("x.npy"), std::ios::binary) << bytes;
    return path("x.npy");
  }
  /// A version 1 file with the given dictionary and data.
  std::string version1(const std::string &header, const std::string &data) {
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += char(header.size() & 255);
    bytes += char(header.size() >> 8);
    return file(bytes + header + data);
  }
  std::string refusal(const std::string &name) {
    ashlar_array array;
    EXPECT_EQ(ashlar_npy_read(name.c_str(), &array, &error), 1);
    EXPECT_EQ(array.data, nullptr);
    return error.message;
  }
  size_t filesInFolder() {
    size_t count = 0;
    std::error_code status;
    for (llvm::sys::fs::directory_iterator it(folder, status), end; it != end;
         it.increment(status))
      ++count;
    return count;
  }

  std::string folder;
  ashlar_error error = {};
};

std::string bytesOf(std::initializer_list<int32_t> values) {
  return std::string(reinterpret_cast<const char *>(values.begin()),
                     4 * values.size());
}

} // namespace

TEST_F(Npy, readsWhatItWrites) {
  for (int32_t rank = 0; rank <= 4; ++rank) {
    int64_t shape[] = {3, 1, 5, 2};
    ashlar_array array, again;
    ASSERT_EQ(ashlar_array_make(&array, ASHLAR_FLOAT32, rank, shape, &error),
              0);
    int64_t count = ashlar_array_count(&array);
    for (int64_t i = 0; i < count; ++i)
      static_cast<float *>(array.data)[i] = i * 0.5f;
    std::string name = path("a.npy");
    const char *paths[] = {name.c_str()};
    ASSERT_EQ(ashlar_npy_write(paths, &array, 1, &error), 0) << error.message;
    ASSERT_EQ(ashlar_npy_read(paths[0], &again, &error), 0) << error.message;
    EXPECT_EQ(again.rank, rank);
    EXPECT_EQ(again.element, ASHLAR_FLOAT32);
    EXPECT_EQ(ashlar_array_count(&again), count);
    EXPECT_EQ(memcmp(again.data, array.data, count * 4), 0);
    EXPECT_EQ(filesInFolder(), 1u);
    ashlar_array_free(&array);
    ashlar_array_free(&again);
  }
}

TEST_F(Npy, readsNumpysHeaders) {
  std::string name = version1(
      "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }   \n",
      bytesOf({0, 1, 2, 3, 4, 5}));
  ashlar_array array;
  ASSERT_EQ(ashlar_npy_read(name.c_str(), &array, &error), 0) << error.message;
  EXPECT_EQ(array.rank, 2);
  EXPECT_EQ(ashlar_array_integer(&array, 5), 5);
  ashlar_array_free(&array);
  // Fortran order: columns lie together.
  name = version1(
      "{\"shape\": (2, 3), \"fortran_order\": True, \"descr\": \"<i4\"}",
      bytesOf({0, 3, 1, 4, 2, 5}));
  ASSERT_EQ(ashlar_npy_read(name.c_str(), &array, &error), 0) << error.message;
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(ashlar_array_integer(&array, i), i);
  ashlar_array_free(&array);
  std::string header = "{'descr': '|b1', 'fortran_order': False, "
                       "'shape': (2,)}";
  std::string second("\x93NUMPY\x02\x00", 8);
  second += char(header.size()) + std::string(3, '\0') + header;
  name = file(second + std::string("\0\x05", 2));
  ASSERT_EQ(ashlar_npy_read(name.c_str(), &array, &error), 0) << error.message;
  EXPECT_EQ(array.element, ASHLAR_BOOL);
  EXPECT_EQ(ashlar_array_integer(&array, 0), 0);
  EXPECT_EQ(ashlar_array_integer(&array, 1), 1);
  ashlar_array_free(&array);
}

TEST_F(Npy, refusesTypesAndShapes) {
  auto with = [&](const char *type, const char *shape, size_t bytes) {
    return refusal(version1(std::string("{'descr': '") + type +
                                "', 'fortran_order': False, 'shape': " + shape +
                                "}",
                            std::string(bytes, '\0')));
  };
  for (const char *type : {">i4", "|O", "<f2", "<c8", "<u4", "|i1", "<U3"})
    EXPECT_EQ(with(type, "(1,)", 4),
              std::string("elements of type \"") + type +
                  "\"; supported: bool, int32, int64, float32, float64, "
                  "little-endian");
  EXPECT_EQ(with("<i4", "(2,)", 4),
            "4 bytes of data; int32 of [2] is not that long");
  EXPECT_EQ(with("<i4", "(1,)", 8),
            "8 bytes of data; int32 of [1] is not that long");
  EXPECT_EQ(with("<i8", "(4294967296, 4294967296)", 0),
            "0 bytes of data; int64 of [4294967296, 4294967296] is not that "
            "long");
  for (const char *shape :
       {"(-1,)", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", "(99999999999999999999,)",
        "(1 2)", "(,)", "1", "(1.5,)"})
    EXPECT_EQ(with("<i4", shape, 4),
              "no .npy header of a plain array (of at most 8 dimensions)")
        << shape;
}

TEST_F(Npy, refusesOtherFiles) {
  EXPECT_EQ(refusal(path("none.npy")), "No such file or directory");
  EXPECT_EQ(refusal(file("")), "the file is truncated");
  EXPECT_EQ(refusal(file("\x93NUMPX\x01.........")), "no .npy file");
  EXPECT_EQ(refusal(file("\x93NUMPY\x04.........")),
            "version 4 of .npy; supported: 1 to 3");
  EXPECT_EQ(refusal(file(std::string("\x93NUMPY\x02\0\xFF\xFF\xFF\x7F", 12))),
            "header of 2147483647 bytes; at most 1048576 are supported");
  EXPECT_EQ(refusal(version1("{'descr': '<i4', 'shape': (1,)}", "1234")),
            "no .npy header of a plain array (of at most 8 dimensions)");
  EXPECT_EQ(refusal(version1("{'descr': '<i4', 'descr': '<i4', "
                             "'fortran_order': False, 'shape': (1,)}",
                             "1234")),
            "no .npy header of a plain array (of at most 8 dimensions)");
  EXPECT_EQ(refusal("/dev/zero"), "no .npy file");
  std::string pipe = path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(refusal(pipe), "not a regular file");
}

TEST_F(Npy, writesAllOrNothing) {
  int64_t shape[] = {2};
  ashlar_array arrays[2];
  for (ashlar_array &array : arrays)
    ASSERT_EQ(ashlar_array_make(&array, ASHLAR_FLOAT32, 1, shape, &error), 0);
  std::string first = path("a.npy"), second = path("none/b.npy");
  const char *paths[] = {first.c_str(), second.c_str()};
  EXPECT_EQ(ashlar_npy_write(paths, arrays, 2, &error), 1);
  EXPECT_EQ(filesInFolder(), 0u);
  EXPECT_NE(std::string(error.message).find("none/b.npy: No such file"),
            std::string::npos);
  paths[1] = folder.c_str();
  EXPECT_EQ(ashlar_npy_write(paths, arrays, 2, &error), 1);
  EXPECT_EQ(filesInFolder(), 0u);
  paths[1] = paths[0];
  EXPECT_EQ(ashlar_npy_write(paths, arrays, 2, &error), 1);
  EXPECT_EQ(filesInFolder(), 0u);
  for (ashlar_array &array : arrays)
    ashlar_array_free(&array);
}

TEST_F(Npy, writesToWhatIsNoFile) {
  int64_t shape[] = {3};
  ashlar_array array;
  ASSERT_EQ(ashlar_array_make(&array, ASHLAR_FLOAT32, 1, shape, &error), 0);
  std::string pipe = path("pipe"), link = path("link");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  ASSERT_EQ(symlink(pipe.c_str(), link.c_str()), 0);
  int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  const char *paths[] = {link.c_str(), "/dev/null", "/dev/null"};
  const ashlar_array arrays[] = {array, array, array};
  EXPECT_EQ(ashlar_npy_write(paths, arrays, 3, &error), 0) << error.message;
  char bytes[512];
  EXPECT_EQ(read(reader, bytes, sizeof(bytes)), 128 + 12);
  close(reader);
  // Neither the pipe nor the link has become a file.
  struct stat state;
  EXPECT_EQ(lstat(link.c_str(), &state), 0);
  EXPECT_TRUE(S_ISLNK(state.st_mode));
  EXPECT_EQ(stat(pipe.c_str(), &state), 0);
  EXPECT_TRUE(S_ISFIFO(state.st_mode));
  EXPECT_EQ(filesInFolder(), 2u);
  ashlar_array_free(&array);
}
