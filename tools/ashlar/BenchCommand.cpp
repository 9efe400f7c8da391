//===- BenchCommand.cpp - ashlar bench -----------------------------------===//
//
// Medians of wall-clock times: of a whole prompt, and of each token behind it.
// Token ids come from a fixed seed. The first round is not counted: it maps the
// weights.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/model.h"
#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/Commands.h"
#include "tools/ashlar/CompileFlags.h"
#include "tools/ashlar/Progress.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <chrono>
#include <random>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;

static const OptionInfo options[] = {
    {"--prompt-tokens", "N", "tokens of the prompt or source (default 128)"},
    {"--new-tokens", "N", "tokens decoded behind it (default 32)"},
    {"--threads", "N", "workers (default: the cores this process may use)"},
    {"--json", nullptr, "print a JSON object"},
    ASHLAR_COMPILE_OPTIONS,
    {"--help", nullptr, "this text"},
};

const CommandInfo ashlar::tool::benchInfo = {
    "bench", "ART_OR_MODEL", 1, "measures prompts and decoding", options};

namespace {
/// What a phase took and did.
struct Measurement {
  double seconds = 0; // median
  int64_t tokens = 0;
  double flops = 0;
  double bytes = 0;
};

/// Rows of the stacks' inputs, and the times of running them.
class Bench {
public:
  Bench(const Artifact &artifact, ashlar_session *session)
      : api(artifact.api()), plan(artifact.plan()),
        manifest(artifact.manifest()), session(session) {}

  Error run(int64_t promptTokens, int64_t newTokens);

  Measurement prompt, token;

private:
  Error round(int64_t promptTokens, int64_t newTokens,
              std::vector<double> &promptTimes,
              std::vector<double> &tokenTimes);
  Error call(int64_t stack, int64_t rows);
  Error head(int64_t rows);
  void countWork(int64_t promptTokens, int64_t newTokens);

