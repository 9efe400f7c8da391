//===- ResolveLimits.cpp - What a compilation is made for ----------------===//

#include "compiler/Compiler.h"

#include "compiler/LevelPrograms.h"
#include "compiler/Support/Errors.h"

using namespace ashlar;

/// `asked`, or `fallback` when zero; at most the model's own limit.
static llvm::Expected<int64_t> resolveLimit(llvm::StringRef flag, int64_t asked,
                                            int64_t fallback, int64_t limit) {
  constexpr int64_t most = int64_t(1) << 24;
  if (asked < 0 || asked > most)
    return userError("", flag + " is " + llvm::Twine(asked) +
                             "; expected 1 to " + llvm::Twine(most));
  if (!asked)
    return limit ? std::min(fallback, limit) : fallback;
  if (limit && asked > limit)
    return userError("",
                     flag + " is " + llvm::Twine(asked) +
                         ", but the model has only " + llvm::Twine(limit) +
                         " positions",
                     "give at most that");
  return asked;
}

llvm::Expected<PipelineOptions>
ashlar::resolveLimits(const ModelSpec &spec, const CompileOptions &options) {
  PipelineOptions pipeline;
  pipeline.fusion = options.fusion;
  pipeline.taps = options.taps;
  pipeline.precision = options.precision.text;
  if (!options.targets.empty())
    setTarget(pipeline, *options.targets.back());
  const Stack *encoder = spec.encoder(), *decoder = spec.decoder();
  auto set = [](int64_t &field, llvm::Expected<int64_t> value) -> llvm::Error {
    if (!value)
      return value.takeError();
    field = *value;
    return llvm::Error::success();
  };
  int64_t sourceLimit = encoder ? encoder->maxPositions : 0;
  int64_t contextLimit = decoder ? decoder->maxPositions : sourceLimit;
  if (llvm::Error error = set(pipeline.maxContext,
                              resolveLimit("--max-context", options.maxContext,
                                           4096, contextLimit)))
    return std::move(error);
  const Patches *patches = encoder && encoder->embedding.patches
                               ? &*encoder->embedding.patches
                               : nullptr;
  int64_t tokens = encoder ? 512 : std::min<int64_t>(512, pipeline.maxContext);
  // What a stem makes of a source has the length that the model was made for.
  if (encoder && sourceLimit)
    tokens = encoder->embedding.stem.empty() ? std::min(tokens, sourceLimit)
                                             : sourceLimit;
  if (patches) // whole images
    tokens = std::max<int64_t>(512 / patches->rows(), 1) * patches->rows();
  if (llvm::Error error =
          set(pipeline.maxTokens,
              resolveLimit("--max-tokens", options.maxTokens, tokens, 0)))
    return std::move(error);
  if (patches && pipeline.maxTokens < patches->rows())
    return userError("",
                     "--max-tokens is " + llvm::Twine(pipeline.maxTokens) +
                         ", but an image has " + llvm::Twine(patches->rows()) +
                         " rows",
                     "give at least that");
  if (llvm::Error error = set(pipeline.maxSource,
                              resolveLimit("--max-source", options.maxSource,
                                           pipeline.maxTokens, sourceLimit)))
    return std::move(error);
  if (llvm::Error error =
          set(pipeline.maxSequences,
              resolveLimit("--max-sequences", options.maxSequences,
                           decoder ? 1 : 8, 0)))
    return std::move(error);
  if (decoder || patches || !sourceLimit)
    return pipeline;
  int64_t most = sourceLimit * pipeline.maxSequences;
  if (options.maxTokens > most)
    return userError("",
                     "--max-tokens is " + llvm::Twine(options.maxTokens) +
                         ", but " + llvm::Twine(pipeline.maxSequences) +
                         " sequences of the model's " +
                         llvm::Twine(sourceLimit) + " positions have " +
                         llvm::Twine(most) + " together",
                     "give at most that, or more --max-sequences");
  return pipeline;
}
