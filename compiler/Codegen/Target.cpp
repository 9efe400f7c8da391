//===- Target.cpp - Levels of CPUs that code is made for ------------------===//

#include "compiler/Codegen/Target.h"

#include "compiler/Support/Errors.h"
#include "runtime/abi.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/Function.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

using namespace ashlar;

static constexpr llvm::StringLiteral linux64 = "x86_64-unknown-linux-gnu";

static constexpr Target table[] = {
    {"x86-64-v3", "AVX2, FMA: Intel since Haswell, AMD since Zen", linux64,
     "x86-64-v3", "", ASHLAR_CPU_X86_64_V3, /*vectorBits=*/256,
     /*vectorRegisters=*/16, /*gemmRows=*/6, /*gemmPanels=*/1,
     /*gemmPrefetchLines=*/0, /*prefetchLines=*/8, /*vnni=*/false,
     /*tiles=*/false},
    {"x86-64-v4", "AVX-512: Intel servers since Skylake, AMD since Zen 4",
     linux64, "x86-64-v4", "", ASHLAR_CPU_X86_64_V4, /*vectorBits=*/512,
     /*vectorRegisters=*/32, /*gemmRows=*/8, /*gemmPanels=*/3,
     /*gemmPrefetchLines=*/16, /*prefetchLines=*/24, /*vnni=*/false,
     /*tiles=*/false},
    {"x86-64-v4-vnni",
     "AVX-512 VNNI: Intel since Cascade Lake, AMD since Zen 4", linux64,
     "x86-64-v4", "+avx512vnni", ASHLAR_CPU_X86_64_V4_VNNI,
     /*vectorBits=*/512, /*vectorRegisters=*/32, /*gemmRows=*/8,
     /*gemmPanels=*/3, /*gemmPrefetchLines=*/16, /*prefetchLines=*/24,
     /*vnni=*/true, /*tiles=*/false},
    {"sapphirerapids", "AMX: Intel servers since Sapphire Rapids", linux64,
     "x86-64-v4", "+avx512vnni,+avx512bf16,+amx-tile,+amx-bf16,+amx-int8",
     ASHLAR_CPU_SAPPHIRE_RAPIDS, /*vectorBits=*/512, /*vectorRegisters=*/32,
     /*gemmRows=*/8, /*gemmPanels=*/3, /*gemmPrefetchLines=*/16,
     /*prefetchLines=*/24, /*vnni=*/true,
     /*tiles=*/true},
};

/// `level` under another name: nobody shall take its code for the level's.
static constexpr Target emulate(Target level, llvm::StringRef name) {
  level.name = name;
  level.cpu = table[0].cpu;
  level.features = table[0].features;
  level.cpuLevel = table[0].cpuLevel;
  level.emulated = true;
  return level;
}

static constexpr Target emulations[] = {
    emulate(table[1], "x86-64-v4, emulated"),
    emulate(table[2], "x86-64-v4-vnni, emulated"),
    emulate(table[3], "sapphirerapids, emulated")};
static_assert(std::size(emulations) + 1 == std::size(table));

/// What a level asks beyond the one below it (v3 and v4: the x86-64 psABI);
/// each level includes the ones before it.
static llvm::ArrayRef<llvm::StringLiteral> requiredFeatures(int cpuLevel) {
  static constexpr llvm::StringLiteral v3[] = {
      "cx16", "sahf", "popcnt", "sse4.2", "avx",   "avx2",
      "bmi",  "bmi2", "f16c",   "fma",    "lzcnt", "movbe"};
  static constexpr llvm::StringLiteral v4[] = {
      "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"};
  static constexpr llvm::StringLiteral vnni[] = {"avx512vnni"};
  static constexpr llvm::StringLiteral tiles[] = {"avx512bf16", "amx-tile",
                                                  "amx-bf16", "amx-int8"};
  switch (cpuLevel) {
  case ASHLAR_CPU_X86_64_V3:
    return v3;
  case ASHLAR_CPU_X86_64_V4:
    return v4;
  case ASHLAR_CPU_X86_64_V4_VNNI:
    return vnni;
  default:
    assert(cpuLevel == ASHLAR_CPU_SAPPHIRE_RAPIDS && "no such level");
    return tiles;
  }
}

llvm::ArrayRef<Target> ashlar::targets() { return table; }

const Target *
ashlar::bestTarget(llvm::function_ref<bool(llvm::StringRef)> hasFeature) {
  const Target *best = nullptr;
  for (const Target &target : table) {
    if (!llvm::all_of(requiredFeatures(target.cpuLevel), hasFeature))
      break;
    best = &target;
  }
  return best;
}

static std::string targetNames() {
  return llvm::join(
      llvm::map_range(table, [](const Target &t) { return t.name.str(); }),
      ", ");
}

static llvm::Expected<const Target *> nativeTarget() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (const Target *best = bestTarget(
          [&](llvm::StringRef name) { return features.lookup(name); }))
    return best;
  return userError("--target=native",
                   "this CPU (" + llvm::sys::getHostCPUName() +
                       ") lacks what the lowest level, " + table[0].name +
                       ", needs",
                   "name a level: " + targetNames());
}

llvm::Expected<const Target *> ashlar::findTarget(llvm::StringRef name) {
  if (name == "native")
    return nativeTarget();
  for (const Target &target : table)
    if (target.name == name)
      return &target;
  return userError("--target",
                   "unknown level \"" + escapeForDisplay(name) + "\"",
                   "supported: native, " + targetNames());
}

llvm::Expected<Targets> ashlar::findTargets(llvm::StringRef names) {
  Targets found;
  for (llvm::StringRef name : llvm::split(names, ',')) {
    llvm::Expected<const Target *> target = findTarget(name);
    if (!target)
      return target.takeError();
    found.push_back(*target);
  }
  // All are rows of one table.
  llvm::sort(found);
  found.erase(llvm::unique(found), found.end());
  return found;
}

std::string ashlar::namesOf(llvm::ArrayRef<const Target *> targets) {
  return llvm::join(
      llvm::map_range(targets, [](const Target *t) { return t->name.str(); }),
      ", ");
}

const Target *ashlar::emulationOf(const Target &target) {
  assert(!target.emulated && "once is enough");
  return &target == table ? nullptr : &emulations[&target - table - 1];
}

std::string ashlar::targetHelp() {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "one of these, or several, split by commas: the best one that the CPU "
        "runs is taken\n";
  os << llvm::left_justify("native", 16)
     << "the best of these that this CPU runs\n";
  for (const Target &target : table)
    os << llvm::left_justify(target.name, 16) << target.description << '\n';
  return text;
}

void ashlar::setTargetAttributes(llvm::Function &function,
                                 const Target &target) {
  function.addFnAttr("target-cpu", target.cpu);
  if (!target.features.empty())
    function.addFnAttr("target-features", target.features);
  // LLVM avoids zmm registers on most CPUs unless it is told otherwise.
  std::string bits = std::to_string(target.vectorBits);
  function.addFnAttr("prefer-vector-width", bits);
  function.addFnAttr("min-legal-vector-width", bits);
}
