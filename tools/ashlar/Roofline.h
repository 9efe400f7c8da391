//===- Roofline.h - Phases below what the machine allows -------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_ROOFLINE_H
#define ASHLAR_TOOLS_ASHLAR_ROOFLINE_H

#include "tools/ashlar/PhaseTable.h"

namespace ashlar::tool {

struct RooflineStep {
  std::string title; // "prompt of 128 tokens"
  const PhaseTable *table;
};

/// An SVG drawing: a plot for each step, operations per byte on x, operations
/// per second on y, both logarithmic; the limits as a roof (Williams et al.
/// 2009), and a dot for each kind of phase that computes and reads. What does
/// not is named below the plot. Names may be a stranger's.
std::string drawRoofline(llvm::StringRef title,
                         llvm::ArrayRef<RooflineStep> steps,
                         const MachineLimits &limits);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_ROOFLINE_H
