//===- BenchCommand.cpp - ashlar bench -----------------------------------===//

#include "runtime/text/model.h"
#include "tools/ashlar/BenchReport.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/MachineLimits.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/Roofline.h"

#include "compiler/Support/Files.h"

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

/// How many tokens the model can take, when the user does not say.
static Error fit(const ashlar_plan &plan, const Arguments &arguments,
                 int64_t &promptTokens, int64_t &newTokens) {
  bool both = plan.encoder >= 0 && plan.decoder >= 0;
  int64_t most =
      plan.encoder >= 0 ? ashlar_encoder_limit(&plan) : plan.max_context - 1;
  const ashlar_stack_plan &reader =
      plan.stacks[plan.encoder >= 0 ? plan.encoder : plan.decoder];
  if (reader.positions > 0)
    most = std::min(most, reader.positions - reader.first_position);
  most = std::max<int64_t>(most, 1);
  newTokens = 0;
  if (reader.image.channels) {
    if (arguments.has("--prompt-tokens") || arguments.has("--new-tokens"))
      return usageError("--prompt-tokens, --new-tokens: the model reads "
                        "images, each of " +
                        llvm::Twine(reader.image.rows) + " rows");
    promptTokens = reader.image.rows;
    return Error::success();
  }
  Expected<int64_t> prompt = arguments.integer(
      "--prompt-tokens", std::min<int64_t>(128, most), 1, most);
  if (!prompt)
    return prompt.takeError();
  promptTokens = *prompt;
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
  bool asJson = arguments.has("--json");
  bool shown = *limits && (asJson || arguments.has("--phases"));
  printReports(asJson, reports, shown ? &**limits : nullptr,
               fitsCaches(artifact->manifest()));
  return Error::success();
}
