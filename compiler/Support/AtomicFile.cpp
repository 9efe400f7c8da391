//===- AtomicFile.cpp - Outputs that appear complete or not at all --------===//

#include "compiler/Support/Files.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;
using llvm::Twine;

static Error writeError(StringRef path) {
  return userError(path, "cannot be written: " + llvm::sys::StrError());
}

namespace {

/// Holds off the signals that end a process: a temporary is created and
/// registered, or a group renamed, in one step as the handlers see it.
class SignalBlock {
public:
  SignalBlock() {
    sigset_t block;
    sigemptyset(&block);
    for (int signal : {SIGINT, SIGTERM, SIGHUP})
      sigaddset(&block, signal);
    pthread_sigmask(SIG_BLOCK, &block, &before);
  }
  ~SignalBlock() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }

private:
  sigset_t before;
};

} // namespace

/// Has `path` removed when a signal ends the process. LLVM handles signals
/// that the process ignores (nohup; SIGXFSZ, to get an error from a write
/// instead) as well: restore those.
static void removeOnSignal(StringRef path) {
  constexpr int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
  struct sigaction before[std::size(signals)];
  for (size_t i = 0; i < std::size(signals); ++i)
    sigaction(signals[i], nullptr, &before[i]);
  llvm::sys::RemoveFileOnSignal(path);
  for (size_t i = 0; i < std::size(signals); ++i)
    if (!(before[i].sa_flags & SA_SIGINFO) && before[i].sa_handler == SIG_IGN)
      sigaction(signals[i], &before[i], nullptr);
}

//===----------------------------------------------------------------------===//
// Creation
//===----------------------------------------------------------------------===//

/// The absolute path that a rename must replace so that `path` shows the new
/// file: symlinks are followed where they lead somewhere.
static Expected<std::string> resolveTarget(StringRef path) {
  if (path.empty() || path.contains('\0'))
    return userError(path, "this is no file name");
  std::string name = path.str();
  struct stat status;
  if (::stat(name.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode))
      return userError(path, "cannot be written: this is a folder");
    // A rename would put our file in the place of a device or a pipe.
    if (!S_ISREG(status.st_mode))
      return userError(path, "cannot be written: this is no regular file");
  } else if (errno != ENOENT) {
    return writeError(path);
  }
  SmallString<256> target;
  if (!llvm::sys::fs::real_path(path, target))
    return target.str().str();
  StringRef folder = llvm::sys::path::parent_path(path);
  StringRef base = llvm::sys::path::filename(path);
  if (base.empty() || base == "." || base == ".." || path.ends_with("/"))
    return userError(path, "this is no file name");
  if (std::error_code status =
          llvm::sys::fs::real_path(folder.empty() ? "." : folder, target))
    return userError(path, "cannot be written: folder \"" +
                               escapeForDisplay(folder) +
                               "\": " + status.message());
  llvm::sys::path::append(target, base);
  return target.str().str();
}

static constexpr llvm::StringLiteral temporaryPrefix = ".ashlar-";
static constexpr llvm::StringLiteral temporarySuffix = ".tmp";

bool AtomicFile::isTemporary(StringRef name) {
  return name.starts_with(temporaryPrefix) && name.ends_with(temporarySuffix);
}

/// A file name in `target`'s folder that nobody can foresee.
static std::string temporaryName(StringRef target) {
  uint64_t random[2] = {};
  // getrandom of so few bytes neither fails nor is interrupted on Linux.
  if (::getrandom(random, sizeof(random), 0) != sizeof(random))
    llvm::report_fatal_error("getrandom failed");
  SmallString<256> result = llvm::sys::path::parent_path(target);
  llvm::sys::path::append(result, temporaryPrefix + llvm::utohexstr(random[0]) +
                                      llvm::utohexstr(random[1]) +
                                      temporarySuffix);
  return result.str().str();
}

