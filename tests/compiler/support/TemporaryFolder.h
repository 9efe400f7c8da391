//===- TemporaryFolder.h - A folder that a test may fill -------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_SUPPORT_TEMPORARYFOLDER_H
#define ASHLAR_TESTS_COMPILER_SUPPORT_TEMPORARYFOLDER_H

#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdlib.h>
#include <string>
#include <vector>

namespace ashlar {

/// Removed with its contents at the end of its life.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "ashlar-test-XXXXXX");
    path = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder &) = delete;

  std::string file(llvm::StringRef name) const {
    return path + "/" + name.str();
  }
  std::string write(llvm::StringRef name, llvm::StringRef contents) const {
    std::ofstream(file(name), std::ios::binary) << contents.str();
    return file(name);
  }
  std::string read(llvm::StringRef name) const {
    std::ostringstream contents;
    contents << std::ifstream(file(name), std::ios::binary).rdbuf();
    return contents.str();
  }
  /// Names of all entries, sorted.
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(path))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string path;
};

} // namespace ashlar

#endif // ASHLAR_TESTS_COMPILER_SUPPORT_TEMPORARYFOLDER_H
