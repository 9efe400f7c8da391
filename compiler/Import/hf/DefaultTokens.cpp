//===- DefaultTokens.cpp - Token ids that a config.json need not name -----===//

#include "compiler/Import/hf/Families.h"

using namespace ashlar;
using namespace ashlar::hf;

namespace {
struct Entry {
  llvm::StringRef modelType;
  DefaultTokens tokens;
};
} // namespace

DefaultTokens hf::defaultTokens(llvm::StringRef modelType) {
  static constexpr int64_t whisperBegin[] = {220, 50256};
  // Mpt, qwen2 and qwen3 have none.
  // keep-sorted start
  static constexpr Entry entries[] = {
      {"bart",
       {.bos = 0, .eos = 2, .pad = 1, .decoderStart = 2, .forcedEos = 2}},
      {"bloom", {.bos = 1, .eos = 2}},
      {"cohere", {.bos = 5, .eos = 255001, .pad = 0}},
      {"falcon", {.bos = 11, .eos = 11}},
      {"gemma", {.bos = 2, .eos = 1, .pad = 0}},
      {"gemma2", {.bos = 2, .eos = 1, .pad = 0}},
      {"gpt2", {.bos = 50256, .eos = 50256}},
      {"gpt_neox", {.bos = 0, .eos = 2}},
      {"gptj", {.bos = 50256, .eos = 50256}},
      {"llama", {.bos = 1, .eos = 2}},
      {"m2m_100", {.bos = 0, .eos = 2, .pad = 1, .decoderStart = 2}},
      {"marian",
       {.eos = 0, .pad = 58100, .decoderStart = 58100, .forcedEos = 0}},
      {"mbart", {.bos = 0, .eos = 2, .pad = 1, .forcedEos = 2}},
      {"mistral", {.bos = 1, .eos = 2}},
      {"mixtral", {.bos = 1, .eos = 2}},
      {"mt5", {.eos = 1, .pad = 0, .decoderStart = 0}},
      {"olmo", {.eos = 50279, .pad = 1}},
      {"olmo2", {.eos = 50279, .pad = 1}},
      {"opt", {.bos = 2, .eos = 2, .pad = 1}},
      {"pegasus", {.eos = 1, .pad = 0, .decoderStart = 0, .forcedEos = 1}},
      {"phi", {.bos = 1, .eos = 2}},
      {"phi3", {.bos = 1, .eos = 32000, .pad = 32000}},
      {"stablelm", {.bos = 0, .eos = 0}},
      {"starcoder2", {.bos = 50256, .eos = 50256}},
      {"t5", {.eos = 1, .pad = 0}},
      {"umt5", {.eos = 1, .pad = 0, .decoderStart = 0}},
      {"whisper",
       {.bos = 50256,
        .eos = 50256,
        .pad = 50256,
        .decoderStart = 50257,
        .beginSuppress = whisperBegin}},
  };
  // keep-sorted end
  for (const Entry &entry : entries)
    if (entry.modelType == modelType)
      return entry.tokens;
  return {};
}