Expected<AtomicFile> AtomicFile::create(StringRef path, unsigned mode) {
  Expected<std::string> target = resolveTarget(path);
  if (!target)
    return target.takeError();
  std::string temporary = temporaryName(*target);
  SignalBlock block;
  Descriptor descriptor(llvm::sys::RetryAfterSignal(
      -1, ::open, temporary.c_str(),
      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!descriptor)
    return writeError(path);
  removeOnSignal(temporary);
  return AtomicFile(std::move(descriptor), path.str(), std::move(*target),
                    std::move(temporary));
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : descriptor(std::move(other.descriptor)), name(std::move(other.name)),
      target(std::move(other.target)),
      temporary(std::exchange(other.temporary, std::string())),
      appended(other.appended) {}

AtomicFile::~AtomicFile() {
  if (temporary.empty())
    return;
  ::unlink(temporary.c_str());
  forget();
}

void AtomicFile::forget() {
  llvm::sys::DontRemoveFileOnSignal(temporary);
  temporary.clear();
}

//===----------------------------------------------------------------------===//
// Contents
//===----------------------------------------------------------------------===//

Error AtomicFile::reopen() {
  Descriptor fresh(llvm::sys::RetryAfterSignal(
      -1, ::open, temporary.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!fresh)
    return writeError(name);
  descriptor = std::move(fresh);
  return Error::success();
}

/// Has the disk begin with each stretch of a long file that is complete, so
/// that `flush` need not wait for all of it. A hint: failure costs time alone.
static void beginWriteBack(const Descriptor &file, uint64_t begin,
                           uint64_t end) {
  constexpr uint64_t stretch = 32 << 20;
  begin -= begin % stretch;
  end -= end % stretch;
  if (begin < end)
    ::sync_file_range(file.get(), static_cast<off_t>(begin),
                      static_cast<off_t>(end - begin), SYNC_FILE_RANGE_WRITE);
}

Error AtomicFile::writeAt(uint64_t offset, llvm::ArrayRef<char> bytes) {
  const uint64_t begin = offset;
  while (!bytes.empty()) {
    ssize_t count = llvm::sys::RetryAfterSignal(-1, ::pwrite, descriptor.get(),
                                                bytes.data(), bytes.size(),
                                                static_cast<off_t>(offset));
    if (count < 0)
      return writeError(name);
    offset += static_cast<uint64_t>(count);
    bytes = bytes.drop_front(static_cast<size_t>(count));
  }
  beginWriteBack(descriptor, begin, offset);
  return Error::success();
}

Error AtomicFile::append(StringRef bytes) {
  if (Error error = writeAt(appended, {bytes.data(), bytes.size()}))
    return error;
  appended += bytes.size();
  return Error::success();
}

Error AtomicFile::readAt(uint64_t offset,
                         llvm::MutableArrayRef<char> out) const {
  while (!out.empty()) {
    ssize_t count =
        llvm::sys::RetryAfterSignal(-1, ::pread, descriptor.get(), out.data(),
                                    out.size(), static_cast<off_t>(offset));
    if (count < 0)
      return userError(name, "cannot be read back: " + llvm::sys::StrError());
    if (count == 0)
      return userError(name, "was truncated while it was written");
    offset += static_cast<uint64_t>(count);
    out = out.drop_front(static_cast<size_t>(count));
  }
  return Error::success();
}

Expected<uint64_t> AtomicFile::size() const {
  struct stat status;
  if (::fstat(descriptor.get(), &status) != 0)
    return writeError(name);
  return static_cast<uint64_t>(status.st_size);
}

Error AtomicFile::flush() {
  assert(!temporary.empty() && "committed twice");
  if (llvm::sys::RetryAfterSignal(-1, ::fsync, descriptor.get()) != 0)
    return writeError(name);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Commit
//===----------------------------------------------------------------------===//

Error AtomicFile::commit() {
  AtomicFile *self = this;
  return commitAll(self);
}

namespace {
enum class Placement { New, Exchanged, Replaced };
}

/// Renames `temporary` to `target`. What stood there is kept under the
/// temporary's name where the file system can exchange the two.
static std::optional<Placement> place(const std::string &temporary,
                                      const std::string &target) {
  auto rename = [&](unsigned flags) {
    return ::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(),
                       flags) == 0;
  };
  struct stat status;
  if (::lstat(target.c_str(), &status) != 0) {
    if (errno == ENOENT && rename(RENAME_NOREPLACE))
      return Placement::New;
  } else if (S_ISREG(status.st_mode) && rename(RENAME_EXCHANGE)) {
    return Placement::Exchanged;
  }
  if (::rename(temporary.c_str(), target.c_str()) == 0)
    return Placement::Replaced;
  return std::nullopt;
}

static void undo(Placement placement, const std::string &temporary,
                 const std::string &target) {
  if (placement == Placement::New)
    ::unlink(target.c_str());
  else if (placement == Placement::Exchanged)
    ::rename(temporary.c_str(), target.c_str());
}

Error ashlar::commitAll(llvm::MutableArrayRef<AtomicFile *> files) {
  llvm::StringSet<> targets;
  for (AtomicFile *file : files) {
    if (!targets.insert(file->target).second)
      return userError(file->name, "is named twice as an output");
    if (Error error = file->flush())
      return error;
  }
  SignalBlock block;
  llvm::SmallVector<Placement> placed;
  for (AtomicFile *file : files) {
    std::optional<Placement> placement = place(file->temporary, file->target);
    if (placement) {
      placed.push_back(*placement);
      continue;
    }
    Error error = writeError(file->name);
    for (size_t i = placed.size(); i-- > 0;)
      undo(placed[i], files[i]->temporary, files[i]->target);
    return error;
  }
  for (auto [file, placement] : llvm::zip_equal(files, placed)) {
    if (placement == Placement::Exchanged)
      ::unlink(file->temporary.c_str());
    file->forget();
  }
  return Error::success();
}
