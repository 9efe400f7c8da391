//===- PhaseTable.h - Where the time of a prompt or token goes -*- C++ -*-===//
//
// Arithmetic alone: from the phases that a manifest lists, the times that a
// session noted and the machine's limits to the rows that `bench` prints.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_ASHLAR_PHASETABLE_H
#define ASHLAR_TOOLS_ASHLAR_PHASETABLE_H

#include "tools/ashlar/ManifestView.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"

namespace ashlar::tool {

/// What one call of an entry is given. Keys are counted twice: for each row
/// that sees them (arithmetic), and once (memory). The call's rows are the last
/// of the sequence.
struct CallShape {
  double rows = 0;
  double keysSeen = 0; // summed over the rows
  double keys = 0;     // of the sequence
  double sourceKeysSeen = 0;
  double sourceKeys = 0;
  double sequences = 1;
};

struct Amount {
  double flops = 0;
  double bytes = 0;

  Amount &operator+=(const Amount &other);
};

Amount amountOf(const ManifestWork &work, const CallShape &shape);
/// The shape as attention with `window` has it.
CallShape throughWindow(const CallShape &shape, const ManifestWindow &window);

/// Phases of one name: the same code on the weights of each layer.
struct PhaseKind {
  std::string name;
  std::string precision;
  int64_t calls = 0;
  Amount amount; // of all calls
};

/// A prompt or a token: the calls of entries that it takes.
class Step {
public:
  void addCall(const ManifestEntry &entry, const CallShape &shape);

  /// In the order in which they run first.
  llvm::ArrayRef<PhaseKind> kinds() const { return list; }
  /// Of all calls.
  const Amount &amount() const { return sum; }

  /// Adds the times between the `marks` (nanoseconds) of a call of `entry` to
  /// the `seconds` of each kind. False: they are no marks of its phases.
  bool addTimes(const ManifestEntry &entry, llvm::ArrayRef<int64_t> marks,
                llvm::MutableArrayRef<double> seconds) const;

private:
  std::vector<PhaseKind> list;
  llvm::StringMap<size_t> places; // in `list`
  Amount sum;
};

/// What can be done at most, measured.
struct ComputeLimit {
  std::string precision; // of phases: "f32"
  std::string unit;      // "fma.avx512"
  double flops = 0;      // per second
};
struct MachineLimits {
  int64_t threads = 0;
  std::vector<ComputeLimit> compute;
  double bytes = 0; // per second

  /// That of `precision`, or else the first.
  const ComputeLimit &find(llvm::StringRef precision) const;
};

enum class Bound { None, Compute, Memory };

struct PhaseRow {
  PhaseKind kind;
  double seconds = 0;
  double share = 0; // of the whole time
  double flops = 0; // per second
  double bytes = 0;
  double computeShare = 0; // of the limits
  double memoryShare = 0;
  Bound bound = Bound::None; // the limit that allows less
  double limitSeconds = 0;   // what that limit alone would take
};

struct PhaseTable {
  std::vector<PhaseRow> rows; // the longest first
  double seconds = 0;
  double outsideSeconds = 0; // of no phase: the calls around them
  double limitSeconds = 0;   // sum of the rows'
};

/// `seconds` of each kind; `total` of the whole step. There is a limit for at
/// least one precision.
PhaseTable makePhaseTable(llvm::ArrayRef<PhaseKind> kinds,
                          llvm::ArrayRef<double> seconds, double total,
                          const MachineLimits &limits);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_PHASETABLE_H
