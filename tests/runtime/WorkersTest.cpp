//===- WorkersTest.cpp - Threads, their state, their failures -------------===//
//
// Would catch: a barrier that lets someone through or sleeps for ever, a part
// of a phase that nobody or two workers take, crowds of workers that spin, a
// floating point state that leaks out, a thread that is lost when another cannot
// be started, and workers used after a fork.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

#include <chrono>
#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <xmmintrin.h>

using namespace ashlar::test;

TEST(Workers, AnyNumberGivesTheSameRows) {
  for (int32_t threads : {1, 2, 3, 7, 40}) {
    Checked checked(fake_pair, threads);
    checked.encode({0, 1, 4}, {3, 200, 64});
    for (int32_t call = 0; call < 20; ++call)
      checked.decode({0, 1, 4}, {1, 1 + call % 3, 5});
    for (int32_t i = 0; i < threads; ++i)
      EXPECT_EQ(arenaOf(checked.session).runs[i], 21) << "worker " << i;
    EXPECT_EQ(arenaOf(checked.session).runs[threads], 0);
  }
}

TEST(Workers, EachPartIsTakenOnce) {
  // Fewer parts than workers, more, and more workers than a worker looks at.
  for (int32_t threads : {1, 2, 3, 7, 8, 9, 40}) {
    Checked checked(fake_decoder, threads);
    std::vector<int32_t> expected(FAKE_TOKENS);
    for (int32_t parts : {1, 2, 5, 8, 9, 31, 39, 41, 150})
      for (int32_t call = 0; call < 2; ++call) {
        checked.decode({call}, {parts});
        for (int32_t part = 0; part < parts; ++part)
          ++expected[part];
      }
    for (const auto &layer : arenaOf(checked.session).taken)
      EXPECT_EQ(std::vector<int32_t>(std::begin(layer), std::end(layer)),
                expected)
          << threads << " workers";
  }
}

TEST(Workers, MoreThanCoresDoNotCollapse) {
  // Three barriers per call. A spin barrier that holds on to its core until the
  // scheduler takes it away needs milliseconds for each.
  Checked checked(fake_decoder, 40);
  auto begin = std::chrono::steady_clock::now();
  for (int32_t call = 0; call < 100; ++call)
    checked.decode({0, 1, 2, 3, 4}, {1, 1, 1, 1, 1});
  std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - begin;
  RecordProperty("seconds", std::to_string(taken.count()));
  EXPECT_LT(taken.count(), 20.0);
}

TEST(Workers, SleepBetweenCalls) {
  Checked checked(fake_decoder, 8);
  checked.decode({0}, {1});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  double seconds = double(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, 0.1);
  checked.decode({0}, {1});
}

TEST(Workers, SessionsRunSideBySide) {
  std::vector<std::thread> users;
  for (int user = 0; user < 4; ++user)
    users.emplace_back([user] {
      Checked checked(fake_decoder, 1 + user);
      for (int32_t call = 0; call < 30; ++call)
        checked.decode({user, 4}, {1 + call % 4, 2});
    });
  for (std::thread &user : users)
    user.join();
}

TEST(Workers, ASessionMayMoveBetweenThreads) {
  Checked checked(fake_decoder, 3);
  for (int call = 0; call < 10; ++call)
    std::thread([&] { checked.decode({0}, {3}); }).join();
}

TEST(Workers, CreatingAndDestroyingInARow) {
  Model model = openModel(fake_decoder);
  int64_t live = fake_requests.live;
  for (int i = 0; i < 50; ++i)
    createSession(model, 1 + i % 9);
  EXPECT_EQ(fake_requests.live, live);
}

TEST(Workers, FloatingPointStateIsSetAndGivenBack) {
  Checked checked(fake_decoder, 3);
  unsigned before = _mm_getcsr();
  // Round towards zero, no flushing, a sticky flag set.
  unsigned odd = 0x1f80u | 0x6000u | 0x20u;
  _mm_setcsr(odd);
  checked.decode({0}, {20});
  unsigned afterDecode = _mm_getcsr();
  float out[FAKE_LOGITS * 20];
  ashlar_status status =
      api().head(checked.session.get(), 0, nullptr, 0, out, std::size(out));
  unsigned afterHead = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(status, ASHLAR_OK);
  EXPECT_EQ(afterDecode, odd);
  EXPECT_EQ(afterHead, odd);
  for (int32_t i = 0; i < 3; ++i) // flags aside: all masked, nearest, FTZ, DAZ
    EXPECT_EQ(arenaOf(checked.session).state[i] & ~0x3fu, 0x9fc0u);
}

