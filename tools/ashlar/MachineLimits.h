//===- MachineLimits.h - Limits that an artifact has here ------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_MACHINELIMITS_H
#define ASHLAR_TOOLS_ASHLAR_MACHINELIMITS_H

#include "tools/ashlar/PhaseTable.h"
#include "tools/limits/Limits.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace ashlar::tool {

/// The unit that multiply-adds of `precision` can use at most in code for
/// `cpuLevel` (runtime/abi.h).
limits::Unit unitFor(llvm::StringRef precision, int64_t cpuLevel,
                     llvm::function_ref<bool(limits::Unit)> isUsable);

/// Precisions of the phases, "f32" first.
std::vector<std::string> precisionsOf(const ManifestView &manifest);

/// Measures what `threads` threads can do at most, now. About a second.
llvm::Expected<MachineLimits>
measureLimits(llvm::ArrayRef<std::string> precisions, int64_t cpuLevel,
              int64_t threads);

/// Limits of two measurements: the higher ones are nearer to the machine's.
MachineLimits higherOf(MachineLimits a, const MachineLimits &b);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_MACHINELIMITS_H
