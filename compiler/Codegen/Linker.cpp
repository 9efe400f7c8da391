//===- Linker.cpp - The in-process link -----------------------------------===//

#include "compiler/Codegen/Linker.h"

#include "compiler/Codegen/Embedded.h"
#include "compiler/Support/Files.h"

#include "lld/Common/Driver.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/raw_ostream.h"

#include <fcntl.h>
#include <mutex>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

using namespace ashlar;

static llvm::Error linkError(const llvm::Twine &text) {
  return llvm::createStringError("link: " + text);
}

static std::string descriptorPath(const Descriptor &descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor.get());
}

/// A file in memory that the linker opens by descriptorPath.
static llvm::Expected<Descriptor> memoryFile(llvm::StringRef bytes) {
  // Hardened systems ask for the flag, kernels before 6.3 do not know it.
  constexpr unsigned noExecSeal = 8;
  Descriptor file(::memfd_create("ashlar-link", MFD_CLOEXEC | noExecSeal));
  if (!file)
    file = Descriptor(::memfd_create("ashlar-link", MFD_CLOEXEC));
  if (!file)
    return linkError("memfd_create: " + llvm::sys::StrError());
  while (!bytes.empty()) {
    ssize_t count = llvm::sys::RetryAfterSignal(-1, ::write, file.get(),
                                                bytes.data(), bytes.size());
    if (count < 0)
      return linkError("memory for the link: " + llvm::sys::StrError());
    bytes = bytes.drop_front(count);
  }
  return file;
}

namespace {
/// Takes what is written to a descriptor, on a thread of its own: a pipe holds
/// less than a linked file. (std::thread would abort where none can be had.)
class PipeReader {
public:
  explicit PipeReader(int descriptor) : descriptor(descriptor) {}

  llvm::Error start() {
    auto body = [](void *self) -> void * {
      static_cast<PipeReader *>(self)->readToEnd();
      return nullptr;
    };
    if (int status = ::pthread_create(&thread, nullptr, body, this))
      return linkError("thread: " + llvm::sys::StrError(status));
    return llvm::Error::success();
  }
  /// Everything up to the end; to be called once, when the writer has closed.
  std::string finish() {
    ::pthread_join(thread, nullptr);
    return std::move(bytes);
  }

private:
  void readToEnd() {
    std::vector<char> chunk(1 << 16);
    for (;;) {
      ssize_t count = llvm::sys::RetryAfterSignal(-1, ::read, descriptor,
                                                  chunk.data(), chunk.size());
      if (count <= 0)
        return;
      bytes.append(chunk.data(), count);
    }
  }

  int descriptor;
  pthread_t thread{};
  std::string bytes;
};
} // namespace

/// Runs lld with `options`; its output goes through a pipe. To a file, lld
/// would write through a mapping, where a full disk is a SIGBUS.
static llvm::Expected<std::string> runLld(llvm::ArrayRef<std::string> options) {
  // lld's state is global.
  static std::mutex oneAtATime;
  std::lock_guard lock(oneAtATime);

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return linkError("pipe: " + llvm::sys::StrError());
  Descriptor readEnd(ends[0]), writeEnd(ends[1]);
  PipeReader reader(readEnd.get());
  if (llvm::Error error = reader.start())
    return error;

  std::string outputOption = "-o" + descriptorPath(writeEnd);
  std::vector<const char *> arguments = {"ld.lld", outputOption.c_str(),
                                         "--no-mmap-output-file"};
  for (const std::string &option : options)
    arguments.push_back(option.c_str());
  std::string messages;
  llvm::raw_string_ostream os(messages);
  lld::Result result =
      lld::lldMain(arguments, os, os, {{lld::Gnu, &lld::elf::link}});
  writeEnd = Descriptor();
  std::string output = reader.finish();

  if (result.retCode != 0)
    return linkError(messages);
  // After a crash that lld recovered from, its state is anybody's guess.
  if (!result.canRunAgain)
    llvm::report_fatal_error("link: lld cannot run again");
  return output;
}

/// Links what `inputs` hold, in their order, with `options`.
static llvm::Expected<std::string> link(llvm::ArrayRef<llvm::StringRef> inputs,
                                        std::vector<std::string> options) {
  for (llvm::StringRef option :
       {"-melf_x86_64", "--threads=1", "--error-limit=20", "--no-demangle"})
    options.push_back(option.str());
  std::vector<Descriptor> files;
  for (llvm::StringRef bytes : inputs) {
    llvm::Expected<Descriptor> file = memoryFile(bytes);
    if (!file)
      return file.takeError();
    options.push_back(descriptorPath(*file));
    files.push_back(std::move(*file));
  }
  return runLld(options);
}

llvm::Expected<std::string>
ashlar::linkRelocatable(llvm::ArrayRef<llvm::StringRef> objects) {
  return link(objects, {"-r"});
}

/// Links `object` and the stub libraries with `options`.
static llvm::Expected<std::string>
linkWithStubs(llvm::ArrayRef<char> object, std::vector<std::string> options) {
  for (llvm::StringRef option :
       {"--build-id=none", "--hash-style=gnu", "--eh-frame-hdr",
        "--gc-sections", "--as-needed", "--no-undefined", "-zrelro", "-znow",
        "-znoexecstack", "-zseparate-code", "-ztext"})
    options.push_back(option.str());
  return link({llvm::StringRef(object.data(), object.size()),
               embedded::stubLibc(), embedded::stubLibm(),
               embedded::stubLibpthread()},
              std::move(options));
}

llvm::Expected<std::string> ashlar::linkShared(llvm::ArrayRef<char> object,
                                               llvm::StringRef soname) {
  return linkWithStubs(object, {"-shared", "-soname=" + soname.str()});
}

llvm::Expected<std::string>
ashlar::linkExecutable(llvm::ArrayRef<char> object) {
  return linkWithStubs(
      object, {"-pie", "--dynamic-linker=/lib64/ld-linux-x86-64.so.2"});
}

llvm::Expected<std::string> ashlar::makeArchive(llvm::ArrayRef<char> object,
                                                llvm::StringRef member) {
  std::vector<llvm::NewArchiveMember> members;
  members.emplace_back(llvm::MemoryBufferRef(
      llvm::StringRef(object.data(), object.size()), member));
  auto archive = llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NormalSymtab,
      llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  return (*archive)->getBuffer().str();
}
