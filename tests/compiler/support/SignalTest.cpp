//===- SignalTest.cpp - Signals while an output is written ----------------===//
//
// A program of its own: handlers are installed once per process, by the first
// output that is created, so only children of this process create any.
//
//===----------------------------------------------------------------------===//

#include "compiler/Support/Files.h"
#include "tests/compiler/support/ErrorText.h"
#include "tests/compiler/support/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace ashlar;

static std::vector<std::string> names(std::vector<std::string> list) {
  return list;
}

/// Runs `body` in a child process; returns its wait status.
template <typename Body> static int inChild(Body body) {
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST(AtomicFile, SignalsLeaveNoTemporary) {
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    TemporaryFolder folder;
    folder.write("out", "old");
    int status = inChild([&] {
      signal(number, SIG_DFL);
      AtomicFile file = valueOf(AtomicFile::create(folder.file("out")));
      AtomicFile other = valueOf(AtomicFile::create(folder.file("other")));
      if (llvm::Error error = file.append("new"))
        _exit(1);
      if (folder.entries().size() != 3)
        _exit(2);
      raise(number);
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == number) << number;
    EXPECT_EQ(folder.entries(), names({"out"})) << number;
    EXPECT_EQ(folder.read("out"), "old");
  }
}

TEST(AtomicFile, SignalAfterCommitKeepsTheOutput) {
  TemporaryFolder folder;
  int status = inChild([&] {
    signal(SIGTERM, SIG_DFL);
    AtomicFile file = valueOf(AtomicFile::create(folder.file("out")));
    if (llvm::Error error = file.append("new"))
      _exit(1);
    if (llvm::Error error = file.commit())
      _exit(1);
    raise(SIGTERM);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(folder.entries(), names({"out"}));
  EXPECT_EQ(folder.read("out"), "new");
}

// nohup: a hangup must not take the temporary away from a process that goes
// on.
TEST(AtomicFile, IgnoredSignalsStayIgnored) {
  TemporaryFolder folder;
  int status = inChild([&] {
    signal(SIGHUP, SIG_IGN);
    AtomicFile file = valueOf(AtomicFile::create(folder.file("out")));
    AtomicFile other = valueOf(AtomicFile::create(folder.file("other")));
    raise(SIGHUP);
    if (llvm::Error error = file.commit())
      _exit(1);
    AtomicFile again = valueOf(AtomicFile::create(folder.file("out")));
    raise(SIGHUP);
    if (llvm::Error error = again.commit())
      _exit(1);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(folder.entries(), names({"out"}));
}

// Nothing can remove the temporary then, but the output's name must still
// show the old contents.
TEST(AtomicFile, KillLeavesTheOldOutput) {
  TemporaryFolder folder;
  folder.write("out", "old");
  int status = inChild([&] {
    AtomicFile file = valueOf(AtomicFile::create(folder.file("out")));
    if (llvm::Error error = file.append("new"))
      _exit(1);
    raise(SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(folder.read("out"), "old");
}
