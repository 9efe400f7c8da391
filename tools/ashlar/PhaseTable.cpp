//===- PhaseTable.cpp - Where the time of a prompt or token goes ---------===//

#include "tools/ashlar/PhaseTable.h"

#include "llvm/ADT/STLExtras.h"

#include <tuple>

using namespace ashlar;
using namespace ashlar::tool;

Amount &Amount::operator+=(const Amount &other) {
  flops += other.flops;
  bytes += other.bytes;
  return *this;
}

Amount ashlar::tool::amountOf(const ManifestWork &work,
                              const CallShape &shape) {
  return {work.flopsPerRow * shape.rows + work.flopsPerKey * shape.keysSeen +
              work.flopsPerSourceKey * shape.sourceKeysSeen +
              work.flopsPerSequence * shape.sequences,
          static_cast<double>(work.weightBytes) +
              work.bytesPerRow * shape.rows + work.bytesPerKey * shape.keys +
              work.bytesPerSourceKey * shape.sourceKeys +
              std::min(work.expertBytesPerRow * shape.rows,
                       static_cast<double>(work.expertBytes))};
}

CallShape ashlar::tool::throughWindow(const CallShape &shape,
                                      const ManifestWindow &window) {
  if (window.behind < 0)
    return shape;
  double last = shape.keys - 1, before = shape.keys - shape.rows;
  auto begin = [&](double row) { return std::max(row - window.behind, 0.0); };
  auto end = [&](double row) { return std::min(row + window.ahead, last); };
  CallShape result = shape;
  result.keys = end(last) - begin(before) + 1;
  result.keysSeen = 0;
  for (double row = before; row <= last; ++row)
    result.keysSeen += end(row) - begin(row) + 1;
  return result;
}

void Step::addCall(const ManifestEntry &entry, const CallShape &shape) {
  for (const ManifestPhases &group : entry.phases)
    for (const ManifestPhase &phase : group.phases) {
      auto [place, isNew] = places.try_emplace(phase.name, list.size());
      if (isNew)
        list.push_back({phase.name, phase.precision, 0, {}});
      PhaseKind &kind = list[place->second];
      Amount one = amountOf(phase.work, throughWindow(shape, phase.window));
      auto times = static_cast<double>(group.times);
      Amount amount = {times * one.flops, times * one.bytes};
      kind.calls += group.times;
      kind.amount += amount;
      sum += amount;
    }
}

bool Step::addTimes(const ManifestEntry &entry, llvm::ArrayRef<int64_t> marks,
                    llvm::MutableArrayRef<double> seconds) const {
  if (static_cast<int64_t>(marks.size()) != entry.phaseCount() + 1)
    return false;
  size_t mark = 0;
  for (const ManifestPhases &group : entry.phases)
    for (int64_t time = 0; time < group.times; ++time)
      for (const ManifestPhase &phase : group.phases) {
        int64_t begin = marks[mark], end = marks[++mark];
        seconds[places.at(phase.name)] +=
            static_cast<double>(end - begin) * 1e-9;
      }
  return true;
}

const ComputeLimit &MachineLimits::find(llvm::StringRef precision) const {
  for (const ComputeLimit &limit : compute)
    if (limit.precision == precision)
      return limit;
  return compute.front();
}

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static PhaseRow makeRow(const PhaseKind &kind, double seconds, double total,
                        const MachineLimits &limits) {
  PhaseRow row;
  row.kind = kind;
  row.seconds = seconds;
  row.share = ratio(seconds, total);
  row.flops = ratio(kind.amount.flops, seconds);
  row.bytes = ratio(kind.amount.bytes, seconds);
  double mostFlops = limits.find(kind.precision).flops;
  row.computeShare = ratio(row.flops, mostFlops);
  row.memoryShare = ratio(row.bytes, limits.bytes);
  double computing = ratio(kind.amount.flops, mostFlops);
  double reading = ratio(kind.amount.bytes, limits.bytes);
  row.limitSeconds = std::max(computing, reading);
  if (row.limitSeconds > 0)
    row.bound = computing >= reading ? Bound::Compute : Bound::Memory;
  return row;
}

PhaseTable ashlar::tool::makePhaseTable(llvm::ArrayRef<PhaseKind> kinds,
                                        llvm::ArrayRef<double> seconds,
                                        double total,
                                        const MachineLimits &limits) {
  PhaseTable table;
  table.seconds = table.outsideSeconds = total;
  for (auto [kind, time] : llvm::zip_equal(kinds, seconds)) {
    table.rows.push_back(makeRow(kind, time, total, limits));
    table.outsideSeconds -= time;
    table.limitSeconds += table.rows.back().limitSeconds;
  }
  // Nothing but rounding could make it negative.
  table.outsideSeconds = std::max(table.outsideSeconds, 0.0);
  llvm::sort(table.rows, [](const PhaseRow &a, const PhaseRow &b) {
    return std::tie(b.seconds, a.kind.name) < std::tie(a.seconds, b.kind.name);
  });
  return table;
}
