//===- DecoderConfigs.h - Decoders to vary ----------------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_IMPORT_DECODERCONFIGS_H
#define ASHLAR_TESTS_COMPILER_IMPORT_DECODERCONFIGS_H

#include "tests/compiler/import/Configs.h"

#include <gtest/gtest.h>

namespace ashlar::test {

using Names = std::vector<std::string>;

/// Families with llama's skeleton, and the stems of their classes.
inline constexpr std::pair<const char *, const char *> classes[] = {
    {"cohere", "Cohere"},
    {"gemma", "Gemma"},
    {"gemma2", "Gemma2"},
    {"mistral", "Mistral"},
    {"mixtral", "Mixtral"},
    {"olmo", "Olmo"},
    {"olmo2", "Olmo2"},
    {"phi", "Phi"},
    {"phi3", "Phi3"},
    {"qwen2", "Qwen2"},
    {"qwen3", "Qwen3"},
    {"stablelm", "StableLm"},
    {"starcoder2", "Starcoder2"}};

/// The small configuration of llama as one of `family`, with heads of 16
/// features, two of them of keys and values; `changes` begin at line 10, or
/// with that number at line 9.
inline std::string decoder(const std::string &family, const Keys &changes,
                           const std::string &suffix = "ForCausalLM") {
  std::string name;
  for (auto [type, stem] : classes)
    if (family == type)
      name = stem;
  Keys keys = {{"model_type", "\"" + family + "\""},
               {"architectures", "[\"" + name + suffix + "\"]"},
               {"hidden_size", "64"}};
  if (changes.empty() || changes[0].first != "num_key_value_heads")
    keys.push_back({"num_key_value_heads", "2"});
  for (const auto &change : changes)
    if (!change.second.empty())
      keys.push_back(change);
  return config("llama", keys);
}

inline ModelSpec spec(const std::string &family, const Keys &changes = {}) {
  ImportResult result = valueOf(importText(decoder(family, changes)));
  EXPECT_EQ(result.warnings, Names());
  return std::move(result.spec);
}

inline const Block &block(const ModelSpec &spec, size_t group = 0) {
  return spec.stacks[0].blocks[group].block;
}

inline const Attention &attention(const ModelSpec &spec) {
  return block(spec).attention;
}

} // namespace ashlar::test

#endif // ASHLAR_TESTS_COMPILER_IMPORT_DECODERCONFIGS_H
