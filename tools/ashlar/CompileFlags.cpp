//===- CompileFlags.cpp - Flags of every command that compiles -----------===//

#include "tools/ashlar/CompileFlags.h"

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
  const std::pair<llvm::StringRef, bool *> switches[] = {
      {"fold-attention-scale", &fusion.foldAttentionScale},
      {"merge-qkv", &fusion.mergeQkv},
      {"fuse-rotary", &fusion.fuseRotary},
      {"fuse-residual-norm", &fusion.fuseResidualNorm},
      {"merge-gate-up", &fusion.mergeGateUp},
      {"fuse-epilogue", &fusion.fuseEpilogue}};
  for (llvm::StringRef name : arguments.all("--disable-fusion")) {
    std::string known;
    bool found = false;
    for (auto [fusionName, field] : switches) {
      known += (known.empty() ? "" : ", ") + fusionName.str();
      if (name != fusionName)
        continue;
      *field = false;
      found = true;
    }
    if (!found)
      return usageError("--disable-fusion is \"" + name + "\"; expected " +
                        known);
  }
  return llvm::Error::success();
}

llvm::Expected<CompileOptions>
ashlar::tool::compileOptions(const Arguments &arguments) {
  CompileOptions options;
  llvm::Expected<const Target *> target =
      findTarget(arguments.get("--target").value_or("native"));
  if (!target)
    return target.takeError();
  options.target = *target;
  llvm::StringRef precision = arguments.get("--precision").value_or("f32");
  if (precision != "f32")
    return usageError("--precision is \"" + precision +
                      "\"; this build knows f32 only");
  if (llvm::Error error = setLimits(arguments, options))
    return std::move(error);
  if (llvm::Error error = disableFusions(arguments, options.fusion))
    return std::move(error);
  options.taps = arguments.has("--taps");
  if (arguments.has("--random-weights")) {
    llvm::Expected<int64_t> seed =
        arguments.integer("--random-weights", 0, 0, INT64_MAX);
    if (!seed)
      return seed.takeError();
    options.randomWeights = *seed;
  }
  return options;
}
