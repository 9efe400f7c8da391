//===- Bench.cpp - Times of prompts and tokens ---------------------------===//

#include "tools/ashlar/Bench.h"

#include "compiler/Support/Errors.h"
#include "runtime/patches.h"
#include "runtime/text/model.h"
#include "tools/ashlar/Progress.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <chrono>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static const ManifestEntry *findLogits(const ManifestView &manifest) {
  for (const ManifestEntry &entry : manifest.entries)
    if (entry.call == "head" && entry.output == "logits")
      return &entry;
  return nullptr;
}

Bench::Bench(const Artifact &artifact, ashlar_session *session, bool withPhases)
    : api(artifact.api()), plan(artifact.plan()), session(session),
      encode(artifact.manifest().find("encode")),
      decode(artifact.manifest().find("decode")),
      logits(findLogits(artifact.manifest())) {
  if (!withPhases)
    return;
  int64_t most = 0;
  for (const ManifestEntry *entry : {encode, decode, logits})
    if (entry)
      most = std::max(most, entry->phaseCount());
  times.resize(most + 1);
  marks = {times.data(), static_cast<int64_t>(times.size()), 0};
  api.session_marks(session, &marks);
}

Bench::~Bench() { api.session_marks(session, nullptr); }

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// The end of a call of `entry`: keeps its marks for the end of the step.
Error Bench::note(const ManifestEntry &entry, ashlar_status status) {
  if (Error error = statusError(api, status))
    return error;
  if (!marks.times)
    return Error::success();
  if (marks.count != entry.phaseCount() + 1)
    return userError("",
                     "its manifest lists " + llvm::Twine(entry.phaseCount()) +
                         " phases of \"" + entry.call + "\", but a call has " +
                         llvm::Twine(marks.count - 1),
                     "compile the model again");
  pending.push_back({&entry, {times.begin(), times.begin() + marks.count}});
  return Error::success();
}

/// Runs `rows` more rows of slot 0, in pieces of max_tokens.
Error Bench::call(const ManifestEntry &entry, int64_t stack, int64_t rows) {
  const ashlar_stack_plan &of = plan.stacks[stack];
  std::vector<int32_t> ids;
  std::vector<float> vectors;
  while (rows > 0) {
    auto length = static_cast<int32_t>(std::min(rows, plan.max_tokens));
    ashlar_batch batch = {};
    batch.sequences = 1;
    batch.lengths = &length;
    auto number = [&] { return static_cast<float>(random()) / 0x1p31f - 1.0f; };
    if (of.image.channels) {
      vectors.resize(ashlar_image_floats(&of.image));
      std::generate(vectors.begin(), vectors.end(), number);
      batch.pixel_values = vectors.data();
    } else if (of.ids_offset >= 0) {
      ids.resize(length);
      for (int32_t &id : ids)
        id = random() % of.vocabulary;
      batch.ids = ids.data();
    } else {
      vectors.resize(length * of.vector_rows * of.vector_features);
      std::generate(vectors.begin(), vectors.end(), number);
      batch.vectors = vectors.data();
    }
    ashlar_status status = stack == plan.encoder ? api.encode(session, &batch)
                                                 : api.decode(session, &batch);
    if (Error error = note(entry, status))
      return error;
    rows -= length;
  }
  return Error::success();
}

