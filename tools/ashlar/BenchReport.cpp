//===- BenchReport.cpp - What bench prints -------------------------------===//

#include "tools/ashlar/BenchReport.h"

#include "compiler/Support/Errors.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using namespace ashlar::tool;

//===----------------------------------------------------------------------===//
// As JSON
//===----------------------------------------------------------------------===//

static llvm::json::Value boundName(Bound bound) {
  switch (bound) {
  case Bound::None:
    return nullptr;
  case Bound::Compute:
    return "compute";
  case Bound::Memory:
    return "memory";
  }
  llvm_unreachable("every bound is handled above");
}

static llvm::json::Object toJson(const PhaseRow &row) {
  return llvm::json::Object{{"name", row.kind.name},
                            {"precision", row.kind.precision},
                            {"calls", row.kind.calls},
                            {"milliseconds", row.seconds * 1e3},
                            {"share", row.share},
                            {"gflop_per_second", row.flops * 1e-9},
                            {"compute_share", row.computeShare},
                            {"gbyte_per_second", row.bytes * 1e-9},
                            {"memory_share", row.memoryShare},
                            {"bound", boundName(row.bound)},
                            {"limit_milliseconds", row.limitSeconds * 1e3}};
}

static llvm::json::Object toJson(const StepReport &report) {
  const Measurement &of = *report.measured;
  const Amount &amount = of.step.amount();
  llvm::json::Object object{
      {"milliseconds", of.seconds * 1e3},
      {"tokens", of.tokens},
      {"tokens_per_second", of.tokens / of.seconds},
      {"gflop_per_second", amount.flops / of.seconds * 1e-9},
      {"gbyte_per_second", amount.bytes / of.seconds * 1e-9}};
  if (!report.table)
    return object;
  llvm::json::Array rows;
  for (const PhaseRow &row : report.table->rows)
    rows.push_back(toJson(row));
  object["phases"] = std::move(rows);
  object["outside_milliseconds"] = report.table->outsideSeconds * 1e3;
  object["limit_milliseconds"] = report.table->limitSeconds * 1e3;
  return object;
}

static llvm::json::Object toJson(const MachineLimits &limits) {
  llvm::json::Array compute;
  for (const ComputeLimit &limit : limits.compute)
    compute.push_back(
        llvm::json::Object{{"precision", limit.precision},
                           {"unit", limit.unit},
                           {"gflop_per_second", limit.flops * 1e-9}});
  return llvm::json::Object{{"threads", limits.threads},
                            {"compute", std::move(compute)},
                            {"gbyte_per_second", limits.bytes * 1e-9}};
}

//===----------------------------------------------------------------------===//
// As text
//===----------------------------------------------------------------------===//

static void print(const MachineLimits &limits) {
  llvm::outs() << "limits of " << limits.threads
               << (limits.threads == 1 ? " thread: " : " threads: ");
  for (const ComputeLimit &limit : limits.compute)
    llvm::outs() << escapeForDisplay(limit.precision)
                 << llvm::format(" %.1f GFLOP/s (%s), ", limit.flops * 1e-9,
                                 limit.unit.c_str());
  llvm::outs() << llvm::format("%.2f GB/s of reading memory\n",
                               limits.bytes * 1e-9);
}

/// A rate and its share of the limit; "-" where nothing is counted.
static void printRate(double rate, double share) {
  if (rate > 0)
    llvm::outs() << llvm::format(" %8.2f %5.0f %%", rate, share * 100);
  else
    llvm::outs() << llvm::format(" %8s %7s", "-", "");
}

static void print(const PhaseTable &table) {
  llvm::outs() << "          ms   share   calls  GFLOP/s of limit     GB/s of "
                  "limit  bound    phase\n";
  for (const PhaseRow &row : table.rows) {
    llvm::outs() << llvm::format("%12.4f %5.1f %% %7lld", row.seconds * 1e3,
                                 row.share * 100,
                                 static_cast<long long>(row.kind.calls));
    printRate(row.flops * 1e-9, row.computeShare);
    printRate(row.bytes * 1e-9, row.memoryShare);
    const char *bound = row.bound == Bound::Compute  ? "compute"
                        : row.bound == Bound::Memory ? "memory"
                                                     : "-";
    llvm::outs() << llvm::format("  %-8s ", bound)
                 << escapeForDisplay(row.kind.name) << "\n";
  }
  double seconds = table.seconds;
  llvm::outs() << llvm::format("%12.4f %5.1f %%", table.outsideSeconds * 1e3,
                               table.outsideSeconds / seconds * 100)
               << " outside of phases: the calls around them\n"
               << llvm::format(
                      "%12.4f in all: %.2f times the %.4f ms that the limits "
                      "allow, %.0f %% of the speed of light\n",
                      seconds * 1e3, seconds / table.limitSeconds,
                      table.limitSeconds * 1e3,
                      table.limitSeconds / seconds * 100);
}

static void print(const StepReport &report) {
  const Measurement &of = *report.measured;
  const Amount &amount = of.step.amount();
  llvm::outs() << llvm::format(
      "%-7s %6lld tokens %10.3f ms %10.1f tokens/s %9.2f GFLOP/s %8.2f GB/s\n",
      report.what, static_cast<long long>(of.tokens), of.seconds * 1e3,
      of.tokens / of.seconds, amount.flops / of.seconds * 1e-9,
      amount.bytes / of.seconds * 1e-9);
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

void ashlar::tool::printReports(bool asJson, llvm::ArrayRef<StepReport> reports,
                                const MachineLimits *limits, bool inCaches) {
  if (asJson) {
    llvm::json::Object object;
    for (const StepReport &report : reports)
      object[report.what] = toJson(report);
    if (limits)
      object["limits"] = toJson(*limits);
    llvm::outs() << llvm::json::Value(std::move(object)) << "\n";
    return;
  }
  if (limits)
    print(*limits);
  if (limits && inCaches)
    llvm::outs() << "the weights fit this machine's caches: reading them may "
                    "beat the memory's limit\n";
  for (const StepReport &report : reports) {
    print(report);
    if (limits)
      print(*report.table);
  }
}
