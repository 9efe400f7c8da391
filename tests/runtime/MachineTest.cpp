//===- MachineTest.cpp - CPU features, cores and quotas -------------------===//
//
// Would catch: a feature bit that is not asked for, hyperthreads counted as
// cores, a cgroup limit (of either version, of any ancestor) that is missed.
//
//===----------------------------------------------------------------------===//

#include "tests/runtime/Harness.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace ashlar::test;
namespace fs = std::filesystem;

namespace {

/// What a machine with AVX-512 and with it switched on says.
struct Cpuid {
  uint32_t leaf1[4] = {0, 0, ~0u, 0};
  uint32_t leaf7[4] = {0, ~0u, ~0u, ~0u};
  uint32_t leaf7_1[4] = {~0u, 0, 0, 0};
  uint32_t extended1[4] = {0, 0, ~0u, 0};
  uint64_t xcr0 = ~uint64_t(0);
  int64_t level() const {
    return alpha_rt_cpu_level_of(leaf1, leaf7, leaf7_1, extended1, xcr0);
  }
};

/// A folder that stands for the root of a file system.
struct Machine : testing::Test {
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/machineXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root = pattern;
  }
  void TearDown() override { fs::remove_all(root); }

  void put(const std::string &path, const std::string &text) {
    fs::create_directories(fs::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }
  void putSiblings(int cpu, const std::string &list) {
    put("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
            "/topology/thread_siblings_list",
        list + "\n");
  }
  int32_t cores(std::vector<uint64_t> mask) {
    return alpha_rt_physical_cores(root.c_str(), mask.data(),
                                   int32_t(mask.size()));
  }
  int32_t quota() { return alpha_rt_cgroup_cpus(root.c_str()); }

  std::string root;
};

} // namespace

TEST(Cpu, LevelsAskForEveryFeature) {
  EXPECT_EQ(Cpuid().level(), ASHLAR_CPU_SAPPHIRE_RAPIDS);
  for (uint32_t bit : {0, 9, 12, 13, 19, 20, 22, 23, 27, 28, 29}) {
    Cpuid cpu;
    cpu.leaf1[2] &= ~(1u << bit);
    EXPECT_EQ(cpu.level(), 0) << "leaf 1 ecx " << bit;
  }
  for (uint32_t bit : {3, 5, 8}) {
    Cpuid cpu;
    cpu.leaf7[1] &= ~(1u << bit);
    EXPECT_EQ(cpu.level(), 0) << "leaf 7 ebx " << bit;
  }
  for (uint32_t bit : {0, 5}) {
    Cpuid cpu;
    cpu.extended1[2] &= ~(1u << bit);
    EXPECT_EQ(cpu.level(), 0) << "leaf 80000001 ecx " << bit;
  }
  for (uint32_t bit : {16, 17, 28, 30, 31}) {
    Cpuid cpu;
    cpu.leaf7[1] &= ~(1u << bit);
    EXPECT_EQ(cpu.level(), ASHLAR_CPU_X86_64_V3) << "leaf 7 ebx " << bit;
  }
  Cpuid vnni;
  vnni.leaf7[2] &= ~(1u << 11);
  EXPECT_EQ(vnni.level(), ASHLAR_CPU_X86_64_V4);
  for (uint32_t bit : {22, 24, 25}) {
    Cpuid cpu;
    cpu.leaf7[3] &= ~(1u << bit);
    EXPECT_EQ(cpu.level(), ASHLAR_CPU_X86_64_V4_VNNI) << "leaf 7 edx " << bit;
  }
  Cpuid bf16;
  bf16.leaf7_1[0] &= ~(1u << 5);
  EXPECT_EQ(bf16.level(), ASHLAR_CPU_X86_64_V4_VNNI);
}

TEST(Cpu, RegistersMustBeSaved) {
  for (uint64_t bit : {1, 2}) {
    Cpuid cpu;
    cpu.xcr0 &= ~(uint64_t(1) << bit);
    EXPECT_EQ(cpu.level(), 0);
  }
  for (uint64_t bit : {5, 6, 7}) {
    Cpuid cpu;
    cpu.xcr0 &= ~(uint64_t(1) << bit);
    EXPECT_EQ(cpu.level(), ASHLAR_CPU_X86_64_V3);
  }
  for (uint64_t bit : {17, 18}) {
    Cpuid cpu;
    cpu.xcr0 &= ~(uint64_t(1) << bit);
    EXPECT_EQ(cpu.level(), ASHLAR_CPU_X86_64_V4_VNNI);
  }
}

