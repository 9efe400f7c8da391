//===- DecoderFamiliesTest.cpp - What decoder families have ---------------===//
//
// What the families that share llama's skeleton all have: heads, defaults,
// windows.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/DecoderConfigs.h"

#include <algorithm>

using namespace ashlar;
using namespace ashlar::test;

/// The window of each layer.
static std::vector<int64_t> windows(const ModelSpec &spec) {
  std::vector<int64_t> result;
  for (const BlockGroup &group : spec.stacks[0].blocks)
    result.insert(result.end(), group.count, group.block.attention.window);
  return result;
}

using Windows = std::vector<int64_t>;

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

TEST(DecoderFamilies, NamesAndHeads) {
  for (auto [family, stem] : classes) {
    ModelSpec model = spec(family);
    EXPECT_EQ(model.family, family);
    EXPECT_EQ(model.heads.size(), 1u) << family;
    EXPECT_EQ(model.checkpoint.optionalPrefixes, Names{"model."}) << family;
    EXPECT_TRUE(attention(model).causal) << family;
    EXPECT_EQ(attention(model).kvHeads, 2) << family;
    ModelSpec bare = valueOf(importText(decoder(family, {}, "Model"))).spec;
    EXPECT_TRUE(bare.heads.empty()) << family;
    EXPECT_EQ(bare.checkpoint.ignorable.front(), "lm_head.weight") << family;
  }
}

TEST(DecoderFamilies, TiedByDefault) {
  const std::vector<std::string> tied = {"cohere", "gemma", "gemma2",
                                         "starcoder2"};
  for (auto [family, stem] : classes) {
    auto headOf = [family = family](const Keys &changes) {
      return spec(family, changes).heads[0].layers[0].linear->weight.tensor;
    };
    bool isTied = std::find(tied.begin(), tied.end(), family) != tied.end();
    const char *table = "model.embed_tokens.weight";
    EXPECT_EQ(headOf({}), isTied ? table : "lm_head.weight") << family;
    EXPECT_EQ(headOf({{"tie_word_embeddings", "true"}}), table) << family;
    EXPECT_EQ(headOf({{"tie_word_embeddings", "false"}}), "lm_head.weight")
        << family;
  }
}

/// Absent, it is the class's default, which these few heads do not have.
TEST(DecoderFamilies, KeyValueHeads) {
  const std::pair<const char *, bool> hasNumber[] = {
      {"cohere", false}, {"gemma", true},   {"gemma2", false},
      {"mistral", true}, {"mixtral", true}, {"olmo", false},
      {"olmo2", false},  {"phi", false},    {"phi3", false},
      {"qwen2", true},   {"qwen3", true},   {"starcoder2", false},
      {"stablelm", true}};
  for (auto [family, fails] : hasNumber) {
    const char *key = "num_key_value_heads";
    EXPECT_EQ(attention(spec(family, {{key, "null"}})).kvHeads, 4) << family;
    std::string absent = decoder(family, {{key, ""}});
    if (fails)
      EXPECT_EQ(errorText(importText(absent)),
                "config.json:1:1: \"num_key_value_heads\" is absent; expected "
                "a divisor of \"num_attention_heads\" (4)")
          << family;
    else
      EXPECT_EQ(attention(valueOf(importText(absent)).spec).kvHeads,
                family == std::string("starcoder2") ? 2 : 4)
          << family;
  }
}

