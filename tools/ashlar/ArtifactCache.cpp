//===- ArtifactCache.cpp - Compiled models that commands keep ------------===//

#include "tools/ashlar/ArtifactCache.h"

#include "compiler/Support/Errors.h"
#include "compiler/Support/Files.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;

static constexpr llvm::StringLiteral librarySuffix = ".so";
static constexpr llvm::StringLiteral warningsSuffix = ".warnings";
/// Of a file of warnings; each is a sentence.
static constexpr uint64_t mostWarningBytes = 1 << 20;

static StringRef environment(const char *name) {
  const char *value = ::getenv(name);
  return value ? value : "";
}

std::string ArtifactCache::userFolder() {
  if (StringRef own = environment("ASHLAR_CACHE_DIR"); !own.empty())
    return own.str();
  // The XDG base directory specification: a relative path is to be ignored.
  if (StringRef caches = environment("XDG_CACHE_HOME"); caches.starts_with("/"))
    return (caches + "/ashlar").str();
  if (StringRef home = environment("HOME"); home.starts_with("/"))
    return (home + "/.cache/ashlar").str();
  return {};
}

/// Ours, and for nobody else to write.
static bool isPrivate(const struct stat &status) {
  return status.st_uid == ::geteuid() &&
         !(status.st_mode & (S_IWGRP | S_IWOTH));
}

llvm::Expected<ArtifactCache> ArtifactCache::open() {
  constexpr StringRef remedy = "name another folder with ASHLAR_CACHE_DIR";
  std::string folder = userFolder();
  if (folder.empty())
    return userError("", "no folder for compiled models: HOME is not set",
                     remedy);
  using llvm::sys::fs::perms;
  if (std::error_code code = llvm::sys::fs::create_directories(
          folder, /*IgnoreExisting=*/true, perms::owner_all))
    return userError(folder, "cannot be made: " + code.message(), remedy);
  struct stat status;
  if (::stat(folder.c_str(), &status) != 0)
    return userError(folder, llvm::sys::StrError(errno), remedy);
  if (!S_ISDIR(status.st_mode))
    return userError(folder, "is no folder", remedy);
  if (!isPrivate(status))
    return userError(folder,
                     "is not used for compiled models: others own it or may "
                     "write to it",
                     remedy);
  return ArtifactCache(std::move(folder));
}

std::string ArtifactCache::pathOf(StringRef key) const {
  return folder + "/" + key.str() + librarySuffix.str();
}

bool ArtifactCache::contains(StringRef key) const {
  std::string path = pathOf(key);
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
      !isPrivate(status))
    return false;
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  return true;
}

static std::string besides(const std::string &library) {
  return StringRef(library).drop_back(librarySuffix.size()).str() +
         warningsSuffix.str();
}

std::vector<std::string> ArtifactCache::warningsOf(StringRef key) const {
  std::vector<std::string> warnings;
  llvm::Expected<InputFile> file = InputFile::open(besides(pathOf(key)));
  if (!file) {
    llvm::consumeError(file.takeError()); // there were none
    return warnings;
  }
  llvm::Expected<std::string> text = file->readAll(mostWarningBytes);
  if (!text) {
    llvm::consumeError(text.takeError());
    return warnings;
  }
  for (StringRef line : llvm::split(*text, '\n'))
    if (!line.empty())
      warnings.push_back(line.str());
  return warnings;
}

void ArtifactCache::remove(StringRef key) const {
  std::string path = pathOf(key);
  ::unlink(path.c_str());
  ::unlink(besides(path).c_str());
}

struct ArtifactCache::Entry {
  std::string key;
  uint64_t bytes = 0;
  llvm::sys::TimePoint<> used;
};

static llvm::sys::TimePoint<> timeOf(const struct stat &status) {
  return llvm::sys::toTimePoint(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

/// Files that have the name of a library here.
std::vector<ArtifactCache::Entry> ArtifactCache::entries() const {
  std::vector<Entry> found;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator i(folder, code), end;
       i != end && !code; i.increment(code)) {
    StringRef name = llvm::sys::path::filename(i->path());
    StringRef key = name;
    if (!key.consume_back(librarySuffix) || key.size() != keyDigits ||
        !llvm::all_of(key, [](char c) { return llvm::isHexDigit(c); }))
      continue;
    struct stat status;
    if (::lstat(i->path().c_str(), &status) == 0 && S_ISREG(status.st_mode))
      found.push_back({key.str(), uint64_t(status.st_size), timeOf(status)});
  }
  return found;
}

void ArtifactCache::removeLeftovers(llvm::sys::TimePoint<> since) const {
  std::error_code code;
  for (llvm::sys::fs::directory_iterator i(folder, code), end;
       i != end && !code; i.increment(code)) {
    struct stat status;
    if (AtomicFile::isTemporary(llvm::sys::path::filename(i->path())) &&
        ::lstat(i->path().c_str(), &status) == 0 && timeOf(status) <= since)
      ::unlink(i->path().c_str());
  }
}

void ArtifactCache::keep(StringRef key,
                         llvm::ArrayRef<std::string> warnings) const {
  std::string path = pathOf(key);
  // Whatever the umask says: what others may write is not loaded.
  ::chmod(path.c_str(), S_IRUSR | S_IWUSR | S_IXUSR);
  if (!warnings.empty()) {
    llvm::Expected<AtomicFile> file = AtomicFile::create(besides(path), 0600);
    llvm::Error error = file ? file->append(llvm::join(warnings, "\n") + "\n")
                             : file.takeError();
    if (!error && file)
      error = file->commit();
    llvm::consumeError(std::move(error)); // they have been printed
  }
  // Nobody compiles for so long without writing.
  removeLeftovers(std::chrono::system_clock::now() - std::chrono::hours(24));
  std::vector<Entry> all = entries();
  llvm::sort(all,
             [](const Entry &a, const Entry &b) { return a.used > b.used; });
  uint64_t bytes = 0;
  for (const Entry &entry : all) {
    bytes += entry.bytes;
    if (bytes > mostBytes && entry.key != key)
      remove(entry.key);
  }
}

ArtifactCache::Usage ArtifactCache::usage() const {
  Usage sum;
  for (const Entry &entry : entries()) {
    ++sum.libraries;
    sum.bytes += entry.bytes;
  }
  return sum;
}

ArtifactCache::Usage ArtifactCache::clear() const {
  Usage removed = usage();
  for (const Entry &entry : entries())
    remove(entry.key);
  removeLeftovers(std::chrono::system_clock::now());
  return removed;
}
