//===- FilesTest.cpp - Inputs that may be anything, outputs that are whole ===//

#include "compiler/Support/Files.h"
#include "tests/compiler/support/ErrorText.h"
#include "tests/compiler/support/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ashlar;
namespace fs = std::filesystem;

static std::vector<std::string> names(std::vector<std::string> list) {
  return list;
}

//===----------------------------------------------------------------------===//
// InputFile
//===----------------------------------------------------------------------===//

TEST(InputFile, ReadsAllAndParts) {
  TemporaryFolder folder;
  InputFile file = valueOf(InputFile::open(folder.write("a", "0123456789")));
  EXPECT_EQ(file.size(), 10u);
  EXPECT_EQ(valueOf(file.readAll(10)), "0123456789");
  EXPECT_EQ(errorText(file.readAll(9)),
            file.path() + ": the file has 10 bytes; at most 9 are read");
  char part[3];
  EXPECT_EQ(errorText(file.readAt(7, part)), "");
  EXPECT_EQ(std::string(part, 3), "789");
  EXPECT_EQ(errorText(file.readAt(10, llvm::MutableArrayRef<char>())), "");
  EXPECT_EQ(errorText(file.checkUnchanged()), "");
}

TEST(InputFile, EmptyFile) {
  TemporaryFolder folder;
  InputFile file = valueOf(InputFile::open(folder.write("a", "")));
  EXPECT_EQ(valueOf(file.readAll(0)), "");
}