TEST(Workers, AThreadThatCannotBeStarted) {
  Model model = openModel(fake_decoder);
  for (int32_t failing = 1; failing < 6; ++failing) {
    fake_system before = fake_requests;
    ashlar_session_options options = {6, nullptr, 0, nullptr, 0};
    ashlar_session *session = nullptr;
    // Four pieces of bookkeeping, arena, cache and team come first.
    fake_requests.fail_in = 7 + failing;
    EXPECT_EQ(api().session_create(model.get(), &options, &session),
              ASHLAR_THREAD_ERROR);
    fake_requests.fail_in = -1;
    EXPECT_EQ(session, nullptr);
    EXPECT_EQ(fake_requests.live, before.live) << "a leak";
  }
}

TEST(Workers, NoMemoryAtAnyStep) {
  Model model = openModel(fake_decoder);
  int32_t refusals = 0;
  for (int64_t step = 1;; ++step) {
    int64_t live = fake_requests.live;
    ashlar_session_options options = {1, nullptr, 0, nullptr, 0};
    ashlar_session *session = nullptr;
    fake_requests.fail_in = step;
    ashlar_status status =
        api().session_create(model.get(), &options, &session);
    fake_requests.fail_in = -1;
    if (status == ASHLAR_OK) {
      api().session_destroy(session);
      EXPECT_EQ(fake_requests.live, live);
      break;
    }
    EXPECT_EQ(status, ASHLAR_OUT_OF_MEMORY);
    EXPECT_EQ(session, nullptr);
    EXPECT_EQ(fake_requests.live, live) << "a leak at step " << step;
    ++refusals;
  }
  EXPECT_EQ(refusals, 7);
  ashlar_model *none = nullptr;
  fake_requests.fail_in = 1;
  EXPECT_EQ(api().open(nullptr, &none), ASHLAR_OUT_OF_MEMORY);
  fake_requests.fail_in = -1;
  EXPECT_EQ(none, nullptr);
}

TEST(Workers, NoRequestAfterCreation) {
  Checked checked(fake_pair, 3);
  float out[FAKE_LOGITS * 100];
  int64_t requests = fake_requests.requests;
  checked.encode({0, 1}, {50, 200});
  checked.decode({0, 1}, {20, 50});
  EXPECT_EQ(api().head(checked.session.get(), 0, nullptr, 0, out, 300),
            ASHLAR_OK);
  EXPECT_EQ(fake_requests.requests, requests);
}

namespace {

/// Exit status of `body` in a child process; -1 if it did not end itself.
template <typename Body> int inChild(Body body) {
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body());
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
    return -1;
  return WEXITSTATUS(status);
}

ashlar_status decodeOne(ashlar_session *session) {
  Batch batch;
  batch.add(0, makeTokens(0, 0, 1));
  ashlar_batch view = batch.view();
  return api().decode(session, &view);
}

} // namespace

TEST(Workers, AfterAForkTheChildIsRefused) {
  Checked checked(fake_decoder, 3);
  checked.decode({0}, {10});
  int status = inChild([&] {
    float out[FAKE_LOGITS * 10];
    ashlar_session *session = checked.session.get();
    if (decodeOne(session) != ASHLAR_AFTER_FORK)
      return 1;
    if (api().head(session, 0, nullptr, 0, out, 30) != ASHLAR_AFTER_FORK)
      return 2;
    if (api().length(session, 0) != 10)
      return 3;
    // Gives the memory back without waiting for threads that are not there.
    checked.session.reset();
#ifdef __SANITIZE_THREAD__ // it cannot follow threads after a fork
    return 0;
#else
    // A session of the child's own works.
    Session own = createSession(checked.model, 2);
    return decodeOne(own.get()) == ASHLAR_OK ? 0 : 4;
#endif
  });
  EXPECT_EQ(status, 0);
  checked.decode({0}, {10});
}

TEST(Workers, AfterAForkASingleThreadGoesOn) {
  Checked checked(fake_decoder, 1);
  checked.decode({0}, {10});
  EXPECT_EQ(inChild([&] {
              return decodeOne(checked.session.get()) == ASHLAR_OK ? 0 : 1;
            }),
            0);
  checked.decode({0}, {10});
}

TEST(Workers, SignalsStayWithTheHostsThreads) {
  // All threads of this process but the workers block SIGUSR1: if a worker took
  // it, the handler would run.
  static volatile std::sig_atomic_t handled;
  handled = 0;
  struct sigaction action = {}, old;
  action.sa_handler = [](int) { handled = 1; };
  sigaction(SIGUSR1, &action, &old);
  Checked checked(fake_decoder, 4);
  sigset_t block, before;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &block, &before);
  kill(getpid(), SIGUSR1);
  checked.decode({0}, {10});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(handled, 0);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(handled, 1);
  sigaction(SIGUSR1, &old, nullptr);
}
