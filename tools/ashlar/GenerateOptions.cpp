//===- GenerateOptions.cpp - How text is generated -----------------------===//

#include "tools/ashlar/GenerateOptions.h"

#include "tools/ashlar/Texts.h"

using namespace ashlar::tool;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Error readIds(const Arguments &arguments, StringRef option,
                     std::vector<int32_t> &ids) {
  std::optional<StringRef> text = arguments.get(option);
  if (!text)
    return Error::success();
  return parseIds(*text, option).moveInto(ids);
}

static Error readSampling(const Arguments &arguments,
                          ashlar_sampling &sampling) {
  for (const char *flag : {"--temperature", "--top-k", "--top-p", "--seed"})
    sampling.enabled |= arguments.has(flag);
  int64_t topK = 0, seed = 0;
  if (Error error =
          arguments.number("--temperature", 0, 0, ASHLAR_MAX_TEMPERATURE)
              .moveInto(sampling.temperature))
    return error;
  if (Error error =
          arguments.integer("--top-k", 0, 1, INT32_MAX).moveInto(topK))
    return error;
  if (Error error =
          arguments.number("--top-p", 0, 0, 1).moveInto(sampling.top_p))
    return error;
  if (Error error = arguments.integer("--seed", 0, 0, INT64_MAX).moveInto(seed))
    return error;
  sampling.top_k = static_cast<int32_t>(topK);
  sampling.seed = static_cast<uint64_t>(seed);
  return arguments
      .number("--repetition-penalty", 0, 0, ASHLAR_MAX_REPETITION_PENALTY)
      .moveInto(sampling.repetition_penalty);
}

static Error readSearch(const Arguments &arguments, ashlar_search &search) {
  int64_t beams = 1, nBest = 0;
  if (Error error =
          arguments.integer("--beams", 1, 1, ASHLAR_MAX_BEAMS).moveInto(beams))
    return error;
  if (Error error =
          arguments.integer("--n-best", 0, 1, ASHLAR_MAX_BEAMS).moveInto(nBest))
    return error;
  search.beams = static_cast<int32_t>(beams);
  search.n_best = static_cast<int32_t>(nBest);
  if (std::optional<StringRef> name = arguments.get("--early-stopping")) {
    search.early_stopping = ashlar_early_stopping_named(name->str().c_str());
    if (search.early_stopping == ASHLAR_TEXT_NONE)
      return usageError("--early-stopping=" + *name +
                        ": expected false, true or never");
  }
  search.has_length_penalty = arguments.has("--length-penalty");
  return arguments
      .number("--length-penalty", 1, -ASHLAR_MAX_LENGTH_PENALTY,
              ASHLAR_MAX_LENGTH_PENALTY)
      .moveInto(search.length_penalty);
}

Expected<GenerateOptions>
ashlar::tool::generateOptions(const Arguments &arguments) {
  GenerateOptions options;
  if (Error error = arguments.integer("--max-new-tokens", -1, 0, INT32_MAX)
                        .moveInto(options.maxNewTokens))
    return std::move(error);
  options.ignoreEnd = arguments.has("--ignore-eos");
  options.special = arguments.has("--special");
  options.idsOnly = arguments.has("--ids-only");
  options.stream = arguments.has("--stream");
  options.chat = arguments.has("--chat");
  options.converse = arguments.has("--converse");
  if (std::optional<StringRef> system = arguments.get("--system"))
    options.system = system->str();
  if (std::optional<StringRef> language = arguments.get("--language")) {
    if (arguments.has("--decoder-ids"))
      return usageError("--language does not go with --decoder-ids");
    options.language = language->str();
  }
  if (Error error = readIds(arguments, "--decoder-ids", options.decoderIds))
    return std::move(error);
  if (Error error = readIds(arguments, "--stop-ids", options.stopIds))
    return std::move(error);
  if (Error error = readSampling(arguments, options.sampling))
    return std::move(error);
  if (Error error = readSearch(arguments, options.search))
    return std::move(error);
  if (const char *fault = ashlar_search_fault(
          &options.search, &options.sampling, options.stream))
    return usageError(fault);
  return options;
}
