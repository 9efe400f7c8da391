//===- FusedQkvFamiliesTest.cpp - Decoders of one tensor for q, k and v ---===//
//
// What the options of opt, gpt_neox, gptj, bloom, falcon and mpt become. A
// wrong row of a fused tensor has the right shape all the same, so the rows are
// spelled out.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/Configs.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

using Names = std::vector<std::string>;
using Sizes = std::vector<int64_t>;

/// Four heads of four features.
static Keys keysOf(const std::string &family) {
  if (family == "opt")
    return {{"model_type", "\"opt\""},
            {"architectures", "[\"OPTForCausalLM\"]"},
            {"vocab_size", "17"},
            {"hidden_size", "16"},
            {"ffn_dim", "20"},
            {"num_hidden_layers", "2"},
            {"num_attention_heads", "4"},
            {"max_position_embeddings", "10"}};
  if (family == "gpt_neox")
    return {{"model_type", "\"gpt_neox\""},
            {"architectures", "[\"GPTNeoXForCausalLM\"]"},
            {"vocab_size", "17"},
            {"hidden_size", "16"},
            {"intermediate_size", "20"},
            {"num_hidden_layers", "2"},
            {"num_attention_heads", "4"},
            {"rotary_pct", "0.5"}};
  if (family == "gptj")
    return {
        {"model_type", "\"gptj\""}, {"architectures", "[\"GPTJForCausalLM\"]"},
        {"vocab_size", "17"},       {"n_embd", "16"},
        {"n_layer", "2"},           {"n_head", "4"},
        {"rotary_dim", "2"}};
  if (family == "bloom")
    return {{"model_type", "\"bloom\""},
            {"architectures", "[\"BloomForCausalLM\"]"},
            {"vocab_size", "17"},
            {"hidden_size", "16"},
            {"n_layer", "2"},
            {"n_head", "4"}};
  if (family == "falcon")
    return {{"model_type", "\"falcon\""},
            {"architectures", "[\"FalconForCausalLM\"]"},
            {"vocab_size", "17"},
            {"hidden_size", "16"},
            {"num_hidden_layers", "2"},
            {"num_attention_heads", "4"}};
  return {{"model_type", "\"mpt\""}, {"architectures", "[\"MptForCausalLM\"]"},
          {"vocab_size", "17"},      {"d_model", "16"},
          {"n_layers", "2"},         {"n_heads", "4"}};
}

static ModelSpec specOf(const std::string &family, const Keys &changes = {}) {
  ImportResult result = valueOf(importText(configOf(keysOf(family), changes)));
  EXPECT_EQ(result.warnings, Names());
  return result.spec;
}

static Block blockOf(const std::string &family, const Keys &changes = {}) {
  return specOf(family, changes).stacks[0].blocks[0].block;
}

/// First row, rows, rows of a piece and from piece to piece.
static Sizes rowsOf(const Weight &weight) {
  return {weight.begin, weight.count, weight.piece, weight.every};
}

static Sizes rowsOf(const Linear &linear) {
  if (linear.bias) {
    EXPECT_EQ(rowsOf(*linear.bias), rowsOf(linear.weight));
  }
  return rowsOf(linear.weight);
}

//===----------------------------------------------------------------------===//
// opt
//===----------------------------------------------------------------------===//

TEST(FusedQkvFamilies, OptPositionsStartAtRowTwo) {
  ModelSpec spec = specOf("opt");
  const Positions &positions = spec.stacks[0].embedding.positions;
  EXPECT_EQ(positions.count, 10);
  EXPECT_EQ(positions.offset, 2);
  EXPECT_EQ(positions.table->stored, (Sizes{12, 16}));
  EXPECT_EQ(spec.stacks[0].blocks[0].block.placement, NormPlacement::Pre);
  EXPECT_TRUE(spec.stacks[0].finalNorm.has_value());
  EXPECT_EQ(spec.heads[0].layers[0].linear->weight.tensor,
            "model.decoder.embed_tokens.weight");
}