  const ashlar_api &api;
  const ashlar_plan &plan;
  const ManifestView &manifest;
  ashlar_session *session;
  std::mt19937 random{1};
  std::vector<float> out;
};
} // namespace

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static double median(std::vector<double> &values) {
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Runs `rows` more rows of slot 0, in pieces of max_tokens.
Error Bench::call(int64_t stack, int64_t rows) {
  const ashlar_stack_plan &of = plan.stacks[stack];
  std::vector<int32_t> ids;
  std::vector<float> vectors;
  while (rows > 0) {
    auto length = static_cast<int32_t>(std::min(rows, plan.max_tokens));
    ashlar_batch batch = {};
    batch.sequences = 1;
    batch.lengths = &length;
    if (of.ids_offset >= 0) {
      ids.resize(length);
      for (int32_t &id : ids)
        id = random() % of.vocabulary;
      batch.ids = ids.data();
    } else {
      vectors.resize(length * of.hidden);
      for (float &number : vectors)
        number = static_cast<float>(random()) / 0x1p31f - 1.0f;
      batch.vectors = vectors.data();
    }
    ashlar_status status = stack == plan.encoder ? api.encode(session, &batch)
                                                 : api.decode(session, &batch);
    if (Error error = statusError(api, status))
      return error;
    rows -= length;
  }
  return Error::success();
}

/// The logits behind the last of the `rows` rows of the last call.
Error Bench::head(int64_t rows) {
  int32_t index = ashlar_logits_head(&plan);
  if (index < 0)
    return Error::success();
  const ashlar_head_plan &of = plan.heads[index];
  out.resize(of.output_features);
  auto row = static_cast<int32_t>((rows - 1) % plan.max_tokens);
  const int32_t *list = of.first_row_only ? nullptr : &row;
  return statusError(api, api.head(session, index, list, list ? 1 : 0,
                                   out.data(), out.size()));
}

Error Bench::round(int64_t promptTokens, int64_t newTokens,
                   std::vector<double> &promptTimes,
                   std::vector<double> &tokenTimes) {
  if (Error error = statusError(api, api.reset(session, 0)))
    return error;
  int64_t reader = plan.encoder >= 0 ? plan.encoder : plan.decoder;
  double begin = now();
  if (Error error = call(reader, promptTokens))
    return error;
  // Behind an encoder the first logits are those of the first token.
  if (plan.encoder < 0 || plan.decoder < 0)
    if (Error error = head(promptTokens))
      return error;
  promptTimes.push_back(now() - begin);
  if (plan.decoder < 0)
    return Error::success();
  for (int64_t i = 0; i < newTokens; ++i) {
    begin = now();
    if (Error error = call(plan.decoder, 1))
      return error;
    if (Error error = head(1))
      return error;
    tokenTimes.push_back(now() - begin);
  }
  return Error::success();
}

/// Of `rows` rows in `calls` calls that see `keys` and `sourceKeys` in sum.
static void addWork(Measurement &sum, const ManifestWork &work, double rows,
                    double keys, double sourceKeys, double calls) {
  sum.flops += rows * work.flopsPerRow + keys * work.flopsPerKey +
               sourceKeys * work.flopsPerSourceKey;
  sum.bytes += calls * work.weightBytes + rows * work.bytesPerRow +
               (keys * work.bytesPerKey + sourceKeys * work.bytesPerSourceKey) *
                   calls / rows;
}

void Bench::countWork(int64_t promptTokens, int64_t newTokens) {
  const ManifestEntry *encode = manifest.find("encode");
  const ManifestEntry *decode = manifest.find("decode");
  const ManifestEntry *logits = nullptr;
  for (const ManifestEntry &entry : manifest.entries)
    if (entry.call == "head" && entry.output == "logits")
      logits = &entry;
  double rows = promptTokens, more = newTokens;
  prompt.tokens = promptTokens;
  token.tokens = 1;
  double calls = static_cast<double>((promptTokens + plan.max_tokens - 1) /
                                     plan.max_tokens);
  if (encode)
    addWork(prompt, encode->work, rows, rows * rows, 0, calls);
  else
    addWork(prompt, decode->work, rows, rows * (rows + 1) / 2, 0, calls);
  if (logits && !(encode && decode))
    addWork(prompt, logits->work, 1, 0, 0, 1);
  if (!decode)
    return;
  // The token in the middle of those decoded.
  double keys = (encode ? 0 : rows) + (more + 1) / 2;
  addWork(token, decode->work, 1, keys, encode ? rows : 0, 1);
  if (logits)
    addWork(token, logits->work, 1, 0, 0, 1);
}

Error Bench::run(int64_t promptTokens, int64_t newTokens) {
  std::vector<double> promptTimes, tokenTimes;
  Progress progress("measuring");
  if (Error error = round(promptTokens, newTokens, promptTimes, tokenTimes))
    return error;
  promptTimes.clear();
  tokenTimes.clear();
  // At least five rounds, and a second in all.
  double begin = now();
  while (promptTimes.size() < 5 || now() - begin < 1)
    if (Error error = round(promptTokens, newTokens, promptTimes, tokenTimes))
      return error;
  prompt.seconds = median(promptTimes);
  if (!tokenTimes.empty())
    token.seconds = median(tokenTimes);
  countWork(promptTokens, newTokens);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

static llvm::json::Object toJson(const Measurement &of) {
  return llvm::json::Object{{"milliseconds", of.seconds * 1e3},
                            {"tokens", of.tokens},
                            {"tokens_per_second", of.tokens / of.seconds},
                            {"gflop_per_second", of.flops / of.seconds * 1e-9},
                            {"gbyte_per_second", of.bytes / of.seconds * 1e-9}};
}

static void print(const char *what, const Measurement &of) {
  llvm::outs() << llvm::format(
      "%-7s %6lld tokens %10.3f ms %10.1f tokens/s %9.2f GFLOP/s %8.2f GB/s\n",
      what, static_cast<long long>(of.tokens), of.seconds * 1e3,
      of.tokens / of.seconds, of.flops / of.seconds * 1e-9,
      of.bytes / of.seconds * 1e-9);
}

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

Error ashlar::tool::runBench(const Arguments &arguments) {
  for (const char *flag : {"--prompt-tokens", "--new-tokens"})
    if (Expected<int64_t> n = arguments.integer(flag, 1, 1, INT32_MAX); !n)
      return n.takeError();
  Expected<int64_t> threads = threadsOf(arguments);
  if (!threads)
    return threads.takeError();
  Expected<Artifact> artifact = openOperand(arguments);
  if (!artifact)
    return artifact.takeError();
  int64_t promptTokens, newTokens;
  if (Error error = fit(artifact->plan(), arguments, promptTokens, newTokens))
    return error;
  Expected<Session> session = artifact->createSession(*threads);
  if (!session)
    return session.takeError();
  Bench bench(*artifact, session->get());
  if (Error error = bench.run(promptTokens, newTokens))
    return error;
  const char *what = artifact->plan().encoder >= 0 ? "encode" : "prompt";
  if (arguments.has("--json")) {
    llvm::json::Object object{{what, toJson(bench.prompt)}};
    if (newTokens)
      object["decode"] = toJson(bench.token);
    llvm::outs() << llvm::json::Value(std::move(object)) << "\n";
    return Error::success();
  }
  print(what, bench.prompt);
  if (newTokens)
    print("decode", bench.token);
  return Error::success();
}
