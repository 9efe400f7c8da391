//===- TemporaryFolder.cpp - A private place for one file ----------------===//

#include "tools/ashlar/TemporaryFolder.h"

#include "compiler/Support/Errors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <unistd.h>

using namespace ashlar;
using namespace ashlar::tool;

/// What the signal handler removes: a handler can be given nothing but this.
static char folderToRemove[PATH_MAX];

static const int endingSignals[] = {SIGINT, SIGTERM, SIGHUP};

extern "C" {
/// LLVM removes the files; the folder is empty then.
static void removeAndEnd(int signal) {
  llvm::sys::RunInterruptHandlers();
  rmdir(folderToRemove);
  ::signal(signal, SIG_DFL);
  raise(signal);
}
}

/// What the signals did before.
static struct sigaction savedActions[std::size(endingSignals)];

static void takeSignals() {
  for (size_t i = 0; i < std::size(endingSignals); ++i) {
    sigaction(endingSignals[i], nullptr, &savedActions[i]);
    // A signal that the parent ignores (nohup) stays ignored.
    if (savedActions[i].sa_handler == SIG_IGN)
      continue;
    struct sigaction action = {};
    action.sa_handler = removeAndEnd;
    sigaction(endingSignals[i], &action, nullptr);
  }
}

/// Holds the ending signals back: none may come between making the folder and
/// knowing that it is to be removed.
class SignalBlock {
public:
  SignalBlock() {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (int signal : endingSignals)
      sigaddset(&blocked, signal);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
  }
  ~SignalBlock() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }

private:
  sigset_t before;
};

static void giveSignalsBack() {
  for (size_t i = 0; i < std::size(endingSignals); ++i)
    sigaction(endingSignals[i], &savedActions[i], nullptr);
}

llvm::Expected<TemporaryFolder> TemporaryFolder::create() {
  llvm::SmallString<128> pattern;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, pattern);
  llvm::sys::path::append(pattern, "ashlar-XXXXXX");
  if (pattern.size() >= sizeof(folderToRemove))
    return userError(pattern, "the name of the temporary folder is too long",
                     "set TMPDIR to a shorter one");
  SignalBlock untilItIsKnown;
  if (!mkdtemp(const_cast<char *>(pattern.c_str()))) // of mode 0700
    return userError(pattern,
                     "the temporary folder cannot be made: " +
                         llvm::sys::StrError(errno),
                     "set TMPDIR to a folder that can be written");
  llvm::copy(pattern, folderToRemove);
  folderToRemove[pattern.size()] = 0;
  takeSignals();
  return TemporaryFolder(pattern.str().str());
}

std::string TemporaryFolder::file(llvm::StringRef name) {
  files.push_back(folder + "/" + name.str());
  llvm::sys::RemoveFileOnSignal(files.back());
  return files.back();
}

TemporaryFolder::~TemporaryFolder() {
  if (folder.empty())
    return;
  for (const std::string &path : files) {
    unlink(path.c_str()); // it may never have been made
    llvm::sys::DontRemoveFileOnSignal(path);
  }
  rmdir(folder.c_str());
  giveSignalsBack();
}