/// The 350M model.
TEST(FusedQkvFamilies, OptWithNarrowTokens) {
  ModelSpec spec = specOf(
      "opt", {{"do_layer_norm_before", "false"}, {"word_embed_proj_dim", "8"}});
  const Stack &stack = spec.stacks[0];
  EXPECT_EQ(stack.blocks[0].block.placement, NormPlacement::Post);
  EXPECT_FALSE(stack.finalNorm.has_value());
  EXPECT_EQ(stack.embedding.width, 8);
  EXPECT_EQ(stack.embedding.tokens->stored, (Sizes{17, 8}));
  EXPECT_EQ(stack.embedding.tokenProjection->weight.stored, (Sizes{16, 8}));
  EXPECT_FALSE(stack.embedding.projection.has_value());
  EXPECT_EQ(stack.output, "unprojected_hidden_state");
  ASSERT_EQ(spec.heads.size(), 2u);
  EXPECT_EQ(spec.heads[1].output, "last_hidden_state");
  EXPECT_EQ(spec.heads[1].layers.size(), 1u);
  ASSERT_EQ(spec.heads[0].layers.size(), 2u);
  const Linear &out = *spec.heads[0].layers[0].linear;
  EXPECT_EQ(out.weight.tensor, "model.decoder.project_out.weight");
  EXPECT_EQ(out.weight.stored, (Sizes{8, 16}));
  EXPECT_FALSE(out.bias.has_value());
  EXPECT_EQ(spec.heads[0].layers[1].linear->inFeatures, 8);
}

TEST(FusedQkvFamilies, OptWithLess) {
  ModelSpec spec = specOf("opt", {{"enable_bias", "false"},
                                  {"layer_norm_elementwise_affine", "false"},
                                  {"_remove_final_layer_norm", "true"}});
  const Block &block = spec.stacks[0].blocks[0].block;
  EXPECT_FALSE(block.attention.query.bias || block.attention.output.bias ||
               block.feedForward.up.bias);
  EXPECT_FALSE(block.attentionNorm->gain || block.attentionNorm->bias);
  EXPECT_FALSE(spec.stacks[0].finalNorm.has_value());
}

//===----------------------------------------------------------------------===//
// gpt_neox
//===----------------------------------------------------------------------===//

TEST(FusedQkvFamilies, GptNeoXRowsAreByHead) {
  Attention attention = blockOf("gpt_neox").attention;
  EXPECT_EQ(attention.query.weight.stored, (Sizes{48, 16}));
  EXPECT_EQ(rowsOf(attention.query), (Sizes{0, 16, 4, 12}));
  EXPECT_EQ(rowsOf(attention.key), (Sizes{4, 16, 4, 12}));
  EXPECT_EQ(rowsOf(attention.value), (Sizes{8, 16, 4, 12}));
  EXPECT_TRUE(attention.output.bias.has_value());
  EXPECT_FALSE(blockOf("gpt_neox", {{"attention_bias", "false"}})
                   .attention.output.bias.has_value());
}

TEST(FusedQkvFamilies, GptNeoXInParallelOrNot) {
  Block parallel = blockOf("gpt_neox");
  EXPECT_EQ(parallel.placement, NormPlacement::Parallel);
  EXPECT_EQ(parallel.feedForwardNorm->gain->tensor,
            "gpt_neox.layers.{layer}.post_attention_layernorm.weight");
  Block pre = blockOf("gpt_neox", {{"use_parallel_residual", "false"}});
  EXPECT_EQ(pre.placement, NormPlacement::Pre);
}

TEST(FusedQkvFamilies, GptNeoXRotaryUnderBothNames) {
  Rotary rotary =
      *blockOf("gpt_neox", {{"rotary_emb_base", "500"}}).attention.rotary;
  EXPECT_EQ(rotary.dimensions, 2);
  EXPECT_EQ(rotary.theta, 500.0);
  EXPECT_TRUE(rotary == *blockOf("gpt_neox", {{"rotary_pct", ""},
                                              {"rope_theta", "500"},
                                              {"partial_rotary_factor", "0.5"}})
                             .attention.rotary);
}

/// The whole head, whose size is what the angles count with one head only.
TEST(FusedQkvFamilies, GptJRotatesAllOfOneHead) {
  Keys one = {{"n_embd", "80"}, {"n_head", "1"}, {"rotary_dim", "null"}};
  EXPECT_EQ(blockOf("gptj", one).attention.rotary->dimensions, 80);
  one.back().second = ""; // absent
  EXPECT_EQ(blockOf("gptj", one).attention.rotary->dimensions, 64);
}

TEST(FusedQkvFamilies, GptNeoXHead) {
  ModelSpec spec = specOf("gpt_neox");
  EXPECT_EQ(spec.heads[0].layers[0].linear->weight.tensor, "embed_out.weight");
  EXPECT_EQ(spec.checkpoint.ignorable,
            (Names{"*.attention.bias", "*.attention.masked_bias",
                   "*.rotary_emb.inv_freq"}));
}

