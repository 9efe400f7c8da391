//===- Files.h - Input files and atomic outputs ----------------*- C++ -*-===//
//
// Inputs are strangers' files: each is opened once, must be a regular file (a
// FIFO would hang, /dev/zero would never end) and is read with pread, so that
// a file truncated meanwhile is an error and no SIGBUS (safety S4, S5).
//
// Outputs are written to a temporary file in the output's folder and renamed
// when they are complete, so that every reader sees the old file or the new
// one (safety S11). Temporaries are registered with LLVM's signal handlers
// (llvm/Support/Signals.h), which unlink them on SIGINT, SIGTERM, SIGHUP and
// on a crash, then let the signal end the process as it would have.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SUPPORT_FILES_H
#define ASHLAR_COMPILER_SUPPORT_FILES_H

#include "compiler/Support/Errors.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <string>

namespace ashlar {

/// An open file descriptor, closed at the end of its life.
class Descriptor {
public:
  Descriptor() = default;
  explicit Descriptor(int value) : value(value) {}
  Descriptor(Descriptor &&other) noexcept : value(other.release()) {}
  Descriptor &operator=(Descriptor &&other) noexcept;
  ~Descriptor();

  int get() const { return value; }
  explicit operator bool() const { return value >= 0; }
  int release();

private:
  int value = -1;
};

/// What identifies a state of a file.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modifiedNs = 0; // since 1970
  bool operator==(const FileStamp &) const = default;
};

/// A regular file, opened once for reading. Reads are safe from many threads.
class InputFile {
public:
  static llvm::Expected<InputFile> open(llvm::StringRef path);

  const std::string &path() const { return name; }
  uint64_t size() const { return opened.size; }
  /// The file's state when it was opened.
  const FileStamp &stamp() const { return opened; }

  /// Fills `out` from `offset` on. Error: the file ends before, it was
  /// truncated since it was opened.
  llvm::Error readAt(uint64_t offset, llvm::MutableArrayRef<char> out) const;

  /// The whole file. Error: more than `limit` bytes, or changed meanwhile.
  llvm::Expected<std::string> readAll(uint64_t limit) const;

  /// Error when size or modification time differ from when it was opened. To
  /// be called after the last read: what was read is then one state's bytes.
  llvm::Error checkUnchanged() const;

private:
  InputFile(Descriptor descriptor, std::string name, FileStamp opened)
      : descriptor(std::move(descriptor)), name(std::move(name)),
        opened(opened) {}

  Descriptor descriptor;
  std::string name;
  FileStamp opened;
};

/// An output that appears under its name when committed, complete or not at
/// all. Not committed, it is removed at the end of its life.
class AtomicFile {
public:
  /// Opens a temporary in `path`'s folder. `mode` is subject to the umask. An
  /// existing `path` must be a regular file; a symlink's target is replaced.
  static llvm::Expected<AtomicFile> create(llvm::StringRef path,
                                           unsigned mode = 0666);
  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  /// Whether a file in some folder is called like an output that is not
  /// committed: what a killed process leaves.
  static bool isTemporary(llvm::StringRef name);

  /// The output's name as the user gave it.
  const std::string &path() const { return name; }
  /// For a linker that writes by name; it may replace the file: see reopen.
  const std::string &temporaryPath() const { return temporary; }
  /// Opens what stands under temporaryPath() now.
  llvm::Error reopen();

  llvm::Error writeAt(uint64_t offset, llvm::ArrayRef<char> bytes);
  /// Writes behind everything that was appended before.
  llvm::Error append(llvm::StringRef bytes);
  llvm::Error readAt(uint64_t offset, llvm::MutableArrayRef<char> out) const;
  llvm::Expected<uint64_t> size() const;

  /// fsync, then rename.
  llvm::Error commit();

private:
  friend llvm::Error commitAll(llvm::MutableArrayRef<AtomicFile *> files);

  AtomicFile(Descriptor descriptor, std::string name, std::string target,
             std::string temporary)
      : descriptor(std::move(descriptor)), name(std::move(name)),
        target(std::move(target)), temporary(std::move(temporary)) {}
  llvm::Error flush();
  void forget();

  Descriptor descriptor;
  std::string name;
  std::string target;    // absolute, symlinks resolved
  std::string temporary; // absolute; empty when committed
  uint64_t appended = 0;
};

/// Commits all files or none: when one cannot be renamed, those that were get
/// their old contents back. (Only a kill between two renames can part them.)
llvm::Error commitAll(llvm::MutableArrayRef<AtomicFile *> files);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SUPPORT_FILES_H
