//===- BenchCommand.cpp - ashlar bench -----------------------------------===//

#include "runtime/text/model.h"
#include "tools/ashlar/Bench.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/MachineLimits.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/Roofline.h"

#include "compiler/Support/Errors.h"
#include "compiler/Support/Files.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <optional>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;

static const OptionInfo options[] = {
    {"--prompt-tokens", "N", "tokens of the prompt or source (default 128)"},
    {"--new-tokens", "N", "tokens decoded behind it (default 32)"},
    {"--threads", "N", "workers (default: the cores this process may use)"},
    {"--phases", nullptr, "where the time goes, and what the machine allows"},
    {"--roofline", "FILE.svg", "draw the phases below the machine's limits"},
    {"--json", nullptr, "print a JSON object"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::benchInfo = {
    "bench", "ART_OR_MODEL", 1, "measures prompts and decoding", options};

namespace {
/// A measured step and, where phases are asked for, what they took.
struct StepReport {
  const char *what; // "prompt", "encode", "decode"
  const Measurement *measured;
  std::optional<PhaseTable> table;
};
} // namespace

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
// The command
//===----------------------------------------------------------------------===//

/// How many tokens the model can take, when the user does not say.
static Error fit(const ashlar_plan &plan, const Arguments &arguments,
                 int64_t &promptTokens, int64_t &newTokens) {
  bool both = plan.encoder >= 0 && plan.decoder >= 0;
  int64_t most =
      plan.encoder >= 0 ? ashlar_encoder_limit(&plan) : plan.max_context - 1;
  const ashlar_stack_plan &reader =
      plan.stacks[plan.encoder >= 0 ? plan.encoder : plan.decoder];
  if (reader.positions > 0)
    most = std::min(most, reader.positions);
  most = std::max<int64_t>(most, 1);
  Expected<int64_t> prompt = arguments.integer(
      "--prompt-tokens", std::min<int64_t>(128, most), 1, most);
  if (!prompt)
    return prompt.takeError();
  promptTokens = *prompt;
  newTokens = 0;
  if (plan.decoder < 0) {
    if (arguments.has("--new-tokens"))
      return usageError("--new-tokens: the model decodes no tokens");
    return Error::success();
  }
  int64_t room =
      std::max<int64_t>(plan.max_context - (both ? 0 : promptTokens), 1);
  Expected<int64_t> more =
      arguments.integer("--new-tokens", std::min<int64_t>(32, room), 1, room);
  if (!more)
    return more.takeError();
  newTokens = *more;
  return Error::success();
}

/// Measures the steps, and the limits right before and after them.
static Expected<std::optional<MachineLimits>>
measure(Bench &bench, const Artifact &artifact, int64_t workers,
        bool withPhases, int64_t promptTokens, int64_t newTokens) {
  if (!withPhases) {
    if (Error error = bench.run(promptTokens, newTokens))
      return std::move(error);
    return std::nullopt;
  }
  std::vector<std::string> precisions = precisionsOf(artifact.manifest());
  auto measureNow = [&] {
    Progress progress("measuring the machine's limits");
    return measureLimits(precisions, artifact.plan().cpu_level, workers);
  };
  Expected<MachineLimits> before = measureNow();
  if (!before)
    return before.takeError();
  if (Error error = bench.run(promptTokens, newTokens))
    return std::move(error);
  Expected<MachineLimits> after = measureNow();
  if (!after)
    return after.takeError();
  return higherOf(std::move(*before), *after);
}

static std::string titleOf(const StepReport &report) {
  int64_t tokens = report.measured->tokens;
  return std::string(report.what) + ", " + std::to_string(tokens) +
         (tokens == 1 ? " token" : " tokens");
}

static Error writeRoofline(AtomicFile &file, const Artifact &artifact,
                           llvm::ArrayRef<StepReport> reports,
                           const MachineLimits &limits) {
  const ManifestView &manifest = artifact.manifest();
  std::vector<RooflineStep> steps;
  for (const StepReport &report : reports)
    steps.push_back({titleOf(report), &*report.table});
  std::string title = manifest.family + " for " + manifest.target + ", " +
                      std::to_string(limits.threads) +
                      (limits.threads == 1 ? " thread" : " threads");
  if (Error error = file.append(drawRoofline(title, steps, limits)))
    return error;
  return file.commit();
}

/// What is read again and again may come from a cache.
static bool fitsCaches(const ManifestView &manifest) {
  auto bytes = static_cast<uint64_t>(manifest.weightsBytes);
  return bytes < limits::cacheBytes();
}

static void printReports(bool asJson, llvm::ArrayRef<StepReport> reports,
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

Error ashlar::tool::runBench(const Arguments &arguments) {
  for (const char *flag : {"--prompt-tokens", "--new-tokens"})
    if (Expected<int64_t> n = arguments.integer(flag, 1, 1, INT32_MAX); !n)
      return n.takeError();
  Expected<int64_t> threads = threadsOf(arguments);
  if (!threads)
    return threads.takeError();
  // Before anything long: the drawing's place may not be writable.
  std::optional<AtomicFile> drawing;
  if (std::optional<llvm::StringRef> path = arguments.get("--roofline")) {
    if (!path->ends_with(".svg"))
      return usageError("--roofline is \"" + *path +
                        "\"; expected a name that ends in .svg");
    Expected<AtomicFile> file = AtomicFile::create(*path);
    if (!file)
      return file.takeError();
    drawing.emplace(std::move(*file));
  }
  Expected<Artifact> artifact = openOperand(arguments);
  if (!artifact)
    return artifact.takeError();
  int64_t promptTokens, newTokens;
  if (Error error = fit(artifact->plan(), arguments, promptTokens, newTokens))
    return error;
  Expected<Session> session = artifact->createSession(*threads);
  if (!session)
    return session.takeError();
  bool withPhases = arguments.has("--phases") || drawing;
  Bench bench(*artifact, session->get(), withPhases);
  Expected<std::optional<MachineLimits>> limits =
      measure(bench, *artifact, artifact->api().workers(session->get()),
              withPhases, promptTokens, newTokens);
  if (!limits)
    return limits.takeError();
  std::vector<StepReport> reports{
      {artifact->plan().encoder >= 0 ? "encode" : "prompt", &bench.prompt, {}}};
  if (newTokens)
    reports.push_back({"decode", &bench.token, {}});
  for (StepReport &report : reports)
    if (*limits)
      report.table = makePhaseTable(report.measured->step.kinds(),
                                    report.measured->phaseSeconds,
                                    report.measured->seconds, **limits);
  if (drawing)
    if (Error error = writeRoofline(*drawing, *artifact, reports, **limits))
      return error;
  printReports(arguments.has("--json"), reports,
               arguments.has("--phases") ? &**limits : nullptr,
               fitsCaches(artifact->manifest()));
  return Error::success();
}
