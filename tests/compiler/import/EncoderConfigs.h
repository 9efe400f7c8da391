//===- EncoderConfigs.h - Encoders to vary ----------------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_IMPORT_ENCODERCONFIGS_H
#define ASHLAR_TESTS_COMPILER_IMPORT_ENCODERCONFIGS_H

#include "tests/compiler/import/Configs.h"

#include "llvm/ADT/ArrayRef.h"

#include <gtest/gtest.h>

namespace ashlar::test {

using Names = std::vector<std::string>;
using Sizes = std::vector<int64_t>;

inline Keys bertKeys(const std::string &family, const std::string &model) {
  return {{"model_type", "\"" + family + "\""},
          {"architectures", "[\"" + model + "\"]"},
          {"vocab_size", "17"},
          {"hidden_size", "12"},
          {"intermediate_size", "20"},
          {"num_hidden_layers", "2"},
          {"num_attention_heads", "3"},
          {"max_position_embeddings", "16"}};
}

inline Keys t5Keys(const std::string &family, const std::string &model) {
  return {{"model_type", "\"" + family + "\""},
          {"architectures", "[\"" + model + "\"]"},
          {"vocab_size", "17"},
          {"d_model", "12"},
          {"d_kv", "8"},
          {"d_ff", "20"},
          {"num_layers", "2"},
          {"num_heads", "3"}};
}

/// The configuration of a model by its class.
inline Keys keysOf(const std::string &model) {
  auto begins = [&](const char *name) { return model.rfind(name, 0) == 0; };
  if (begins("DistilBert"))
    return {{"model_type", "\"distilbert\""},
            {"architectures", "[\"" + model + "\"]"},
            {"vocab_size", "17"},
            {"dim", "12"},
            {"hidden_dim", "20"},
            {"n_layers", "2"},
            {"n_heads", "3"},
            {"max_position_embeddings", "16"}};
  if (begins("MBart") || begins("Bart") || begins("Pegasus") ||
      begins("M2M100")) {
    Keys keys = baseKeys(begins("MBart")     ? "mbart"
                         : begins("Bart")    ? "bart"
                         : begins("Pegasus") ? "pegasus"
                                             : "m2m_100");
    keys[1].second = "[\"" + model + "\"]";
    return keys;
  }
  if (begins("T5"))
    return t5Keys("t5", model);
  if (begins("MT5"))
    return t5Keys("mt5", model);
  if (begins("UMT5"))
    return t5Keys("umt5", model);
  const char *family = begins("Roberta")      ? "roberta"
                       : begins("XLM")        ? "xlm-roberta"
                       : begins("Electra")    ? "electra"
                       : begins("Albert")     ? "albert"
                       : begins("BigBird")    ? "big_bird"
                       : begins("Longformer") ? "longformer"
                       : begins("ModernBert") ? "modernbert"
                       : begins("Bert")       ? "bert"
                                              : "mpnet";
  return bertKeys(family, model);
}

inline ModelSpec specOf(const std::string &model, const Keys &changes = {}) {
  ImportResult result = valueOf(importText(configOf(keysOf(model), changes)));
  EXPECT_EQ(result.warnings, Names());
  return result.spec;
}

inline const Block &blockOf(const Stack &stack) {
  return stack.blocks[0].block;
}

/// The tensors of a head's linears, each with its activation.
inline Names layersOf(const Head &head) {
  Names result;
  for (const HeadLayer &layer : head.layers)
    result.push_back(
        layer.linear->weight.tensor +
        (layer.activation ? std::string(" ") + nameOf(*layer.activation) : "") +
        (layer.norm ? " " + layer.norm->gain->tensor : ""));
  return result;
}

/// A change that a model does not take.
struct UnsupportedChange {
  const char *model;
  std::pair<const char *, const char *> change;
  const char *message;
};

inline void expectErrors(llvm::ArrayRef<UnsupportedChange> rows) {
  for (const UnsupportedChange &row : rows)
    EXPECT_EQ(errorText(importText(configOf(
                  keysOf(row.model), {{row.change.first, row.change.second}}))),
              std::string("config.json:") + row.message)
        << row.model;
}

} // namespace ashlar::test

#endif // ASHLAR_TESTS_COMPILER_IMPORT_ENCODERCONFIGS_H
