//===- TemporaryFolder.h - A private place for one file --------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_TEMPORARYFOLDER_H
#define ASHLAR_TOOLS_ASHLAR_TEMPORARYFOLDER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace ashlar::tool {

/// A folder of mode 0700 under $TMPDIR that disappears with all the files that
/// were announced: at the end of its life, or when SIGINT, SIGTERM or SIGHUP
/// ends the process. One at a time.
class TemporaryFolder {
public:
  static llvm::Expected<TemporaryFolder> create();
  TemporaryFolder(TemporaryFolder &&other) noexcept
      : folder(std::move(other.folder)), files(std::move(other.files)) {
    other.folder.clear();
  }
  TemporaryFolder &operator=(TemporaryFolder &&) = delete;
  ~TemporaryFolder();

  /// The path of a file in it, which will be removed.
  std::string file(llvm::StringRef name);

private:
  explicit TemporaryFolder(std::string folder) : folder(std::move(folder)) {}

  std::string folder; // empty: moved from
  std::vector<std::string> files;
};

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_TEMPORARYFOLDER_H