/// The logits behind the last of the `rows` rows of the last call.
Error Bench::head(int64_t rows) {
  int32_t index = ashlar_logits_head(&plan);
  if (index < 0 || !logits)
    return Error::success();
  const ashlar_head_plan &of = plan.heads[index];
  auto row = static_cast<int32_t>((rows - 1) % plan.max_tokens);
  bool takesList = !of.first_row_only && !of.pools;
  out.resize(of.output_features *
             (of.first_row_only || takesList ? 1 : row + 1));
  const int32_t *list = takesList ? &row : nullptr;
  return note(*logits, api.head(session, index, list, list ? 1 : 0, out.data(),
                                out.size()));
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// The calls of a prompt, and of the token in the middle of those decoded.
void Bench::planSteps(int64_t promptTokens, int64_t newTokens) {
  prompt.tokens = promptTokens;
  token.tokens = 1;
  double source = promptTokens;
  if (encode)
    prompt.step.addCall(*encode, {source, source * source, source, 0, 0});
  for (int64_t begin = 0; !encode && begin < promptTokens;
       begin += plan.max_tokens) {
    double rows = std::min(plan.max_tokens, promptTokens - begin);
    double before = begin;
    prompt.step.addCall(*decode, {rows, rows * before + rows * (rows + 1) / 2,
                                  before + rows, 0, 0});
  }
  // Behind an encoder the first logits are those of the first token.
  if (logits && logits->rows == "pooled")
    prompt.step.addCall(*logits, {source, source * source, source, 0, 0});
  else if (logits && !(encode && decode))
    prompt.step.addCall(*logits, {1, 0, 0, 0, 0});
  if (!decode)
    return;
  double keys = (encode ? 0 : source) + (newTokens + 1) / 2.0;
  double sourceKeys = encode ? source : 0;
  token.step.addCall(*decode, {1, keys, keys, sourceKeys, sourceKeys});
  if (logits)
    token.step.addCall(*logits, {1, 0, 0, 0, 0});
}

/// A step has ended that began at `begin`.
void Bench::endStep(const Step &step, double begin, Samples &samples) {
  samples.push_back({now() - begin, {}});
  if (!marks.times)
    return;
  std::vector<double> &seconds = samples.back().phases;
  seconds.resize(step.kinds().size());
  for (const CallTimes &call : pending) {
    [[maybe_unused]] bool known =
        step.addTimes(*call.entry, call.marks, seconds);
    assert(known && "note() has compared the number of marks");
  }
  pending.clear();
}

Error Bench::round(int64_t promptTokens, int64_t newTokens) {
  if (Error error = statusError(api, api.reset(session, 0)))
    return error;
  double begin = now();
  if (Error error = encode ? call(*encode, plan.encoder, promptTokens)
                           : call(*decode, plan.decoder, promptTokens))
    return error;
  if (!(encode && decode))
    if (Error error = head(promptTokens))
      return error;
  endStep(prompt.step, begin, promptSamples);
  for (int64_t i = 0; decode && i < newTokens; ++i) {
    begin = now();
    if (Error error = call(*decode, plan.decoder, 1))
      return error;
    if (Error error = head(1))
      return error;
    endStep(token.step, begin, tokenSamples);
  }
  return Error::success();
}

/// Means over the middle half.
void Bench::summarize(Samples &samples, Measurement &measurement) {
  if (samples.empty())
    return;
  llvm::sort(samples, [](const Sample &a, const Sample &b) {
    return a.seconds < b.seconds;
  });
  size_t quarter = samples.size() / 4;
  auto middle =
      llvm::ArrayRef(samples).slice(quarter, samples.size() - 2 * quarter);
  auto count = static_cast<double>(middle.size());
  measurement.phaseSeconds.resize(middle.front().phases.size());
  for (const Sample &sample : middle) {
    measurement.seconds += sample.seconds / count;
    for (auto [sum, time] :
         llvm::zip_equal(measurement.phaseSeconds, sample.phases))
      sum += time / count;
  }
}

Error Bench::run(int64_t promptTokens, int64_t newTokens) {
  if (!encode != (plan.encoder < 0) || !decode != (plan.decoder < 0))
    return userError("", "its manifest and its code have other entries",
                     "compile the model again");
  planSteps(promptTokens, newTokens);
  Progress progress("measuring");
  if (Error error = round(promptTokens, newTokens))
    return error;
  promptSamples.clear();
  tokenSamples.clear();
  // At least five rounds, and a second in all.
  double begin = now();
  while (promptSamples.size() < 5 || now() - begin < 1)
    if (Error error = round(promptTokens, newTokens))
      return error;
  summarize(promptSamples, prompt);
  summarize(tokenSamples, token);
  return Error::success();
}