// Opening any of these naively waits forever or yields endless bytes; the
// alarm ends a test program that does.
TEST(InputFile, RefusesWhatIsNoRegularFile) {
  TemporaryFolder folder;
  alarm(20);
  ASSERT_EQ(mkfifo(folder.file("fifo").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", folder.file("zero"));
  fs::create_symlink("loop", folder.file("loop"));
  EXPECT_EQ(errorText(InputFile::open(folder.file("fifo"))),
            folder.file("fifo") + ": this is a pipe; expected a regular file");
  EXPECT_EQ(errorText(InputFile::open(folder.file("zero"))),
            folder.file("zero") +
                ": this is a device; expected a regular file");
  EXPECT_EQ(errorText(InputFile::open("/dev/zero")),
            "/dev/zero: this is a device; expected a regular file");
  EXPECT_EQ(errorText(InputFile::open(folder.path)),
            folder.path + ": this is a folder; expected a regular file");
  EXPECT_NE(errorText(InputFile::open(folder.file("loop"))), "");
  EXPECT_EQ(errorText(InputFile::open(folder.file("none"))),
            folder.file("none") +
                ": cannot be opened: No such file or directory");
  EXPECT_NE(errorText(InputFile::open("")), "");
  EXPECT_NE(errorText(InputFile::open(llvm::StringRef("a\0b", 3))), "");
  alarm(0);
}

TEST(InputFile, FollowsSymlinks) {
  TemporaryFolder folder;
  folder.write("blob", "x");
  fs::create_symlink("blob", folder.file("link"));
  EXPECT_EQ(valueOf(valueOf(InputFile::open(folder.file("link"))).readAll(9)),
            "x");
}

TEST(InputFile, NoticesTruncation) {
  TemporaryFolder folder;
  std::string path = folder.write("a", std::string(1000, 'x'));
  InputFile file = valueOf(InputFile::open(path));
  fs::resize_file(path, 400);
  char bytes[300];
  EXPECT_EQ(errorText(file.readAt(100, bytes)), "");
  EXPECT_EQ(errorText(file.readAt(200, bytes)),
            path + ": the file was truncated while it was read: it ends at "
                   "byte 400, it had 1000 when it was opened");
  EXPECT_NE(errorText(file.readAll(1000)), "");
  EXPECT_NE(errorText(file.checkUnchanged()), "");
}

TEST(InputFile, NoticesRewriting) {
  TemporaryFolder folder;
  std::string path = folder.write("a", "old");
  InputFile file = valueOf(InputFile::open(path));
  // The same size, another time: what a second save of a model looks like.
  fs::last_write_time(path, fs::last_write_time(path) +
                                std::chrono::nanoseconds(1000));
  EXPECT_EQ(errorText(file.checkUnchanged()),
            path + ": the file was changed while it was read\nrun again when "
                   "nothing writes to it");
  EXPECT_NE(errorText(file.readAll(3)), "");
}

// Another file under the name does not disturb: ours stays open.
TEST(InputFile, KeepsTheFileItOpened) {
  TemporaryFolder folder;
  std::string path = folder.write("a", "old");
  InputFile file = valueOf(InputFile::open(path));
  fs::rename(folder.write("b", "new contents"), path);
  EXPECT_EQ(valueOf(file.readAll(3)), "old");
  EXPECT_NE(file.stamp(), valueOf(InputFile::open(path)).stamp());
}

//===----------------------------------------------------------------------===//
// AtomicFile
//===----------------------------------------------------------------------===//

TEST(AtomicFile, AppearsWhenCommitted) {
  TemporaryFolder folder;
  folder.write("out", "old");
  AtomicFile file = valueOf(AtomicFile::create(folder.file("out")));
  EXPECT_EQ(folder.entries().size(), 2u);
  EXPECT_EQ(errorText(file.append("ab")), "");
  EXPECT_EQ(errorText(file.append("cd")), "");
  EXPECT_EQ(errorText(file.writeAt(6, llvm::ArrayRef<char>{'x'})), "");
  EXPECT_EQ(errorText(file.writeAt(0, llvm::ArrayRef<char>{'A'})), "");
  EXPECT_EQ(valueOf(file.size()), 7u);
  char bytes[2];
  EXPECT_EQ(errorText(file.readAt(1, bytes)), "");
  EXPECT_EQ(std::string(bytes, 2), "bc");
  EXPECT_NE(errorText(file.readAt(6, bytes)), "");
  EXPECT_EQ(folder.read("out"), "old");
  EXPECT_EQ(errorText(file.commit()), "");
  EXPECT_EQ(folder.read("out"), std::string("Abcd\0\0x", 7));
  EXPECT_EQ(folder.entries(), names({"out"}));
}

TEST(AtomicFile, LeavesNothingWhenNotCommitted) {
  TemporaryFolder folder;
  folder.write("out", "old");
  {
    AtomicFile file = valueOf(AtomicFile::create(folder.file("out")));
    EXPECT_EQ(errorText(file.append("new")), "");
  }
  EXPECT_EQ(folder.entries(), names({"out"}));
  EXPECT_EQ(folder.read("out"), "old");
}

TEST(AtomicFile, Modes) {
  TemporaryFolder folder;
  mode_t before = umask(027);
  EXPECT_EQ(errorText(valueOf(AtomicFile::create(folder.file("a"))).commit()),
            "");
  EXPECT_EQ(
      errorText(valueOf(AtomicFile::create(folder.file("b"), 0777)).commit()),
      "");
  umask(before);
  auto mode = [&](const char *name) {
    return static_cast<unsigned>(fs::status(folder.file(name)).permissions());
  };
  EXPECT_EQ(mode("a"), 0640u);
  EXPECT_EQ(mode("b"), 0750u);
}

// Renaming over /dev/null would put a file in its place.
TEST(AtomicFile, RefusesWhatIsNoRegularFile) {
  TemporaryFolder folder;
  alarm(20);
  ASSERT_EQ(mkfifo(folder.file("fifo").c_str(), 0600), 0);
  EXPECT_EQ(errorText(AtomicFile::create(folder.file("fifo"))),
            folder.file("fifo") +
                ": cannot be written: this is no regular file");
  EXPECT_NE(errorText(AtomicFile::create("/dev/null")), "");
  EXPECT_EQ(errorText(AtomicFile::create(folder.path)),
            folder.path + ": cannot be written: this is a folder");
  for (const char *bad : {"", ".", "..", "none/", "none/a"})
    EXPECT_NE(errorText(AtomicFile::create(folder.file(bad))), "") << bad;
  EXPECT_NE(errorText(AtomicFile::create("")), "");
  EXPECT_EQ(folder.entries(), names({"fifo"}));
  alarm(0);
}

TEST(AtomicFile, OddNames) {
  TemporaryFolder folder;
  for (const std::string &name :
       {std::string("@file"), std::string("-x"), std::string(255, 'n'),
        std::string("a\nb \"c\"")}) {
    EXPECT_EQ(
        errorText(valueOf(AtomicFile::create(folder.file(name))).commit()), "");
    EXPECT_EQ(folder.entries(), names({name}));
    fs::remove(folder.file(name));
  }
}

TEST(AtomicFile, ReplacesASymlinksTarget) {
  TemporaryFolder folder;
  fs::create_directory(folder.file("sub"));
  folder.write("sub/real", "old");
  fs::create_symlink("sub/real", folder.file("link"));
  AtomicFile file = valueOf(AtomicFile::create(folder.file("link")));
  EXPECT_EQ(errorText(file.append("new")), "");
  EXPECT_EQ(errorText(file.commit()), "");
  EXPECT_TRUE(fs::is_symlink(folder.file("link")));
  EXPECT_EQ(folder.read("sub/real"), "new");
}

// A linker writes a new file and renames it to the name it was given.
TEST(AtomicFile, ReopensWhatALinkerWrote) {
  TemporaryFolder folder;
  AtomicFile file = valueOf(AtomicFile::create(folder.file("out")));
  fs::rename(folder.write("linked", "code"), file.temporaryPath());
  EXPECT_EQ(errorText(file.reopen()), "");
  EXPECT_EQ(valueOf(file.size()), 4u);
  EXPECT_EQ(errorText(file.writeAt(4, llvm::ArrayRef<char>{'!'})), "");
  EXPECT_EQ(errorText(file.commit()), "");
  EXPECT_EQ(folder.read("out"), "code!");
  EXPECT_EQ(folder.entries(), names({"out"}));
}

TEST(AtomicFile, ReportsAFullDisk) {
  TemporaryFolder folder;
  AtomicFile file = valueOf(AtomicFile::create(folder.file("out")));
  signal(SIGXFSZ, SIG_IGN);
  rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  std::string text = errorText(file.append(std::string(4000, 'x')));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(text, folder.file("out") + ": cannot be written: File too large");
}

//===----------------------------------------------------------------------===//
// commitAll
//===----------------------------------------------------------------------===//

TEST(CommitAll, CommitsAll) {
  TemporaryFolder folder;
  folder.write("a", "old");
  AtomicFile a = valueOf(AtomicFile::create(folder.file("a")));
  AtomicFile b = valueOf(AtomicFile::create(folder.file("b")));
  EXPECT_EQ(errorText(a.append("1")), "");
  EXPECT_EQ(errorText(b.append("2")), "");
  AtomicFile *files[] = {&a, &b};
  EXPECT_EQ(errorText(commitAll(files)), "");
  EXPECT_EQ(folder.read("a") + folder.read("b"), "12");
  EXPECT_EQ(folder.entries(), names({"a", "b"}));
}

TEST(CommitAll, RestoresAllWhenOneFails) {
  TemporaryFolder folder;
  folder.write("a", "old");
  {
    AtomicFile a = valueOf(AtomicFile::create(folder.file("a")));
    AtomicFile b = valueOf(AtomicFile::create(folder.file("b")));
    AtomicFile c = valueOf(AtomicFile::create(folder.file("c")));
    EXPECT_EQ(errorText(a.append("1")), "");
    // A folder appears under the last file's name: its rename must fail.
    fs::create_directory(folder.file("c"));
    AtomicFile *files[] = {&a, &b, &c};
    EXPECT_NE(errorText(commitAll(files)), "");
  }
  EXPECT_EQ(folder.read("a"), "old");
  EXPECT_EQ(folder.entries(), names({"a", "c"}));
}

TEST(CommitAll, RefusesOneNameTwice) {
  TemporaryFolder folder;
  {
    AtomicFile a = valueOf(AtomicFile::create(folder.file("a")));
    AtomicFile b = valueOf(AtomicFile::create(folder.file("./a")));
    AtomicFile *files[] = {&a, &b};
    EXPECT_EQ(errorText(commitAll(files)),
              folder.file("./a") + ": is named twice as an output");
  }
  EXPECT_EQ(folder.entries(), names({}));
}
