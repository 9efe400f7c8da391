//===- Statistics.h - What the fusion passes did ---------------*- C++ -*-===//
//
// MLIR's pass statistics are compiled out of release builds of LLVM, Debian's
// among them. The same counts, and the reasons of what declined, come from the
// remarks of the passes, which every build has.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_FUSION_STATISTICS_H
#define ASHLAR_PASSES_FUSION_STATISTICS_H

#include "mlir/IR/MLIRContext.h"

#include <map>
#include <string>

namespace llvm {
class raw_ostream;
}

namespace ashlar {

struct FusionStatistics {
  struct Pass {
    int fired = 0;                      // places that were rewritten
    int declined = 0;                   // places that were left
    std::map<std::string, int> reasons; // why, and how often
  };
  std::map<std::string, Pass> passes; // by name, as in FusionStep

  /// Counts from now on what passes in `context` say; `this` must outlive them.
  void collect(mlir::MLIRContext &context);

  /// A line for every fusion, in the order in which they run, and one for each
  /// reason to decline.
  void print(llvm::raw_ostream &os) const;
};

} // namespace ashlar

#endif // ASHLAR_PASSES_FUSION_STATISTICS_H
