//===- CompileFlags.cpp - Flags of every command that compiles -----------===//

#include "tools/ashlar/CompileFlags.h"

#include "compiler/Text/chat/Jinja.h"

#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using namespace ashlar::tool;

static llvm::Error setLimits(const Arguments &arguments,
                             CompileOptions &options) {
  const std::pair<const char *, int64_t *> limits[] = {
      {"--max-tokens", &options.maxTokens},
      {"--max-context", &options.maxContext},
      {"--max-source", &options.maxSource},
      {"--max-sequences", &options.maxSequences}};
  for (auto [flag, field] : limits) {
    llvm::Expected<int64_t> value =
        arguments.integer(flag, 0, 1, int64_t(1) << 24);
    if (!value)
      return value.takeError();
    *field = *value;
  }
  return llvm::Error::success();
}

static llvm::Error disableFusions(const Arguments &arguments,
                                  FusionOptions &fusion) {
  for (llvm::StringRef name : arguments.all("--disable-fusion")) {
    std::string known;
    bool found = false;
    for (const FusionStep &step : fusionSteps()) {
      // Without it there is no code for the score matrix.
      if (step.enabled == &FusionOptions::fuseAttention)
        continue;
      known += (known.empty() ? "" : ", ") + std::string(step.name);
      if (name != step.name)
        continue;
      fusion.*step.enabled = false;
      found = true;
    }
    if (!found)
      return usageError("--disable-fusion is \"" + name + "\"; expected " +
                        known);
  }
  return llvm::Error::success();
}

/// With --emulate, those above the lowest level become emulations of theirs.
static llvm::Expected<Targets> targetsOf(const Arguments &arguments) {
  llvm::Expected<Targets> targets =
      findTargets(arguments.get("--target").value_or("native"));
  if (!targets || !arguments.has("--emulate"))
    return targets;
  if (!emulationOf(*targets->back()))
    return usageError("--emulate is for levels above the lowest one, but the "
                      "target is " +
                      targets->back()->name +
                      "; choose one with --target, --target=help lists them");
  for (const Target *&target : *targets)
    if (const Target *emulation = emulationOf(*target))
      target = emulation;
  return targets;
}

llvm::Expected<CompileOptions>
ashlar::tool::compileOptions(const Arguments &arguments) {
  CompileOptions options;
  llvm::Expected<Targets> targets = targetsOf(arguments);
  if (!targets)
    return targets.takeError();
  options.targets = std::move(*targets);
  llvm::Expected<PrecisionOptions> precision =
      PrecisionOptions::parse(arguments.get("--precision").value_or("f32"));
  if (!precision)
    return usageError(llvm::toString(precision.takeError()));
  options.precision = std::move(*precision);
  if (llvm::Error error = setLimits(arguments, options))
    return std::move(error);
  if (llvm::Error error = disableFusions(arguments, options.fusion))
    return std::move(error);
  options.tower = arguments.get("--tower").value_or("").str();
  options.taps = arguments.has("--taps");
  if (arguments.has("--random-weights")) {
    llvm::Expected<int64_t> seed =
        arguments.integer("--random-weights", 0, 0, INT64_MAX);
    if (!seed)
      return seed.takeError();
    options.randomWeights = *seed;
  }
  if (std::optional<llvm::StringRef> date = arguments.get("--chat-date")) {
    if (!JinjaValue::today(*date))
      return usageError("--chat-date is \"" + escapeForDisplay(*date) +
                        "\"; expected a day as YYYY-MM-DD");
    options.chatDate = date->str();
  }
  return options;
}