//===----------------------------------------------------------------------===//
// gptj
//===----------------------------------------------------------------------===//

TEST(FusedQkvFamilies, GptJ) {
  ModelSpec spec = specOf("gptj");
  const Block &block = spec.stacks[0].blocks[0].block;
  EXPECT_EQ(block.placement, NormPlacement::Parallel);
  EXPECT_TRUE(block.attentionNorm.has_value());
  EXPECT_FALSE(block.feedForwardNorm.has_value());
  EXPECT_TRUE(block.attention.rotary->interleaved);
  EXPECT_EQ(block.attention.rotary->dimensions, 2);
  EXPECT_FALSE(block.attention.query.bias || block.attention.output.bias);
  EXPECT_TRUE(block.feedForward.up.bias && block.feedForward.down.bias);
  EXPECT_EQ(block.feedForward.width, 64);
  EXPECT_EQ(block.feedForward.activation, Activation::GeluTanh);
  const Linear &head = *spec.heads[0].layers[0].linear;
  EXPECT_EQ(head.weight.tensor, "lm_head.weight");
  EXPECT_EQ(head.bias->tensor, "lm_head.bias");
}

//===----------------------------------------------------------------------===//
// bloom
//===----------------------------------------------------------------------===//

TEST(FusedQkvFamilies, Bloom) {
  ModelSpec spec = specOf("bloom");
  const Stack &stack = spec.stacks[0];
  const Block &block = stack.blocks[0].block;
  EXPECT_EQ(stack.maxPositions, 0);
  EXPECT_EQ(stack.embedding.positions.kind, PositionKind::None);
  EXPECT_EQ(stack.embedding.norm->gain->tensor,
            "transformer.word_embeddings_layernorm.weight");
  EXPECT_EQ(block.attention.positionBias->kind, PositionBiasKind::Alibi);
  EXPECT_EQ(block.attention.positionBias->maxBias, 8.0);
  EXPECT_EQ(block.attention.positionBias->scale, 1.0);
  EXPECT_EQ(rowsOf(block.attention.key), (Sizes{4, 16, 4, 12}));
  EXPECT_EQ(block.feedForward.width, 64);
  EXPECT_EQ(block.feedForward.activation, Activation::GeluTanh);
  EXPECT_EQ(spec.heads[0].layers[0].linear->weight.tensor,
            "transformer.word_embeddings.weight");
}

TEST(FusedQkvFamilies, BloomUnderItsOtherNames) {
  EXPECT_TRUE(specOf("bloom", {{"hidden_size", "64"},
                               {"n_embed", "16"},
                               {"n_layer", ""},
                               {"num_hidden_layers", "2"},
                               {"n_head", ""},
                               {"num_attention_heads", "4"}}) ==
              specOf("bloom"));
}

//===----------------------------------------------------------------------===//
// falcon
//===----------------------------------------------------------------------===//

TEST(FusedQkvFamilies, FalconWithOneKeyHead) {
  Block block = blockOf("falcon");
  EXPECT_EQ(block.placement, NormPlacement::Parallel);
  EXPECT_EQ(block.attentionNorm->gain->tensor,
            "transformer.h.{layer}.input_layernorm.weight");
  EXPECT_FALSE(block.feedForwardNorm.has_value());
  const Attention &attention = block.attention;
  EXPECT_EQ(attention.kvHeads, 1);
  EXPECT_EQ(attention.query.weight.stored, (Sizes{24, 16}));
  EXPECT_EQ(rowsOf(attention.query), (Sizes{0, 16, 0, 0}));
  EXPECT_EQ(rowsOf(attention.key), (Sizes{16, 4, 0, 0}));
  EXPECT_EQ(rowsOf(attention.value), (Sizes{20, 4, 0, 0}));
  EXPECT_EQ(attention.rotary->dimensions, 4);
  EXPECT_EQ(block.feedForward.width, 64);
}

