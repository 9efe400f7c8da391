//===- SystemCallsTest.cpp - Calls only wait and wake ---------------------===//
//
// After session_create every system call but those that wait, wake, ask for the
// process id and end it kills the process. Would catch any allocation, file or
// output on the way of a token, in our code or in libc.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace ashlar::test;

namespace {

constexpr int noFilter = 77;

/// For all threads of this process, from now on.
bool allowWaitingOnly() {
#define ALLOW(number)                                                          \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),                           \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), // the call's number
      ALLOW(SYS_futex),
      ALLOW(SYS_getpid),
      ALLOW(SYS_exit_group),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  sock_fprog program = {std::size(filter), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                 SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

/// A thread that has just been started makes system calls before it comes to
/// our code. Waits until all threads but this one sleep.
void waitForSleepers() {
  auto allSleep = [] {
    for (const auto &task :
         std::filesystem::directory_iterator("/proc/self/task")) {
      if (task.path().filename() == std::to_string(syscall(SYS_gettid)))
        continue;
      std::string text;
      std::getline(std::ifstream(task.path() / "stat"), text);
      if (text.compare(text.rfind(')') + 1, 2, " S") != 0)
        return false;
    }
    return true;
  };
  while (!allSleep())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// Without destructors: they would give memory back.
[[noreturn]] void end(int status) {
  for (;;)
    syscall(SYS_exit_group, status);
}

/// Ends with 0 if all went well under the filter. `misbehave` shows that the
/// filter bites.
[[noreturn]] void child(int32_t threads, bool misbehave) {
  Model model = openModel(fake_pair);
  Session session = createSession(model, threads);
  Batch source, one, two;
  source.add(0, makeTokens(0, 0, 30)).add(1, makeTokens(1, 0, 270));
  one.add(1, makeTokens(2, 0, 200)).add(0, makeTokens(2, 0, 150));
  two.add(1, makeTokens(2, 200, 1));
  ashlar_batch views[] = {source.view(), one.view(), two.view()};
  static float out[FAKE_LOGITS * FAKE_TOKENS];
  waitForSleepers();
  if (!allowWaitingOnly())
    end(noFilter);
  if (misbehave)
    syscall(SYS_brk, 0);
  if (api().encode(session.get(), &views[0]) != ASHLAR_OK)
    end(1);
  for (int i = 0; i < 50; ++i) {
    if (api().decode(session.get(), &views[i ? 2 : 1]) != ASHLAR_OK)
      end(2);
    if (api().head(session.get(), 0, nullptr, 0, out, std::size(out)) !=
        ASHLAR_OK)
      end(3);
  }
  end(api().reset(session.get(), -1) == ASHLAR_OK ? 0 : 4);
}

/// The wait status of the child.
int statusOf(int32_t threads, bool misbehave) {
  pid_t process = fork();
  if (process == 0)
    child(threads, misbehave);
  int status = -1;
  waitpid(process, &status, 0);
  return status;
}

} // namespace

TEST(SystemCalls, CallsOnlyWaitAndWake) {
  for (int32_t threads : {1, 2, 7}) {
    int status = statusOf(threads, false);
    if (WIFEXITED(status) && WEXITSTATUS(status) == noFilter)
      GTEST_SKIP() << "this system has no seccomp filters";
    ASSERT_TRUE(WIFEXITED(status)) << "killed by " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0) << threads << " threads";
  }
  EXPECT_TRUE(WIFSIGNALED(statusOf(2, true)));
}
