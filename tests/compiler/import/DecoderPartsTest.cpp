//===- DecoderPartsTest.cpp - What sets decoder families apart ------------===//
//
// The families that share llama's skeleton, each by what it does otherwise.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/DecoderConfigs.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::test;

TEST(DecoderParts, PhiNormsOfHeads) {
  EXPECT_FALSE(attention(spec("phi")).queryNorm);
  Attention normed = attention(spec("phi", {{"qk_layernorm", "true"}}));
  ASSERT_TRUE(normed.queryNorm && normed.keyNorm);
  for (const Norm &norm : {*normed.queryNorm, *normed.keyNorm}) {
    EXPECT_EQ(norm.kind, NormKind::LayerNorm);
    EXPECT_EQ(norm.features, 16);
    EXPECT_EQ(norm.epsilon, 1e-5);
  }
  EXPECT_EQ(normed.queryNorm->gain->tensor,
            "model.layers.{layer}.self_attn.q_layernorm.weight");
  EXPECT_EQ(normed.keyNorm->bias->tensor,
            "model.layers.{layer}.self_attn.k_layernorm.bias");
}

TEST(DecoderParts, Mistral) {
  ModelSpec model = spec("mistral", {{"head_dim", "6"}});
  EXPECT_EQ(model.stacks[0].maxPositions, 131072);
  EXPECT_EQ(attention(model).query.outFeatures, 24);
  EXPECT_EQ(block(model).attentionNorm->kind, NormKind::RmsNorm);
  EXPECT_EQ(block(model).attentionNorm->epsilon, 1e-6);
  EXPECT_EQ(block(model).feedForwardNorm->gain->tensor,
            "model.layers.{layer}.post_attention_layernorm.weight");
}

TEST(DecoderParts, Qwen2Biases) {
  ModelSpec model = spec("qwen2");
  EXPECT_EQ(attention(model).query.bias->tensor,
            "model.layers.{layer}.self_attn.q_proj.bias");
  EXPECT_TRUE(attention(model).key.bias && attention(model).value.bias);
  EXPECT_FALSE(attention(model).output.bias.has_value());
  EXPECT_FALSE(block(model).feedForward.gate->bias.has_value());
}

TEST(DecoderParts, Qwen3HeadNorms) {
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

TEST(DecoderParts, Gemma) {
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

TEST(DecoderParts, Gemma2) {
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

TEST(DecoderParts, Gemma2Scalars) {
  ModelSpec model = spec("gemma2", {{"query_pre_attn_scalar", "18"},
                                    {"attn_logit_softcapping", "null"},
                                    {"final_logit_softcapping", "null"}});
  EXPECT_DOUBLE_EQ(attention(model).scale, 1 / std::sqrt(18.0));
  EXPECT_FALSE(attention(model).softCap.has_value());
  EXPECT_FALSE(model.heads[0].layers[0].softCap.has_value());
}

TEST(DecoderParts, Phi) {
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

TEST(DecoderParts, Phi3MergedTensors) {
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

/// Who publishes a model may have raised its positions by the factor, or not.
TEST(DecoderParts, PositionsOfScaledModels) {
  auto positions = [](const char *scaling) {
    return valueOf(importText(
                       decoder("qwen2", {{"rope_scaling", scaling},
                                         {"max_position_embeddings", "64"}})))
        .spec.stacks[0]
        .maxPositions;
  };
  EXPECT_EQ(positions("null"), 64);
  EXPECT_EQ(positions("{\"type\": \"linear\", \"factor\": 2.5}"), 160);
  EXPECT_EQ(positions("{\"type\": \"linear\", \"factor\": 0.5}"), 64);
  EXPECT_EQ(positions("{\"type\": \"yarn\", \"factor\": 4.0}"), 256);
  EXPECT_EQ(positions("{\"type\": \"yarn\", \"factor\": 4.0, "
                      "\"original_max_position_embeddings\": 16}"),
            64);
  EXPECT_EQ(positions("{\"type\": \"dynamic\", \"factor\": 2.0}"), 0);
}

/// In this family "yarn" is a former name of longrope, as "su" is.
TEST(DecoderParts, Phi3RopeScaling) {
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
    EXPECT_EQ(model.stacks[0].recomputeLength, 17);
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

TEST(DecoderParts, DynamicRopeScaling) {
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

TEST(DecoderParts, CohereHeadNorms) {
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

TEST(DecoderParts, Starcoder2) {
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

TEST(DecoderParts, StableLm) {
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

TEST(DecoderParts, StableLmNormsOfHeads) {
  EXPECT_FALSE(attention(spec("stablelm")).queryNorm);
  Attention normed = attention(spec("stablelm", {{"qk_layernorm", "true"},
                                                 {"num_key_value_heads", "1"},
                                                 {"layer_norm_eps", "0.5"}}));
  ASSERT_TRUE(normed.queryNorm && normed.keyNorm);
  EXPECT_EQ(normed.queryNorm->features, normed.heads * normed.headDim);
  EXPECT_EQ(normed.queryNorm->groups, normed.heads);
  EXPECT_EQ(normed.queryNorm->kind, NormKind::LayerNorm);
  EXPECT_EQ(normed.queryNorm->epsilon, 0.5);
  EXPECT_FALSE(normed.queryNorm->bias);
  const Weight &gain = *normed.queryNorm->gain;
  EXPECT_EQ(gain.tensor,
            "model.layers.{layer}.self_attn.q_layernorm.norms.{part}.weight");
  EXPECT_EQ(gain.parts, normed.heads);
  EXPECT_EQ(gain.stored, (std::vector<int64_t>{normed.headDim}));
  // A single one has no index to run over.
  EXPECT_EQ(normed.keyNorm->gain->tensor,
            "model.layers.{layer}.self_attn.k_layernorm.norms.0.weight");
  EXPECT_EQ(normed.keyNorm->gain->parts, 1);
}

TEST(DecoderParts, OlmoNormsWithoutTensors) {
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

TEST(DecoderParts, Olmo2Norms) {
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

TEST(DecoderParts, Cohere) {
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

TEST(DecoderParts, MixtralExperts) {
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