TEST(DecoderFamilies, UnsupportedOptions) {
  struct Case {
    const char *family, *key, *value, *message;
  };
  const Case cases[] = {
      {"gemma", "use_bidirectional_attention", "true", "supported: false"},
      {"gemma2", "use_bidirectional_attention", "true", "supported: false"},
      {"gemma2", "attn_logit_softcapping", "0", "expected a number above 0"},
      {"mistral", "attention_bias", "true", "supported: false"},
      {"mistral", "sliding_window", "0",
       "expected an integer from 1 to 2147483647"},
      {"mixtral", "num_experts_per_tok", "9",
       "expected at most \"num_local_experts\" (8)"},
      {"mixtral", "num_experts_per_tok", "0",
       "expected an integer from 1 to 4096"},
      {"mixtral", "num_local_experts", "1000000",
       "expected an integer from 1 to 4096"},
      {"olmo", "clip_qkv", "0", "expected a number above 0"},
      {"olmo2", "clip_qkv", "8.0", "supported: null"},
      {"phi", "partial_rotary_factor", "0.1",
       "expected an even number of a head's features to be rotated, not 1"},
      {"phi3", "attention_bias", "true", "supported: false"},
      {"qwen2", "use_mrope", "true", "supported: false"},
      {"qwen2", "max_window_layers", "-1",
       "expected an integer from 0 to 2147483647"},
      {"qwen3", "attention_bias", "1", "expected true or false"},
      {"stablelm", "qk_layernorm", "1", "expected true or false"},
      {"stablelm", "rope_pct", "0.5",
       "expected the same as \"partial_rotary_factor\" (absent: 0.25)"},
      {"starcoder2", "mlp_type", "\"gated\"", "supported: \"default\""},
      {"starcoder2", "norm_type", "\"rms_norm\"", "supported: \"layer_norm\""},
  };
  for (const Case &each : cases) {
    std::string key = each.key;
    Keys changes = {{key, each.value}};
    std::string column = std::to_string(key.size() + 7);
    EXPECT_EQ(errorText(importText(decoder(each.family, changes))),
              "config.json:10:" + column + ": \"" + key + "\" is " +
                  each.value + "; " + each.message)
        << each.family;
  }
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

TEST(DecoderFamilies, WindowOfAllLayers) {
  const std::pair<const char *, int64_t> absent[] = {
      {"mistral", 4096}, {"phi3", 0}, {"starcoder2", 0}};
  for (auto [family, window] : absent) {
    EXPECT_EQ(windows(spec(family)), Windows(2, window)) << family;
    EXPECT_EQ(windows(spec(family, {{"sliding_window", "null"}})),
              Windows(2, 0))
        << family;
    EXPECT_EQ(windows(spec(family, {{"sliding_window", "6"}})), Windows(2, 6))
        << family;
  }
}

TEST(DecoderFamilies, WindowOfUpperLayers) {
  for (const char *family : {"qwen2", "qwen3"}) {
    Keys keys = {{"num_hidden_layers", "3"},
                 {"sliding_window", "6"},
                 {"max_window_layers", "1"}};
    EXPECT_EQ(windows(spec(family, keys)), Windows(3, 0));
    keys.push_back({"use_sliding_window", "true"});
    ModelSpec model = spec(family, keys);
    EXPECT_EQ(windows(model), (Windows{0, 6, 6}));
    EXPECT_EQ(model.stacks[0].blocks.size(), 2u);
    keys[2].second = "0";
    EXPECT_EQ(windows(spec(family, keys)), (Windows{6, 6, 6}));
    keys.erase(keys.begin() + 2); // 28
    EXPECT_EQ(windows(spec(family, keys)), (Windows{0, 0, 0}));
  }
}

TEST(DecoderFamilies, WindowOfEveryOtherLayer) {
  Keys keys = {{"num_hidden_layers", "3"}};
  EXPECT_EQ(windows(spec("gemma2", keys)), (Windows{4096, 0, 4096}));
  keys.push_back({"sliding_window", "6"});
  EXPECT_EQ(windows(spec("gemma2", keys)), (Windows{6, 0, 6}));
  keys.back().second = "null";
  EXPECT_EQ(windows(spec("gemma2", keys)), (Windows{0, 0, 0}));
}

TEST(DecoderFamilies, LayerTypes) {
  const std::string types = "[\"full_attention\", \"sliding_attention\"]";
  Keys keys = {{"layer_types", types}, {"sliding_window", "6"}};
  EXPECT_EQ(windows(spec("gemma2", keys)), (Windows{0, 6}));
  keys.push_back({"use_sliding_window", "true"});
  EXPECT_EQ(windows(spec("qwen3", keys)), (Windows{0, 6}));

  auto error = [](const char *family, const std::string &value) {
    return errorText(importText(decoder(family, {{"layer_types", value}})));
  };
  EXPECT_EQ(error("gemma2", "[\"full_attention\"]"),
            "config.json:10:18: \"layer_types\" is an array; expected a list "
            "of \"num_hidden_layers\" (2) names");
  EXPECT_EQ(error("gemma2", "[\"full_attention\", \"chunked_attention\"]"),
            "config.json:10:37: \"layer_types\" has \"chunked_attention\"; "
            "supported: full_attention, sliding_attention");
  EXPECT_EQ(error("qwen2", types),
            "config.json:10:37: \"layer_types\" has \"sliding_attention\"; "
            "supported: full_attention, as there is no sliding window");
}