TEST(Cpu, ThisMachineAsTheCompilerSeesIt) {
  int64_t level = 0;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2"))
    level = ASHLAR_CPU_X86_64_V3;
  if (level && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    level = ASHLAR_CPU_X86_64_V4;
  if (level == ASHLAR_CPU_X86_64_V4 && __builtin_cpu_supports("avx512vnni"))
    level = ASHLAR_CPU_X86_64_V4_VNNI;
  if (level == ASHLAR_CPU_X86_64_V4_VNNI &&
      __builtin_cpu_supports("amx-bf16") &&
      __builtin_cpu_supports("amx-int8") &&
      __builtin_cpu_supports("avx512bf16"))
    level = ASHLAR_CPU_SAPPHIRE_RAPIDS;
  EXPECT_EQ(alpha_rt_cpu_level(), level);
}

TEST(Cpu, AnUnknownLevelIsRefused) {
  ashlar_plan plan = fake_decoder;
  ashlar_model *model = nullptr;
  plan.cpu_level = ASHLAR_CPU_SAPPHIRE_RAPIDS + 1;
  EXPECT_EQ(alpha_rt_open(&plan, nullptr, &model), ASHLAR_UNSUPPORTED_CPU);
  EXPECT_EQ(model, nullptr);
  plan.cpu_level = alpha_rt_cpu_level();
  EXPECT_EQ(alpha_rt_open(&plan, nullptr, &model), ASHLAR_OK);
  api().close(model);
}

// Catches: a plan that the machine cannot run, and one below the best that it
// can.
TEST(Cpu, TheBestPlanThatTheMachineRunsIsTaken) {
  ashlar_plan lowest = fake_decoder;
  ashlar_plan middle = fake_decoder;
  ashlar_plan best = fake_decoder;
  middle.lower = &lowest;
  best.lower = &middle;
  EXPECT_EQ(alpha_rt_choose_plan(&best), &best);
  best.cpu_level = ASHLAR_CPU_SAPPHIRE_RAPIDS + 1;
  EXPECT_EQ(alpha_rt_choose_plan(&best), &middle);
  // Tiles may be refused on a machine that has them.
  middle.uses_tiles = 1;
  EXPECT_EQ(alpha_rt_choose_plan(&best),
            alpha_rt_cpu_request_tiles() ? &middle : &lowest);
  middle.cpu_level = lowest.cpu_level = best.cpu_level;
  EXPECT_EQ(alpha_rt_choose_plan(&best), &lowest);
  ashlar_model *model = nullptr;
  EXPECT_EQ(alpha_rt_open(&lowest, nullptr, &model), ASHLAR_UNSUPPORTED_CPU);
}

TEST_F(Machine, CoresWithoutTopologyAreCpus) {
  EXPECT_EQ(cores({0b1011}), 3);
  EXPECT_EQ(cores({0}), 0);
  EXPECT_EQ(cores({1, 1}), 2);
}

TEST_F(Machine, HyperthreadsAreOneCore) {
  for (int cpu = 0; cpu < 4; ++cpu) {
    std::string list = std::to_string(cpu) + "," + std::to_string(cpu + 4);
    putSiblings(cpu, list);
    putSiblings(cpu + 4, list);
  }
  EXPECT_EQ(cores({0xff}), 4);
  EXPECT_EQ(cores({0xf0}), 4); // the first siblings are not ours
  EXPECT_EQ(cores({0x13}), 2);
}

TEST_F(Machine, SiblingRangesAndNonsense) {
  for (int cpu = 0; cpu < 4; ++cpu)
    putSiblings(cpu, cpu < 2 ? "0-1" : "2-3");
  EXPECT_EQ(cores({0xf}), 2);
  EXPECT_EQ(cores({0xe}), 2);
  for (const char *text :
       {"", "-", "a", "1-", "3-1", ",", "9999999999999999999", "5000-6000"}) {
    putSiblings(2, text);
    EXPECT_EQ(cores({0x4}), 1) << text;
  }
}

TEST_F(Machine, NoCgroupsNoLimit) {
  EXPECT_EQ(quota(), INT32_MAX);
  put("/proc/self/cgroup", "0::/a\n");
  EXPECT_EQ(quota(), INT32_MAX);
}

TEST_F(Machine, QuotaOfVersion2) {
  put("/proc/self/cgroup", "0::/user/job\n");
  put("/sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), INT32_MAX);
  put("/sys/fs/cgroup/user/job/cpu.max", "350000 100000\n");
  EXPECT_EQ(quota(), 3);
  put("/sys/fs/cgroup/user/cpu.max", "250000 100000\n"); // an ancestor's
  EXPECT_EQ(quota(), 2);
  put("/sys/fs/cgroup/cpu.max", "50000 100000\n"); // the mount's own
  EXPECT_EQ(quota(), 1);
}

TEST_F(Machine, QuotaOfVersion1) {
  put("/proc/self/cgroup", "12:memory:/x\n4:cpu,cpuacct:/docker/7\n"
                           "3:cpuset:/y\n0::/\n");
  std::string folder = "/sys/fs/cgroup/cpu,cpuacct/docker/7";
  put(folder + "/cpu.cfs_quota_us", "-1\n");
  put(folder + "/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), INT32_MAX);
  put(folder + "/cpu.cfs_quota_us", "600000\n");
  EXPECT_EQ(quota(), 6);
  // Inside a container the cgroup's own folder is the mount.
  put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 2);
}

TEST_F(Machine, QuotaOfNonsense) {
  put("/proc/self/cgroup",
      "0::/" + std::string(3000, 'x') + "\nno colons\n:\n::\n4:cpu\n");
  put("/sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(quota(), 4);
  for (const char *text :
       {"", "max", "0 100000", "100000 0", "x y", "100000", "-1 100000"}) {
    put("/sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(quota(), INT32_MAX) << text;
  }
  put("/sys/fs/cgroup/cpu.max", "99999999999999999999999 1");
  EXPECT_EQ(quota(), INT32_MAX);
}

TEST(Threads, DefaultIsAtLeastOneAndAtMostTheCores) {
  int32_t threads = alpha_rt_default_threads();
  EXPECT_GE(threads, 1);
  EXPECT_LE(threads, ASHLAR_MAX_WORKERS);
  EXPECT_LE(threads, alpha_rt_cgroup_cpus(""));
}
