//===- Bench.h - Times of prompts and tokens -------------------*- C++ -*-===//
//
// Wall-clock times of a whole prompt and of the tokens behind it: means over
// the middle half of the measured ones, so that the parts of a step add up and
// what disturbs a few of them does not count. Token ids come from a fixed seed.
// The first round is not counted: it maps the weights.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_TOOLS_ASHLAR_BENCH_H
#define ASHLAR_TOOLS_ASHLAR_BENCH_H

#include "tools/ashlar/Artifact.h"
#include "tools/ashlar/PhaseTable.h"

#include <random>

namespace ashlar::tool {

/// What a step took.
struct Measurement {
  Step step;
  int64_t tokens = 0;
  double seconds = 0;
  /// Of each kind of the step; empty when not asked for.
  std::vector<double> phaseSeconds;
};

class Bench {
public:
  /// `withPhases`: the session notes times.
  Bench(const Artifact &artifact, ashlar_session *session, bool withPhases);
  ~Bench();
  Bench(const Bench &) = delete;
  Bench &operator=(const Bench &) = delete;

  llvm::Error run(int64_t promptTokens, int64_t newTokens);

  Measurement prompt, token;

private:
  /// One time that a step was measured.
  struct Sample {
    double seconds;
    std::vector<double> phases; // of each kind
  };
  using Samples = std::vector<Sample>;
  /// The marks of a call that is part of the step under way.
  struct CallTimes {
    const ManifestEntry *entry;
    std::vector<int64_t> marks;
  };

  void planSteps(int64_t promptTokens, int64_t newTokens);
  llvm::Error round(int64_t promptTokens, int64_t newTokens);
  llvm::Error call(const ManifestEntry &entry, int64_t stack, int64_t rows);
  llvm::Error head(int64_t rows);
  llvm::Error note(const ManifestEntry &entry, ashlar_status status);
  void endStep(const Step &step, double begin, Samples &samples);
  static void summarize(Samples &samples, Measurement &measurement);

  const ashlar_api &api;
  const ashlar_plan &plan;
  ashlar_session *session;
  // Null: the model has no such entry.
  const ManifestEntry *encode;
  const ManifestEntry *decode;
  const ManifestEntry *logits;

  std::mt19937 random{1};
  std::vector<float> out;
  Samples promptSamples, tokenSamples;
  std::vector<int64_t> times;
  ashlar_marks marks{}; // no times: phases are not asked for
  std::vector<CallTimes> pending;
};

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_BENCH_H
