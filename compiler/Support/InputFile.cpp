//===- InputFile.cpp - Regular files, opened once -------------------------===//

#include "compiler/Support/Files.h"

#include "llvm/Support/Errno.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ashlar;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Descriptor
//===----------------------------------------------------------------------===//

Descriptor &Descriptor::operator=(Descriptor &&other) noexcept {
  if (this != &other) {
    if (value >= 0)
      ::close(value);
    value = other.release();
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (value >= 0)
    ::close(value);
}

int Descriptor::release() {
  int result = value;
  value = -1;
  return result;
}

//===----------------------------------------------------------------------===//
// InputFile
//===----------------------------------------------------------------------===//

static FileStamp stampOf(const struct stat &status) {
  FileStamp stamp;
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.size = static_cast<uint64_t>(status.st_size);
  stamp.modifiedNs =
      int64_t(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  return stamp;
}

static StringRef kindOf(mode_t mode) {
  if (S_ISDIR(mode))
    return "a folder";
  if (S_ISFIFO(mode))
    return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode))
    return "a device";
  return "a socket";
}

Expected<InputFile> InputFile::open(StringRef path) {
  std::string name = path.str();
  if (StringRef(name).contains('\0'))
    return userError(name, "a file name may not contain a zero byte");
  // O_NONBLOCK: opening a pipe without a writer would wait for one.
  Descriptor descriptor(llvm::sys::RetryAfterSignal(
      -1, ::open, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status;
  if (!descriptor || ::fstat(descriptor.get(), &status) != 0)
    return userError(name, "cannot be opened: " + llvm::sys::StrError());
  if (!S_ISREG(status.st_mode))
    return userError(name, "this is " + kindOf(status.st_mode) +
                               "; expected a regular file");
  return InputFile(std::move(descriptor), std::move(name), stampOf(status));
}

Error InputFile::readAt(uint64_t offset,
                        llvm::MutableArrayRef<char> out) const {
  while (!out.empty()) {
    ssize_t count =
        llvm::sys::RetryAfterSignal(-1, ::pread, descriptor.get(), out.data(),
                                    out.size(), static_cast<off_t>(offset));
    if (count < 0)
      return userError(name, "cannot be read: " + llvm::sys::StrError());
    if (count == 0)
      return userError(name, "the file was truncated while it was read: it "
                             "ends at byte " +
                                 Twine(offset) + ", it had " + Twine(size()) +
                                 " when it was opened");
    offset += static_cast<uint64_t>(count);
    out = out.drop_front(static_cast<size_t>(count));
  }
  return Error::success();
}

Expected<std::string> InputFile::readAll(uint64_t limit) const {
  if (size() > limit)
    return userError(name, "the file has " + Twine(size()) +
                               " bytes; at most " + Twine(limit) + " are read");
  std::string result(size(), '\0');
  if (Error error = readAt(0, {result.data(), result.size()}))
    return std::move(error);
  if (Error error = checkUnchanged())
    return std::move(error);
  return result;
}

Error InputFile::checkUnchanged() const {
  struct stat status;
  if (::fstat(descriptor.get(), &status) != 0)
    return userError(name, "cannot be read: " + llvm::sys::StrError());
  if (stampOf(status) != opened)
    return userError(name, "the file was changed while it was read",
                     "run again when nothing writes to it");
  return Error::success();
}
