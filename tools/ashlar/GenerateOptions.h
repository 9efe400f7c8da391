//===- GenerateOptions.h - How text is generated ---------------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_GENERATEOPTIONS_H
#define ASHLAR_TOOLS_ASHLAR_GENERATEOPTIONS_H

#include "runtime/text/beam.h"
#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

// Entries of the command's table of options. Executables know the same ones.
#define ASHLAR_GENERATE_OPTIONS                                                \
  {"--max-new-tokens", "N", "tokens to generate at most"},                     \
      {"--ignore-eos", nullptr, "do not stop at the model's end tokens"},      \
      {"--stop-ids", "1,2", "further end tokens"},                             \
      {"--temperature", "T", "sampling: logits are divided by T"},             \
      {"--top-k", "K", "sampling: among the K most likely tokens"},            \
      {"--top-p", "P",                                                         \
       "sampling: among the most likely tokens that have probability P "       \
       "together"},                                                            \
      {"--seed", "N", "sampling: another text for each seed (default: 0)"},    \
      {"--repetition-penalty", "R",                                            \
       "logits of tokens seen are divided by R, if positive, else "            \
       "multiplied"},                                                          \
      {"--beams", "N",                                                         \
       "beam search; an artifact needs --max-sequences=N of compile"},         \
      {"--length-penalty", "F",                                                \
       "beams: sums of log probabilities are divided by length^F (default: "   \
       "the model's)"},                                                        \
      {"--early-stopping", "WHEN",                                             \
       "beams: the search is over when N texts have ended (true), when none "  \
       "could beat them at its present length (false) or at any (never) "      \
       "(default: the model's)"},                                              \
      {"--n-best", "N",                                                        \
       "beams: a line for each of the N best (default: the model's)"}

struct GenerateOptions {
  int64_t maxNewTokens = -1;
  bool ignoreEnd = false;
  bool special = false;
  bool idsOnly = false;
  bool stream = false;
  bool chat = false;
  bool converse = false;               // prompts are one chat
  std::optional<std::string> system;   // of a chat
  std::optional<std::string> language; // of the output
  std::vector<int32_t> decoderIds;
  std::vector<int32_t> stopIds;
  ashlar_sampling sampling = {};
  ashlar_search search = ASHLAR_NO_SEARCH;
};

/// What those flags and generate's own say.
llvm::Expected<GenerateOptions> generateOptions(const Arguments &arguments);

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_GENERATEOPTIONS_H
