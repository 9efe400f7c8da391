//===- Replay.cpp - Runs a fuzz target over its seeds ---------------------===//
//
// The main program of fuzz targets that are built without libFuzzer: every
// file of the named folder once. The target's own checks are asserts.
//
//===----------------------------------------------------------------------===//

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  size_t count = 0;
  std::error_code status;
  for (const auto &entry :
       std::filesystem::directory_iterator(argv[1], status)) {
    std::ostringstream contents;
    contents << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    std::string bytes = contents.str();
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()),
                           bytes.size());
    ++count;
  }
  std::printf("%zu seeds\n", count);
  return count == 0; // a wrong folder must not pass for success
}
