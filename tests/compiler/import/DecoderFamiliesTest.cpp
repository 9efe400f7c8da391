//===- DecoderFamiliesTest.cpp - What sets decoder families apart ---------===//
//
// The families that share llama's skeleton, each by what it does otherwise.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/Configs.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

using Names = std::vector<std::string>;

static const std::pair<const char *, const char *> classes[] = {
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
static std::string decoder(const std::string &family, const Keys &changes,
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

static ModelSpec spec(const std::string &family, const Keys &changes = {}) {
  ImportResult result = valueOf(importText(decoder(family, changes)));
  EXPECT_EQ(result.warnings, Names());
  return std::move(result.spec);
}

static const Block &block(const ModelSpec &spec, size_t group = 0) {
  return spec.stacks[0].blocks[group].block;
}

static const Attention &attention(const ModelSpec &spec) {
  return block(spec).attention;
}

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
      {"phi", "qk_layernorm", "true", "supported: false"},
      {"phi", "partial_rotary_factor", "0.1",
       "expected an even number of a head's features to be rotated, not 1"},
      {"phi3", "attention_bias", "true", "supported: false"},
      {"qwen2", "use_mrope", "true", "supported: false"},
      {"qwen2", "max_window_layers", "-1",
       "expected an integer from 0 to 2147483647"},
      {"qwen3", "attention_bias", "1", "expected true or false"},
      {"stablelm", "qk_layernorm", "true", "supported: false"},
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

TEST(DecoderFamilies, ArchitectureUnsupported) {
  EXPECT_EQ(
      errorText(importText(decoder("phi3", {}, "ForSequenceClassification"))),
      "config.json:3:21: \"architectures\" has "
      "\"Phi3ForSequenceClassification\"; supported: Phi3ForCausalLM, "
      "Phi3Model");
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

//===----------------------------------------------------------------------===//
// One by one
//===----------------------------------------------------------------------===//

TEST(DecoderFamilies, Mistral) {
  ModelSpec model = spec("mistral", {{"head_dim", "6"}});
  EXPECT_EQ(model.stacks[0].maxPositions, 131072);
  EXPECT_EQ(attention(model).query.outFeatures, 24);
  EXPECT_EQ(block(model).attentionNorm->kind, NormKind::RmsNorm);
  EXPECT_EQ(block(model).attentionNorm->epsilon, 1e-6);
  EXPECT_EQ(block(model).feedForwardNorm->gain->tensor,
            "model.layers.{layer}.post_attention_layernorm.weight");
}

TEST(DecoderFamilies, Qwen2Biases) {
  ModelSpec model = spec("qwen2");
  EXPECT_EQ(attention(model).query.bias->tensor,
            "model.layers.{layer}.self_attn.q_proj.bias");
  EXPECT_TRUE(attention(model).key.bias && attention(model).value.bias);
  EXPECT_FALSE(attention(model).output.bias.has_value());
  EXPECT_FALSE(block(model).feedForward.gate->bias.has_value());
}

TEST(DecoderFamilies, Qwen3HeadNorms) {
  ModelSpec model = spec("qwen3");
  EXPECT_EQ(attention(model).headDim, 128);
  EXPECT_FALSE(attention(model).query.bias.has_value());
  EXPECT_EQ(attention(model).queryNorm->kind, NormKind::RmsNorm);
  EXPECT_EQ(attention(model).queryNorm->features, 128);
  EXPECT_EQ(attention(model).queryNorm->gain->tensor,
            "model.layers.{layer}.self_attn.q_norm.weight");
  EXPECT_EQ(attention(model).keyNorm->features, 128);
  ModelSpec biased = spec("qwen3", {{"attention_bias", "true"}});
  EXPECT_TRUE(attention(biased).query.bias && attention(biased).output.bias);
}

TEST(DecoderFamilies, Gemma) {
  ModelSpec model = spec("gemma", {{"hidden_act", "\"gelu\""}});
  EXPECT_EQ(model.stacks[0].embedding.scale, 8.0);
  EXPECT_EQ(attention(model).headDim, 256);
  EXPECT_EQ(block(model).feedForward.activation, Activation::GeluTanh);
  EXPECT_EQ(block(model).attentionNorm->gainOffset, 1.0);
  EXPECT_EQ(block(model).feedForwardNorm->gainOffset, 1.0);
  EXPECT_EQ(model.stacks[0].finalNorm->gainOffset, 1.0);
  ModelSpec exact = spec("gemma", {{"hidden_activation", "\"gelu\""}});
  EXPECT_EQ(block(exact).feedForward.activation, Activation::Gelu);
}

TEST(DecoderFamilies, Gemma2) {
  ModelSpec model = spec("gemma2");
  EXPECT_EQ(model.stacks[0].embedding.scale, 8.0);
  EXPECT_EQ(attention(model).scale, 1.0 / 16);
  EXPECT_EQ(attention(model).softCap, 50.0);
  EXPECT_EQ(model.heads[0].layers[0].softCap, 30.0);
  auto nameOf = [](const std::optional<Norm> &norm) {
    EXPECT_EQ(norm->gainOffset, 1.0);
    return norm->gain->tensor;
  };
  const std::string layer = "model.layers.{layer}.";
  EXPECT_EQ(nameOf(block(model).attentionNorm),
            layer + "input_layernorm.weight");
  EXPECT_EQ(nameOf(block(model).attentionOutputNorm),
            layer + "post_attention_layernorm.weight");
  EXPECT_EQ(nameOf(block(model).feedForwardNorm),
            layer + "pre_feedforward_layernorm.weight");
  EXPECT_EQ(nameOf(block(model).feedForwardOutputNorm),
            layer + "post_feedforward_layernorm.weight");
}

TEST(DecoderFamilies, Gemma2Scalars) {
  ModelSpec model = spec("gemma2", {{"query_pre_attn_scalar", "18"},
                                    {"attn_logit_softcapping", "null"},
                                    {"final_logit_softcapping", "null"}});
  EXPECT_DOUBLE_EQ(attention(model).scale, 1 / std::sqrt(18.0));
  EXPECT_FALSE(attention(model).softCap.has_value());
  EXPECT_FALSE(model.heads[0].layers[0].softCap.has_value());
}

TEST(DecoderFamilies, Phi) {
  ModelSpec model = spec("phi");
  EXPECT_EQ(block(model).placement, NormPlacement::Parallel);
  EXPECT_EQ(block(model).attentionNorm->kind, NormKind::LayerNorm);
  EXPECT_TRUE(block(model).attentionNorm->bias.has_value());
  EXPECT_FALSE(block(model).feedForwardNorm.has_value());
  EXPECT_EQ(attention(model).rotary->dimensions, 8);
  EXPECT_EQ(attention(model).output.bias->tensor,
            "model.layers.{layer}.self_attn.dense.bias");
  EXPECT_EQ(block(model).feedForward.up.bias->tensor,
            "model.layers.{layer}.mlp.fc1.bias");
  EXPECT_EQ(block(model).feedForward.activation, Activation::GeluTanh);
  EXPECT_EQ(model.stacks[0].finalNorm->bias->tensor,
            "model.final_layernorm.bias");
  EXPECT_EQ(model.heads[0].layers[0].linear->bias->tensor, "lm_head.bias");
  ModelSpec whole = spec("phi", {{"partial_rotary_factor", "1.0"}});
  EXPECT_EQ(attention(whole).rotary->dimensions, 16);
}

TEST(DecoderFamilies, Phi3MergedTensors) {
  ModelSpec model = spec("phi3", {{"original_max_position_embeddings", "64"}});
  const Attention &merged = attention(model);
  for (const Linear *part : {&merged.query, &merged.key, &merged.value}) {
    EXPECT_EQ(part->weight.tensor,
              "model.layers.{layer}.self_attn.qkv_proj.weight");
    EXPECT_EQ(part->weight.stored, (std::vector<int64_t>{128, 64}));
  }
  EXPECT_EQ(merged.query.weight.begin, 0);
  EXPECT_EQ(merged.key.weight.begin, 64);
  EXPECT_EQ(merged.value.weight.begin, 96);
  EXPECT_EQ(merged.value.weight.count, 32);
  EXPECT_EQ(merged.output.inFeatures, 64);
  const FeedForward &feedForward = block(model).feedForward;
  for (const Linear *part : {&*feedForward.gate, &feedForward.up}) {
    EXPECT_EQ(part->weight.tensor,
              "model.layers.{layer}.mlp.gate_up_proj.weight");
    EXPECT_EQ(part->weight.stored, (std::vector<int64_t>{40, 64}));
    EXPECT_EQ(part->weight.count, 20);
  }
  EXPECT_EQ(feedForward.gate->weight.begin, 0);
  EXPECT_EQ(feedForward.up.weight.begin, 20);
}

/// In this family "yarn" is a former name of longrope, as "su" is.
TEST(DecoderFamilies, Phi3RopeScaling) {
  auto read = [](const std::string &value) {
    return importText(
        decoder("phi3", {{"rope_scaling", value.c_str()},
                         {"max_position_embeddings", "64"},
                         {"original_max_position_embeddings", "16"}}));
  };
  const std::string lists = "\"short_factor\": [1, 1, 1, 1, 1, 1, 1, 1.25], "
                            "\"long_factor\": [2.0, 4, 4, 4, 4, 4, 4, 4]}";
  for (const char *name : {"longrope", "su", "yarn"}) {
    ModelSpec model =
        valueOf(read("{\"type\": \"" + std::string(name) + "\", " + lists))
            .spec;
    const Rotary &rotary = *attention(model).rotary;
    EXPECT_EQ(rotary.scaling, RopeScalingKind::LongRope);
    EXPECT_EQ(rotary.shortFactors,
              (std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1.25}));
    EXPECT_EQ(rotary.longFactors,
              (std::vector<double>{2, 4, 4, 4, 4, 4, 4, 4}));
    EXPECT_EQ(rotary.originalMaxPositions, 16);
    EXPECT_DOUBLE_EQ(rotary.magnitude, std::sqrt(1.5)); // 1 + ln 4 / ln 16
    EXPECT_EQ(model.stacks[0].maxPositions, 64);
  }
  auto error = [&](const char *value) { return errorText(read(value)); };
  const std::string kind = "config.json:10:28: \"rope_scaling.type\" is ";
  EXPECT_EQ(error("{\"type\": \"yarn\", \"factor\": 2.0}"),
            kind + "\"yarn\"; supported: default, dynamic, linear, llama3, "
                   "longrope");
  EXPECT_EQ(error("{\"type\": \"longrope\", \"short_factor\": [1.0], "
                  "\"long_factor\": [1.0, 2.0]}"),
            "config.json:10:56: \"rope_scaling.short_factor\" is an array; "
            "expected a list of 8 numbers over 0, one for each pair of a "
            "head's rotated features");
}

TEST(DecoderFamilies, DynamicRopeScaling) {
  auto read = [](const char *value, const char *length = "24") {
    return importText(decoder("qwen2", {{"rope_scaling", value},
                                        {"max_position_embeddings", length}}));
  };
  ModelSpec model =
      valueOf(read("{\"rope_type\": \"dynamic\", \"factor\": 3}")).spec;
  const Rotary &rotary = *attention(model).rotary;
  EXPECT_EQ(rotary.scaling, RopeScalingKind::Dynamic);
  EXPECT_EQ(rotary.factor, 3.0);
  EXPECT_EQ(rotary.originalMaxPositions, 24);
  // It is there for longer sequences.
  EXPECT_EQ(model.stacks[0].maxPositions, 0);
  EXPECT_NE(errorText(read("{\"rope_type\": \"dynamic\", \"factor\": 0.5}"))
                .find("\"rope_scaling.factor\" is 0.5; expected at least 1"),
            std::string::npos);
  EXPECT_NE(errorText(read("{\"rope_type\": \"dynamic\", \"factor\": 2, "
                           "\"original_max_position_embeddings\": 12}"))
                .find("is 12; supported: \"max_position_embeddings\" (24)"),
            std::string::npos);
}

TEST(DecoderFamilies, CohereHeadNorms) {
  ModelSpec model = spec("cohere", {{"use_qk_norm", "true"}});
  const Attention &cohere = attention(model);
  ASSERT_TRUE(cohere.queryNorm && cohere.keyNorm);
  EXPECT_EQ(cohere.queryNorm->groups, cohere.heads);
  EXPECT_EQ(cohere.queryNorm->features, cohere.heads * cohere.headDim);
  EXPECT_EQ(cohere.queryNorm->gain->stored,
            (std::vector<int64_t>{cohere.heads, cohere.headDim}));
  EXPECT_EQ(cohere.keyNorm->groups, cohere.kvHeads);
  EXPECT_FALSE(cohere.keyNorm->bias);
}

TEST(DecoderFamilies, Starcoder2) {
  ModelSpec model = spec("starcoder2", {{"norm_epsilon", "1e-4"}});
  EXPECT_EQ(block(model).attentionNorm->epsilon, 1e-4);
  EXPECT_TRUE(block(model).attentionNorm->bias.has_value());
  EXPECT_TRUE(attention(model).output.bias.has_value());
  EXPECT_FALSE(block(model).feedForward.gate.has_value());
  EXPECT_EQ(block(model).feedForward.down.bias->tensor,
            "model.layers.{layer}.mlp.c_proj.bias");
  EXPECT_EQ(model.stacks[0].finalNorm->bias->tensor, "model.norm.bias");
  ModelSpec plain = spec("starcoder2", {{"use_bias", "false"}});
  EXPECT_FALSE(attention(plain).query.bias.has_value());
  EXPECT_FALSE(block(plain).feedForward.up.bias.has_value());
  EXPECT_TRUE(block(plain).attentionNorm->bias.has_value());
}

TEST(DecoderFamilies, StableLm) {
  ModelSpec model = spec("stablelm");
  EXPECT_EQ(attention(model).rotary->dimensions, 4);
  EXPECT_FALSE(attention(model).query.bias.has_value());
  EXPECT_EQ(block(model).placement, NormPlacement::Pre);
  EXPECT_TRUE(block(model).feedForwardNorm->bias.has_value());
  ModelSpec parallel = spec("stablelm", {{"partial_rotary_factor", "0.5"},
                                         {"rope_pct", "0.5"},
                                         {"use_qkv_bias", "true"},
                                         {"use_parallel_residual", "true"}});
  EXPECT_EQ(attention(parallel).rotary->dimensions, 8);
  EXPECT_TRUE(attention(parallel).value.bias.has_value());
  EXPECT_FALSE(attention(parallel).output.bias.has_value());
  EXPECT_EQ(block(parallel).placement, NormPlacement::Parallel);
  EXPECT_FALSE(block(parallel).feedForwardNorm.has_value());
}

TEST(DecoderFamilies, OlmoNormsWithoutTensors) {
  EXPECT_EQ(attention(spec("olmo", {{"clip_qkv", "8.5"}})).clip, 8.5);
  ModelSpec model = spec("olmo", {{"clip_qkv", "null"}});
  EXPECT_FALSE(attention(model).clip);
  Norm norm;
  norm.kind = NormKind::LayerNorm;
  norm.features = 64;
  norm.epsilon = 1e-5;
  EXPECT_TRUE(block(model).attentionNorm == norm);
  EXPECT_TRUE(block(model).feedForwardNorm == norm);
  EXPECT_TRUE(model.stacks[0].finalNorm == norm);
}

TEST(DecoderFamilies, Olmo2Norms) {
  ModelSpec model = spec("olmo2");
  EXPECT_EQ(block(model).placement, NormPlacement::Pre);
  EXPECT_FALSE(block(model).attentionNorm || block(model).feedForwardNorm);
  EXPECT_EQ(block(model).attentionOutputNorm->gain->tensor,
            "model.layers.{layer}.post_attention_layernorm.weight");
  EXPECT_EQ(block(model).feedForwardOutputNorm->gain->tensor,
            "model.layers.{layer}.post_feedforward_layernorm.weight");
  EXPECT_EQ(attention(model).queryNorm->features, 64);
  EXPECT_EQ(attention(model).keyNorm->features, 32);
  EXPECT_EQ(attention(model).keyNorm->epsilon, 1e-5);
}

TEST(DecoderFamilies, Cohere) {
  ModelSpec model = spec("cohere");
  EXPECT_EQ(block(model).placement, NormPlacement::Parallel);
  EXPECT_EQ(block(model).attentionNorm->kind, NormKind::LayerNorm);
  EXPECT_FALSE(block(model).attentionNorm->bias.has_value());
  EXPECT_FALSE(block(model).feedForwardNorm.has_value());
  EXPECT_TRUE(attention(model).rotary->interleaved);
  EXPECT_EQ(model.heads[0].layers[0].scale, 0.0625);
  EXPECT_EQ(spec("cohere", {{"logit_scale", "0.25"}}).heads[0].layers[0].scale,
            0.25);
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

TEST(DecoderFamilies, MixtralExperts) {
  ModelSpec model = spec("mixtral", {{"num_local_experts", "6"},
                                     {"num_experts_per_tok", "3"},
                                     {"router_jitter_noise", "0.1"}});
  const FeedForward &feedForward = block(model).feedForward;
  ASSERT_TRUE(feedForward.experts);
  EXPECT_EQ(feedForward.experts->count, 6);
  EXPECT_EQ(feedForward.experts->topK, 3);
  EXPECT_TRUE(feedForward.experts->renormalize);
  const std::string module = "model.layers.{layer}.block_sparse_moe.";
  EXPECT_EQ(feedForward.experts->router.weight.tensor, module + "gate.weight");
  EXPECT_EQ(feedForward.gate->weight.tensor,
            module + "experts.{expert}.w1.weight");
  EXPECT_EQ(feedForward.down.weight.tensor,
            module + "experts.{expert}.w2.weight");
  EXPECT_EQ(feedForward.up.weight.tensor,
            module + "experts.{expert}.w3.weight");
  // The class's defaults.
  const FeedForward &plain = block(spec("mixtral")).feedForward;
  EXPECT_EQ(plain.experts->count, 8);
  EXPECT_EQ(plain.experts->topK, 2);
}
