//===- ArtifactCache.h - Compiled models that commands keep ----*- C++ -*-===//
//
// Commands that take a model compile it once: the library stays in a folder of
// the user's, under a name that says what it was made of. A folder or a library
// that others could have written is not used (safety S11), since loading runs
// its code.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_ASHLAR_ARTIFACTCACHE_H
#define ASHLAR_TOOLS_ASHLAR_ARTIFACTCACHE_H

#include "compiler/Compiler.h"

#include "llvm/Support/Chrono.h"

#include <optional>
#include <string>
#include <vector>

namespace ashlar::tool {

/// Of a key, which is a number in hexadecimal notation.
constexpr size_t keyDigits = 32;

class ArtifactCache {
public:
  /// $ASHLAR_CACHE_DIR, else $XDG_CACHE_HOME/ashlar, else ~/.cache/ashlar;
  /// empty: the environment names none.
  static std::string userFolder();

  /// The user's cache; makes the folder where there is none. Error: it cannot
  /// be made, or others may write to it.
  static llvm::Expected<ArtifactCache> open();

  /// Where the library of `key` is or goes.
  std::string pathOf(llvm::StringRef key) const;
  /// Whether it is there and nobody else can have written it. It counts as used
  /// now.
  bool contains(llvm::StringRef key) const;
  /// What its compilation warned of; one sentence each.
  std::vector<std::string> warningsOf(llvm::StringRef key) const;
  /// After pathOf(key) was written. Removes what was not used for longest, as
  /// long as all take more than `mostBytes` together.
  void keep(llvm::StringRef key, llvm::ArrayRef<std::string> warnings) const;
  void remove(llvm::StringRef key) const;

  struct Usage {
    size_t libraries = 0;
    uint64_t bytes = 0;
  };
  Usage usage() const;
  /// Removes all libraries, and what is left of unfinished ones; gives what the
  /// former took.
  Usage clear() const;

  static constexpr uint64_t mostBytes = uint64_t(20) << 30;

private:
  explicit ArtifactCache(std::string folder) : folder(std::move(folder)) {}
  struct Entry;
  std::vector<Entry> entries() const;
  /// Removes outputs that nobody has written to since `since` and that are not
  /// finished: their processes were killed.
  void removeLeftovers(llvm::sys::TimePoint<> since) const;

  std::string folder;
};

/// What decides the library that compiling `model` with `options` gives: the
/// compiler, the options, the description and the state of all files that it
/// may read. None: there are too many of them to look at. Error:
/// limits beyond the model's own.
llvm::Expected<std::optional<std::string>>
cacheKey(llvm::StringRef model, const ImportResult &imported,
         const CompileOptions &options);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_ARTIFACTCACHE_H
