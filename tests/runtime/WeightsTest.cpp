//===- WeightsTest.cpp - Where weights come from, and bad ones ------------===//
//
// Would catch: an image that is not checked, a wait on a FIFO, a descriptor
// that is closed or leaks, an image that is copied into the process, pages that
// are left for later.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

using namespace ashlar::test;

namespace {

struct Weights : testing::Test {
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/weightsXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    path = folder + "/image";
  }
  void TearDown() override {
    unlink(path.c_str());
    rmdir(folder.c_str());
  }

  void write(const void *image, size_t bytes) {
    int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_GE(file, 0);
    ASSERT_EQ(::write(file, image, bytes), ssize_t(bytes));
    close(file);
  }

  /// Opens, and if that works runs a call, which reads the image.
  ashlar_status openWith(const ashlar_weights_source *source) {
    ashlar_model *raw = nullptr;
    ashlar_status status = alpha_rt_open(&fake_external, source, &raw);
    EXPECT_EQ(raw == nullptr, status != ASHLAR_OK);
    if (status != ASHLAR_OK)
      return status;
    Model model(raw);
    Session session = createSession(model, 2);
    auto tokens = makeTokens(1, 0, 9);
    Batch batch;
    batch.add(0, tokens);
    ashlar_batch view = batch.view();
    EXPECT_EQ(api().decode(session.get(), &view), ASHLAR_OK);
    EXPECT_EQ(resultOf(session)[8], resultRow(tokens, 8, 9, {}, 0));
    return status;
  }

  ashlar_status openPath() {
    ashlar_weights_source source = {path.c_str(), nullptr, 0, -1, 0};
    return openWith(&source);
  }

  ashlar_status openMemory(const void *memory, size_t bytes) {
    ashlar_weights_source source = {nullptr, memory, bytes, -1, 0};
    return openWith(&source);
  }

  std::string folder, path;
};

/// Of the mappings of `path`, what this process has in its page tables.
size_t residentBytes(std::string path) {
  path.erase(0, path.rfind('/', path.rfind('/') - 1)); // folder and name
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  size_t total = 0;
  for (bool inside = false; std::getline(maps, line);) {
    unsigned long kilobytes;
    if (line.find('-') < line.find(':'))
      inside = line.find(path) != std::string::npos;
    else if (inside && sscanf(line.c_str(), "Rss: %lu", &kilobytes) == 1)
      total += kilobytes * 1024;
  }
  return total;
}

int openDescriptors() {
  int count = 0;
  for (int i = 0; i < 256; ++i)
    count += fcntl(i, F_GETFD) >= 0;
  return count;
}

} // namespace

TEST_F(Weights, FromAPath) {
  write(&fake_image, sizeof fake_image);
  int before = openDescriptors();
  EXPECT_EQ(openPath(), ASHLAR_OK);
  EXPECT_EQ(openDescriptors(), before);
  // {.path = ...} alone, descriptor 0.
  ashlar_weights_source source = {path.c_str(), nullptr, 0, 0, 0};
  EXPECT_EQ(openWith(&source), ASHLAR_OK);
}

TEST_F(Weights, FromADescriptorThatStaysOpen) {
  write(&fake_image, sizeof fake_image);
  int file = open(path.c_str(), O_RDONLY);
  ASSERT_EQ(lseek(file, 100, SEEK_SET), 100);
  ashlar_weights_source source = {nullptr, nullptr, 0, file, 0};
  EXPECT_EQ(openWith(&source), ASHLAR_OK);
  EXPECT_EQ(openWith(&source), ASHLAR_OK);
  EXPECT_EQ(lseek(file, 0, SEEK_CUR), 100);
  close(file);
  EXPECT_EQ(openWith(&source), ASHLAR_IO_ERROR);
}

TEST_F(Weights, FromMemory) {
  EXPECT_EQ(openMemory(&fake_image, sizeof fake_image), ASHLAR_OK);
  EXPECT_EQ(openMemory(&fake_image, SIZE_MAX), ASHLAR_OK);
  for (size_t bytes :
       {size_t(0), size_t(8), size_t(63), size_t(64), sizeof fake_image - 1})
    EXPECT_EQ(openMemory(&fake_image, bytes), ASHLAR_BAD_WEIGHTS) << bytes;
  EXPECT_EQ(openMemory(reinterpret_cast<const char *>(&fake_image) + 8,
                       sizeof fake_image),
            ASHLAR_INVALID_ARGUMENT);
}

TEST_F(Weights, TheMappingIsGivenBack) {
  write(&fake_image, sizeof fake_image);
  int64_t live = fake_requests.live;
  EXPECT_EQ(openPath(), ASHLAR_OK);
  EXPECT_EQ(fake_requests.live, live);
  ashlar_model *model = nullptr;
  ashlar_weights_source source = {path.c_str(), nullptr, 0, -1, 0};
  fake_requests.fail_in = 2; // the mapping itself
  errno = ENOMEM;
  EXPECT_EQ(alpha_rt_open(&fake_external, &source, &model),
            ASHLAR_OUT_OF_MEMORY);
  fake_requests.fail_in = -1;
  EXPECT_EQ(fake_requests.live, live);
}