TEST(FusedQkvFamilies, FalconWithGroupedKeyHeads) {
  Keys changes = {{"new_decoder_architecture", "true"},
                  {"num_kv_heads", "2"},
                  {"ffn_hidden_size", "20"}};
  Block block = blockOf("falcon", changes);
  const Attention &attention = block.attention;
  EXPECT_EQ(attention.kvHeads, 2);
  EXPECT_EQ(attention.query.weight.stored, (Sizes{32, 16}));
  EXPECT_EQ(rowsOf(attention.query), (Sizes{0, 16, 8, 16}));
  EXPECT_EQ(rowsOf(attention.key), (Sizes{8, 8, 4, 16}));
  EXPECT_EQ(rowsOf(attention.value), (Sizes{12, 8, 4, 16}));
  EXPECT_EQ(block.attentionNorm->gain->tensor,
            "transformer.h.{layer}.ln_attn.weight");
  EXPECT_EQ(block.feedForwardNorm->gain->tensor,
            "transformer.h.{layer}.ln_mlp.weight");
  EXPECT_EQ(block.feedForward.width, 20);
  changes.push_back({"num_ln_in_parallel_attn", "1"});
  Block oneNorm = blockOf("falcon", changes);
  EXPECT_EQ(oneNorm.attentionNorm->gain->tensor,
            "transformer.h.{layer}.input_layernorm.weight");
  EXPECT_FALSE(oneNorm.feedForwardNorm.has_value());
}

/// The RW models.
TEST(FusedQkvFamilies, FalconWithAlibi) {
  ModelSpec spec = specOf("falcon", {{"alibi", "true"},
                                     {"multi_query", "false"},
                                     {"parallel_attn", "false"},
                                     {"bias", "true"}});
  const Block &block = spec.stacks[0].blocks[0].block;
  EXPECT_EQ(spec.stacks[0].maxPositions, 0);
  EXPECT_EQ(block.placement, NormPlacement::Pre);
  EXPECT_EQ(block.feedForwardNorm->gain->tensor,
            "transformer.h.{layer}.post_attention_layernorm.weight");
  EXPECT_FALSE(block.attention.rotary.has_value());
  EXPECT_EQ(block.attention.positionBias->scale, 0.5);
  EXPECT_EQ(block.attention.scale, 0.5);
  EXPECT_EQ(block.attention.kvHeads, 4);
  EXPECT_EQ(rowsOf(block.attention.value), (Sizes{8, 16, 4, 12}));
  EXPECT_TRUE(block.attention.output.bias && block.feedForward.up.bias);
}

//===----------------------------------------------------------------------===//
// mpt
//===----------------------------------------------------------------------===//

