//===- MachineLimits.cpp - Limits that an artifact has here --------------===//

#include "tools/ashlar/MachineLimits.h"

#include "compiler/Support/Errors.h"
#include "runtime/abi.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;
using namespace ashlar::tool;
using limits::Unit;

limits::Unit
ashlar::tool::unitFor(llvm::StringRef precision, int64_t cpuLevel,
                      llvm::function_ref<bool(limits::Unit)> isUsable) {
  bool hasTiles = cpuLevel >= ASHLAR_CPU_SAPPHIRE_RAPIDS;
  bool hasVnni = cpuLevel >= ASHLAR_CPU_X86_64_V4_VNNI;
  bool isWide = cpuLevel >= ASHLAR_CPU_X86_64_V4;
  if (precision == "bf16" && hasTiles && isUsable(Unit::AmxBf16))
    return Unit::AmxBf16;
  if (precision == "int8" || precision == "int4") {
    if (hasTiles && isUsable(Unit::AmxInt8))
      return Unit::AmxInt8;
    if (hasVnni && isUsable(Unit::VnniAvx512))
      return Unit::VnniAvx512;
    bool isShort = precision == "int4";
    Unit wide = isShort ? Unit::MaddShortAvx512 : Unit::MaddAvx512;
    if (isWide && isUsable(wide))
      return wide;
    return isShort ? Unit::MaddShortAvx2 : Unit::MaddAvx2;
  }
  return isWide && isUsable(Unit::FmaAvx512) ? Unit::FmaAvx512 : Unit::FmaAvx2;
}

std::vector<std::string>
ashlar::tool::precisionsOf(const ManifestView &manifest) {
  std::vector<std::string> precisions{"f32"};
  for (const ManifestEntry &entry : manifest.entries)
    for (const ManifestPhases &group : entry.phases)
      for (const ManifestPhase &phase : group.phases)
        if (!llvm::is_contained(precisions, phase.precision))
          precisions.push_back(phase.precision);
  return precisions;
}

llvm::Expected<MachineLimits>
ashlar::tool::measureLimits(llvm::ArrayRef<std::string> precisions,
                            int64_t cpuLevel, int64_t threads) {
  // Short rounds, of which the best counts: others may use the machine, too.
  constexpr int arithmeticRounds = 50, readRounds = 2, readPieces = 16;
  auto count = static_cast<int>(threads);
  auto failed = [](const llvm::Twine &what) {
    return userError("", "the machine's limits cannot be measured: " + what,
                     "leave out --phases and --roofline");
  };
  MachineLimits found;
  found.threads = threads;
  for (const std::string &precision : precisions) {
    Unit unit = unitFor(precision, cpuLevel, limits::isUsable);
    std::vector<double> rates =
        limits::measureArithmetic(unit, count, arithmeticRounds);
    if (rates.empty())
      return failed("a thread could not be started");
    found.compute.push_back(
        {precision, limits::nameOf(unit), *llvm::max_element(rates)});
  }
  std::optional<limits::ReadBuffer> buffer =
      limits::ReadBuffer::create(limits::bytesBeyondCaches(), count);
  if (!buffer)
    return failed("no memory or no threads for it");
  for (const limits::ReadWay &way : limits::readWays())
    for (double rate : buffer->measure(way, readRounds, readPieces))
      found.bytes = std::max(found.bytes, rate);
  if (found.bytes <= 0)
    return failed("a thread could not be started");
  return found;
}

MachineLimits ashlar::tool::higherOf(MachineLimits a, const MachineLimits &b) {
  for (auto [limit, other] : llvm::zip_equal(a.compute, b.compute))
    limit.flops = std::max(limit.flops, other.flops);
  a.bytes = std::max(a.bytes, b.bytes);
  return a;
}
