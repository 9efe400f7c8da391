//===- BenchReport.h - What bench prints -----------------------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_BENCHREPORT_H
#define ASHLAR_TOOLS_ASHLAR_BENCHREPORT_H

#include "tools/ashlar/Bench.h"

#include <optional>

namespace ashlar::tool {

/// A measured step and, where phases are asked for, what they took.
struct StepReport {
  const char *what; // "prompt", "encode", "decode"
  const Measurement *measured;
  std::optional<PhaseTable> table;
};

/// Prints lines or one JSON object. `limits` null: no phases; `inCaches`: the
/// weights fit them.
void printReports(bool asJson, llvm::ArrayRef<StepReport> reports,
                  const MachineLimits *limits, bool inCaches);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_BENCHREPORT_H