TEST(FusedQkvFamilies, Mpt) {
  ModelSpec spec = specOf(
      "mpt", {{"expansion_ratio", "2"},
              {"attn_config", "{\"softmax_scale\": 0.25, \"alibi\": true, "
                              "\"alibi_bias_max\": 8, \"clip_qkv\": null, "
                              "\"model_type\": \"\"}"}});
  const Block &block = spec.stacks[0].blocks[0].block;
  EXPECT_EQ(spec.stacks[0].maxPositions, 2048);
  EXPECT_EQ(block.attention.scale, 0.25);
  EXPECT_EQ(block.attention.positionBias->kind, PositionBiasKind::Alibi);
  EXPECT_EQ(rowsOf(block.attention.query), (Sizes{0, 16, 0, 0}));
  EXPECT_EQ(rowsOf(block.attention.key), (Sizes{16, 16, 0, 0}));
  EXPECT_EQ(rowsOf(block.attention.value), (Sizes{32, 16, 0, 0}));
  EXPECT_EQ(block.feedForward.width, 64);
  EXPECT_EQ(block.feedForward.activation, Activation::Gelu);
  EXPECT_FALSE(block.attentionNorm->bias || block.feedForward.up.bias);
  EXPECT_EQ(spec.heads[0].layers[0].linear->weight.tensor,
            "transformer.wte.weight");
  EXPECT_EQ(blockOf("mpt").attention.scale, 0.5);
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

TEST(FusedQkvFamilies, BareModels) {
  const std::pair<const char *, const char *> models[] = {
      {"opt", "[\"OPTModel\"]"},       {"gpt_neox", "[\"GPTNeoXModel\"]"},
      {"gptj", "[\"GPTJModel\"]"},     {"bloom", "[\"BloomModel\"]"},
      {"falcon", "[\"FalconModel\"]"}, {"mpt", "[\"MptModel\"]"}};
  for (auto [family, architecture] : models) {
    ModelSpec spec = specOf(family, {{"architectures", architecture}});
    EXPECT_TRUE(spec.heads.empty()) << family;
    EXPECT_EQ(spec.stacks[0].output, "last_hidden_state") << family;
  }
}

TEST(FusedQkvFamilies, Unsupported) {
  struct Row {
    const char *family;
    Keys changes;
    const char *message;
  };
  const Row rows[] = {
      {"gpt_neox",
       {{"partial_rotary_factor", "1.0"}},
       "10:28: \"partial_rotary_factor\" is 1.0; expected the value of "
       "\"rotary_pct\" (0.5)"},
      {"gpt_neox",
       {{"rotary_emb_base", "500"}, {"rope_theta", "10000"}},
       "11:17: \"rope_theta\" is 10000; expected the value of "
       "\"rotary_emb_base\" (500)"},
      {"gpt_neox",
       {{"head_dim", "8"}},
       "10:15: \"head_dim\" is 8; supported: the size of a head, 4"},
      {"gptj",
       {{"rotary_dim", "null"}},
       "8:17: \"rotary_dim\" is null; expected a number, as \"n_head\" is 4"},
      {"gptj",
       {{"rotary_dim", "3"}},
       "8:17: \"rotary_dim\" is 3; expected an even number up to the size of a "
       "head, 4"},
      {"gptj",
       {{"rotary_dim", "6"}},
       "8:17: \"rotary_dim\" is 6; expected an even number up to the size of a "
       "head, 4"},
      {"gptj",
       {{"scale_attn_weights", "false"}},
       "9:25: \"scale_attn_weights\" is false; supported: true"},
      {"bloom",
       {{"apply_residual_connection_post_layernorm", "true"}},
       "8:47: \"apply_residual_connection_post_layernorm\" is true; supported: "
       "false"},
      {"bloom",
       {{"n_head", ""}, {"num_attention_heads", "3"}},
       "7:26: \"num_attention_heads\" is 3; expected a divisor of "
       "\"hidden_size\" (16)"},
      {"falcon",
       {{"multi_query", "false"}, {"num_kv_heads", "2"}},
       "9:19: \"num_kv_heads\" is 2; supported: \"num_attention_heads\" (4), "
       "as \"new_decoder_architecture\" is false"},
      {"falcon",
       {{"num_ln_in_parallel_attn", "2"}},
       "8:30: \"num_ln_in_parallel_attn\" is 2; supported: 1, as "
       "\"new_decoder_architecture\" is false"},
      {"falcon",
       {{"new_decoder_architecture", "true"}, {"parallel_attn", "false"}},
       "9:20: \"parallel_attn\" is false; supported: true, as "
       "\"new_decoder_architecture\" is true"},
      {"mpt",
       {{"no_bias", "false"}},
       "8:14: \"no_bias\" is false; supported: true"},
      {"mpt",
       {{"logit_scale", "\"d_model\""}},
       "8:18: \"logit_scale\" is \"d_model\"; supported: a number over 0, "
       "\"inv_sqrt_d_model\""},
      {"mpt",
       {{"norm_type", "\"rmsnorm\""}},
       "8:16: \"norm_type\" is \"rmsnorm\"; supported: "
       "\"low_precision_layernorm\", \"layernorm\""},
      {"mpt",
       {{"attn_config", "7"}},
       "8:18: \"attn_config\" is 7; expected an object"},
      {"mpt",
       {{"attn_config", "{\"alibi\": false}"}},
       "8:28: \"attn_config.alibi\" is false; supported: true"},
      {"mpt",
       {{"attn_config", "{\"alibi_bias_max\": 4}"}},
       "8:37: \"attn_config.alibi_bias_max\" is 4; supported: 8"},
      {"mpt",
       {{"attn_config", "{\"attn_type\": \"multiquery_attention\"}"}},
       "8:32: \"attn_config.attn_type\" is \"multiquery_attention\"; "
       "supported: \"multihead_attention\""},
      {"mpt",
       {{"attn_config", "{\"clip_qkv\": -6}"}},
       "8:31: \"attn_config.clip_qkv\" is -6; expected a number above 0"},
      {"mpt",
       {{"attn_config", "{\"kv_n_heads\": 2}"}},
       "8:33: \"attn_config.kv_n_heads\" is 2; supported: \"n_heads\" (4)"},
      {"mpt",
       {{"attn_config", "{\"qk_gn\": true}"}},
       "8:28: \"attn_config.qk_gn\" is true; supported: false"},
      {"mpt",
       {{"attn_config", "{\"prefix_lm\": true}"}},
       "8:32: \"attn_config.prefix_lm\" is true; supported: false"},
      {"mpt",
       {{"attn_config", "{\"attn_uses_sequence_id\": true}"}},
       "8:44: \"attn_config.attn_uses_sequence_id\" is true; supported: "
       "false"}};
  for (const Row &row : rows)
    EXPECT_EQ(errorText(importText(configOf(keysOf(row.family), row.changes))),
              std::string("config.json:") + row.message);
}