TEST_F(Weights, TruncatedFiles) {
  for (size_t bytes : {0, 1, 63, 64, 4096, FAKE_WEIGHTS_BYTES - 1}) {
    write(&fake_image, bytes);
    EXPECT_EQ(openPath(), ASHLAR_BAD_WEIGHTS) << bytes;
  }
  std::string longer(reinterpret_cast<const char *>(&fake_image),
                     sizeof fake_image);
  longer += '\0';
  write(longer.data(), longer.size());
  EXPECT_EQ(openPath(), ASHLAR_BAD_WEIGHTS);
}

TEST_F(Weights, ForeignHeaders) {
  alignas(64) static fake_weights image;
  auto both = [&] {
    write(&image, sizeof image);
    ashlar_status status = openPath();
    EXPECT_EQ(openMemory(&image, sizeof image), status);
    return status;
  };
  image = fake_image;
  EXPECT_EQ(both(), ASHLAR_OK);
  for (size_t i = 0; i < sizeof image.header.magic; ++i) {
    image = fake_image;
    image.header.magic[i] ^= 1;
    EXPECT_EQ(both(), ASHLAR_BAD_WEIGHTS);
  }
  image = fake_image;
  image.header.build_id ^= uint64_t(1) << 63;
  EXPECT_EQ(both(), ASHLAR_BAD_WEIGHTS);
  for (int64_t bytes :
       {INT64_MIN, int64_t(-1), int64_t(0), int64_t(FAKE_WEIGHTS_BYTES - 1),
        int64_t(FAKE_WEIGHTS_BYTES + 1), INT64_MAX}) {
    image = fake_image;
    image.header.bytes = bytes;
    EXPECT_EQ(both(), ASHLAR_BAD_WEIGHTS) << bytes;
  }
}

TEST_F(Weights, WhatIsNoRegularFile) {
  EXPECT_EQ(openPath(), ASHLAR_IO_ERROR); // not there
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(openPath(), ASHLAR_IO_ERROR);
  for (const char *other : {"/dev/zero", "/dev/null", "/", ""}) {
    ashlar_weights_source source = {other, nullptr, 0, -1, 0};
    EXPECT_EQ(openWith(&source), ASHLAR_IO_ERROR) << other;
  }
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ashlar_weights_source source = {nullptr, nullptr, 0, ends[0], 0};
  EXPECT_EQ(openWith(&source), ASHLAR_IO_ERROR);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Weights, PrefaultMapsAllPages) {
  write(&fake_image, sizeof fake_image);
  ashlar_weights_source source = {path.c_str(), nullptr, 0, -1, 0};
  for (int32_t prefault : {0, 1}) {
    source.prefault = prefault;
    ashlar_model *model = nullptr;
    ASSERT_EQ(alpha_rt_open(&fake_external, &source, &model), ASHLAR_OK);
    EXPECT_EQ(residentBytes(path) == (sizeof fake_image + 4095) / 4096 * 4096,
              prefault == 1)
        << residentBytes(path);
    api().close(model);
    EXPECT_EQ(residentBytes(path), 0u);
  }
  EXPECT_EQ(openWith(&source), ASHLAR_OK);
  ashlar_weights_source memory = {nullptr, &fake_image, sizeof fake_image, -1,
                                  1};
  EXPECT_EQ(openWith(&memory), ASHLAR_OK);
  // An artifact that carries its weights.
  ashlar_weights_source own = {nullptr, nullptr, 0, -1, 1};
  ashlar_model *model = nullptr;
  ASSERT_EQ(api().open(&own, &model), ASHLAR_OK);
  api().close(model);
}

TEST_F(Weights, NoSourceOrTwo) {
  EXPECT_EQ(openWith(nullptr), ASHLAR_INVALID_ARGUMENT);
  ashlar_weights_source none = {nullptr, nullptr, 0, -1, 0};
  EXPECT_EQ(openWith(&none), ASHLAR_INVALID_ARGUMENT);
  ashlar_weights_source two = {path.c_str(), &fake_image, sizeof fake_image, -1,
                               0};
  EXPECT_EQ(openWith(&two), ASHLAR_INVALID_ARGUMENT);
  // An artifact that carries its weights takes no others.
  ashlar_model *model = nullptr;
  ashlar_weights_source other = {nullptr, &fake_image, sizeof fake_image, -1,
                                 0};
  EXPECT_EQ(api().open(&other, &model), ASHLAR_INVALID_ARGUMENT);
  EXPECT_EQ(api().open(nullptr, nullptr), ASHLAR_INVALID_ARGUMENT);
}
