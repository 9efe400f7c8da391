//===- Configs.h - Small configurations to vary ----------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_IMPORT_CONFIGS_H
#define ASHLAR_TESTS_COMPILER_IMPORT_CONFIGS_H

#include "compiler/Import/Import.h"
#include "tests/compiler/support/ErrorText.h"

#include <string>
#include <utility>
#include <vector>

namespace ashlar::test {

/// What follows an error about a class that a family does not have.
inline constexpr char classRemedy[] =
    "\nif the checkpoint has the tensors of one of these, name that one in "
    "\"architectures\"";

/// Keys and their values as JSON, in the order of the file.
using Keys = std::vector<std::pair<std::string, std::string>>;

/// The small valid configuration of a family.
inline Keys baseKeys(const std::string &family) {
  if (family == "gpt2")
    return {{"model_type", "\"gpt2\""},
            {"architectures", "[\"GPT2LMHeadModel\"]"},
            {"vocab_size", "17"},
            {"n_positions", "16"},
            {"n_embd", "12"},
            {"n_layer", "2"},
            {"n_head", "3"}};
  if (family == "llama")
    return {{"model_type", "\"llama\""},
            {"architectures", "[\"LlamaForCausalLM\"]"},
            {"vocab_size", "17"},
            {"hidden_size", "16"},
            {"intermediate_size", "20"},
            {"num_hidden_layers", "2"},
            {"num_attention_heads", "4"}};
  if (family == "bert")
    return {{"model_type", "\"bert\""},
            {"architectures", "[\"BertForSequenceClassification\"]"},
            {"vocab_size", "17"},
            {"hidden_size", "12"},
            {"intermediate_size", "20"},
            {"num_hidden_layers", "2"},
            {"num_attention_heads", "3"},
            {"max_position_embeddings", "16"}};
  if (family == "torch_transformer")
    return {{"model_type", "\"torch_transformer\""},
            {"kind", "\"vanilla\""},
            {"d_model", "12"},
            {"nhead", "3"},
            {"num_encoder_layers", "1"},
            {"num_decoder_layers", "2"},
            {"dim_feedforward", "20"},
            {"src_vocab_size", "17"},
            {"tgt_vocab_size", "19"}};
  std::string model =
      family == "bart" ? "BartForConditionalGeneration" : "MarianMTModel";
  return {{"model_type", "\"" + family + "\""},
          {"architectures", "[\"" + model + "\"]"},
          {"vocab_size", "17"},
          {"d_model", "12"},
          {"encoder_layers", "1"},
          {"decoder_layers", "2"},
          {"encoder_attention_heads", "3"},
          {"decoder_attention_heads", "4"},
          {"encoder_ffn_dim", "20"},
          {"decoder_ffn_dim", "24"},
          {"max_position_embeddings", "16"}};
}

/// A configuration of `keys`, one a line from line 2 on, with `changes`: a
/// known key's value is replaced, "" removes it, a new one is appended.
inline std::string configOf(Keys keys, const Keys &changes) {
  for (const auto &[key, value] : changes) {
    size_t i = 0;
    while (i < keys.size() && keys[i].first != key)
      ++i;
    if (i == keys.size())
      keys.push_back({key, value});
    else if (value.empty())
      keys.erase(keys.begin() + i);
    else
      keys[i].second = value;
  }
  std::string text = "{\n";
  for (size_t i = 0; i < keys.size(); ++i)
    text += "  \"" + keys[i].first + "\": " + keys[i].second +
            (i + 1 < keys.size() ? ",\n" : "\n");
  return text + "}\n";
}

/// The family's small configuration with `changes`.
inline std::string config(const std::string &family, const Keys &changes = {}) {
  return configOf(baseKeys(family), changes);
}

inline llvm::Expected<ImportResult>
importText(const std::string &text, const std::string *generation = nullptr) {
  return importConfig(text, "config.json", generation,
                      "generation_config.json");
}

/// The import of a configuration that must be valid.
inline ImportResult import(const std::string &family,
                           const Keys &changes = {}) {
  return valueOf(importText(config(family, changes)));
}

/// The message for a configuration that must not be valid.
inline std::string importError(const std::string &family, const Keys &changes) {
  return errorText(importText(config(family, changes)));
}

} // namespace ashlar::test

#endif // ASHLAR_TESTS_COMPILER_IMPORT_CONFIGS_H
