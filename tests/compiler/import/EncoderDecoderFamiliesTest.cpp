//===- EncoderDecoderFamiliesTest.cpp - Encoder-decoders ------------------===//
//
// What the options of bart's heirs and of t5 become: norms, positions, tables
// that stacks share.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/EncoderConfigs.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::test;

//===----------------------------------------------------------------------===//
// mbart, m2m_100, pegasus
//===----------------------------------------------------------------------===//

TEST(EncoderDecoderFamilies, MBartHasNormsBeforeAndBehind) {
  ModelSpec spec =
      specOf("MBartForConditionalGeneration", {{"scale_embedding", "true"}});
  for (const Stack &stack : spec.stacks) {
    EXPECT_EQ(blockOf(stack).placement, NormPlacement::Pre);
    EXPECT_EQ(stack.finalNorm->gain->tensor, std::string("model.") +
                                                 nameOf(stack.kind) +
                                                 ".layer_norm.weight");
    EXPECT_EQ(stack.embedding.norm->gain->tensor,
              std::string("model.") + nameOf(stack.kind) +
                  ".layernorm_embedding.weight");
    EXPECT_EQ(stack.embedding.positions.offset, 2);
    EXPECT_DOUBLE_EQ(stack.embedding.scale, std::sqrt(12.0));
  }
  EXPECT_EQ(spec.heads[0].layers[0].linear->bias->stored, (Sizes{1, 17}));
  EXPECT_TRUE(specOf("MBartModel").heads.empty());
}

/// The row of the text's end, of the text that the decoder reads again.
TEST(EncoderDecoderFamilies, BartClassifiesTexts) {
  ModelSpec spec = specOf("BartForSequenceClassification",
                          {{"id2label", "{\"0\": \"no\", \"1\": \"yes\"}"}});
  EXPECT_EQ(spec.labels, (Names{"no", "yes"}));
  ASSERT_EQ(spec.heads.size(), 1u);
  const Head &head = spec.heads[0];
  EXPECT_EQ(head.output, "logits");
  EXPECT_EQ(head.rows, RowSelection::Last);
  ASSERT_EQ(head.layers.size(), 2u);
  EXPECT_EQ(head.layers[0].linear->weight.tensor,
            "classification_head.dense.weight");
  EXPECT_EQ(head.layers[0].activation, Activation::Tanh);
  EXPECT_EQ(head.layers[1].linear->weight.tensor,
            "classification_head.out_proj.weight");
  EXPECT_EQ(head.layers[1].linear->outFeatures, 2);
}

TEST(EncoderDecoderFamilies, M2M100CountsTokens) {
  ModelSpec spec = specOf("M2M100ForConditionalGeneration");
  for (const Stack &stack : spec.stacks) {
    const Positions &positions = stack.embedding.positions;
    EXPECT_EQ(positions.kind, PositionKind::Sinusoidal);
    EXPECT_TRUE(positions.inclusive && positions.byToken);
    EXPECT_TRUE(positions.zeroPadding);
    EXPECT_EQ(positions.first, 2);
    EXPECT_EQ(positions.count, stack.maxPositions + 2);
    EXPECT_GT(stack.embedding.scale, 1.0); // without scale_embedding
    EXPECT_FALSE(stack.embedding.norm);
    EXPECT_TRUE(stack.finalNorm);
  }
  EXPECT_FALSE(spec.heads[0].layers[0].linear->bias);
  ModelSpec padded = specOf(
      "M2M100Model", {{"pad_token_id", "0"}, {"scale_embedding", "false"}});
  EXPECT_EQ(padded.stacks[0].embedding.positions.first, 1);
  EXPECT_EQ(padded.stacks[0].embedding.scale, 1.0);
  EXPECT_TRUE(padded.heads.empty());
}

TEST(EncoderDecoderFamilies, PegasusComputesItsPositions) {
  ModelSpec spec = specOf("PegasusForConditionalGeneration");
  for (const Stack &stack : spec.stacks) {
    EXPECT_EQ(blockOf(stack).placement, NormPlacement::Pre);
    EXPECT_TRUE(stack.finalNorm.has_value());
    EXPECT_FALSE(stack.embedding.norm.has_value());
    EXPECT_EQ(stack.embedding.positions.kind, PositionKind::Sinusoidal);
    EXPECT_EQ(stack.embedding.positions.order, SinusoidalOrder::SplitHalf);
    EXPECT_EQ(stack.embedding.positions.count, 16);
  }
  EXPECT_EQ(spec.checkpoint.ignorable.back(), "*.embed_positions.weight");
  EXPECT_TRUE(specOf("PegasusModel").heads.empty());
}

//===----------------------------------------------------------------------===//
// t5
//===----------------------------------------------------------------------===//

TEST(EncoderDecoderFamilies, T5Attention) {
  ModelSpec spec = specOf("T5ForConditionalGeneration",
                          {{"num_decoder_layers", "3"},
                           {"relative_attention_num_buckets", "8"},
                           {"relative_attention_max_distance", "20"}});
  for (const Stack &stack : spec.stacks) {
    bool isEncoder = stack.kind == StackKind::Encoder;
    const Block &block = blockOf(stack);
    EXPECT_EQ(stack.maxPositions, 0);
    EXPECT_EQ(stack.blocks[0].count, isEncoder ? 2 : 3);
    EXPECT_EQ(block.attention.scale, 1.0);
    EXPECT_EQ(block.attention.query.weight.stored, (Sizes{24, 12}));
    EXPECT_EQ(block.attention.causal, !isEncoder);
    const PositionBias &bias = *block.attention.positionBias;
    EXPECT_EQ(bias.table->tensor,
              std::string(nameOf(stack.kind)) +
                  ".block.0.layer.0.SelfAttention.relative_attention_bias."
                  "weight");
    EXPECT_EQ(bias.table->stored, (Sizes{8, 3}));
    EXPECT_EQ(bias.maxDistance, 20);
    EXPECT_EQ(bias.bidirectional, isEncoder);
    EXPECT_EQ(block.attentionNorm->kind, NormKind::RmsNorm);
  }
  const Block &decoder = blockOf(spec.stacks[1]);
  EXPECT_FALSE(decoder.crossAttention->positionBias.has_value());
  EXPECT_EQ(decoder.crossAttention->scale, 1.0);
  EXPECT_EQ(decoder.feedForward.up.weight.tensor,
            "decoder.block.{layer}.layer.2.DenseReluDense.wi.weight");
  EXPECT_EQ(decoder.feedForward.activation, Activation::Relu);
}

TEST(EncoderDecoderFamilies, T5FeedForwardForms) {
  auto formOf = [](const Keys &changes) {
    return blockOf(specOf("T5Model", changes).stacks[0]).feedForward;
  };
  FeedForward gated = formOf({{"feed_forward_proj", "\"gated-gelu\""}});
  EXPECT_EQ(gated.activation, Activation::GeluTanh);
  EXPECT_EQ(gated.gate->weight.tensor,
            "encoder.block.{layer}.layer.1.DenseReluDense.wi_0.weight");
  EXPECT_EQ(gated.up.weight.tensor,
            "encoder.block.{layer}.layer.1.DenseReluDense.wi_1.weight");
  EXPECT_TRUE(gated == formOf({{"feed_forward_proj", "\"gated-gelu\""},
                               {"is_gated_act", "true"},
                               {"dense_act_fn", "\"gelu_new\""}}));
  const std::tuple<const char *, Activation, bool> forms[] = {
      {"\"gated-silu\"", Activation::Silu, true},
      {"\"gated-tanh\"", Activation::Tanh, true},
      {"\"gated-gelu_new\"", Activation::GeluTanh, true},
      {"\"quick_gelu\"", Activation::QuickGelu, false},
      {"\"gelu\"", Activation::Gelu, false}};
  for (auto [name, activation, isGated] : forms) {
    FeedForward form = formOf({{"feed_forward_proj", name}});
    EXPECT_EQ(form.activation, activation) << name;
    EXPECT_EQ(form.gate.has_value(), isGated) << name;
  }
}

TEST(EncoderDecoderFamilies, T5Heads) {
  auto headOf = [](const char *model, const char *tied) {
    return specOf(model, {{"tie_word_embeddings", tied}}).heads[0].layers[0];
  };
  HeadLayer tied = headOf("T5ForConditionalGeneration", "null");
  EXPECT_EQ(tied.linear->weight.tensor, "shared.weight");
  EXPECT_DOUBLE_EQ(tied.scale, 1 / std::sqrt(12.0));
  HeadLayer untied = headOf("T5ForConditionalGeneration", "false");
  EXPECT_EQ(untied.linear->weight.tensor, "lm_head.weight");
  EXPECT_EQ(untied.scale, 1.0);
  EXPECT_TRUE(specOf("T5Model").heads.empty());
}

/// Every layer has a table of its own.
TEST(EncoderDecoderFamilies, T5EncoderAlone) {
  for (const char *stem : {"T5", "MT5", "UMT5"}) {
    SCOPED_TRACE(stem);
    Keys keys = keysOf(std::string(stem) + "EncoderModel");
    keys.push_back({"num_decoder_layers", "3"});
    ImportResult result = valueOf(importText(configOf(keys, {})));
    EXPECT_TRUE(result.warnings.empty());
    ModelSpec whole = specOf(std::string(stem) + "Model");
    ASSERT_EQ(result.spec.stacks.size(), 1u);
    EXPECT_EQ(result.spec.stacks[0].output, "last_hidden_state");
    whole.stacks[0].output = "last_hidden_state";
    EXPECT_TRUE(result.spec.stacks[0] == whole.stacks[0]);
    EXPECT_TRUE(result.spec.heads.empty());
    for (const char *tensors : {"decoder.*", "lm_head.weight"})
      EXPECT_TRUE(
          llvm::is_contained(result.spec.checkpoint.ignorable, tensors));
  }
}

TEST(EncoderDecoderFamilies, T5ClassesOfTokens) {
  for (const char *stem : {"T5", "MT5", "UMT5"}) {
    SCOPED_TRACE(stem);
    ModelSpec spec = specOf(std::string(stem) + "ForTokenClassification",
                            {{"num_labels", "5"}});
    EXPECT_TRUE(spec.stacks ==
                specOf(std::string(stem) + "EncoderModel").stacks);
    EXPECT_EQ(spec.checkpoint.optionalPrefixes, Names{"transformer."});
    ASSERT_EQ(spec.heads.size(), 1u);
    EXPECT_EQ(layersOf(spec.heads[0]), Names{"classifier.weight"});
    EXPECT_TRUE(spec.heads[0].layers[0].linear->bias);
    EXPECT_EQ(spec.labels.size(), 5u);
  }
}

TEST(EncoderDecoderFamilies, T5OldName) {
  EXPECT_TRUE(specOf("T5WithLMHeadModel") ==
              specOf("T5ForConditionalGeneration"));
}

TEST(EncoderDecoderFamilies, Umt5) {
  ModelSpec umt5 = specOf("UMT5ForConditionalGeneration");
  EXPECT_EQ(umt5.family, "umt5");
  for (const char *side : {"encoder", "decoder"}) {
    const Stack &stack = umt5.stacks[side == std::string("decoder")];
    EXPECT_EQ(blockOf(stack).attention.positionBias->table->tensor,
              std::string(side) + ".block.{layer}.layer.0.SelfAttention."
                                  "relative_attention_bias.weight");
    EXPECT_TRUE(blockOf(stack).feedForward.gate);
  }
}

TEST(EncoderDecoderFamilies, Mt5IsGatedAndUntied) {
  ModelSpec mt5 = specOf("MT5ForConditionalGeneration");
  mt5.family = "t5";
  EXPECT_TRUE(mt5 == specOf("T5ForConditionalGeneration",
                            {{"tie_word_embeddings", "false"},
                             {"decoder_start_token_id", "0"},
                             {"feed_forward_proj", "\"gated-gelu\""}}));
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

TEST(EncoderDecoderFamilies, Unsupported) {
  expectErrors(
      {{"MBartModel",
        {"normalize_before", "false"},
        "13:23: \"normalize_before\" is false; supported: true"},
       {"PegasusModel",
        {"static_position_embeddings", "false"},
        "13:33: \"static_position_embeddings\" is false; supported: true"},
       {"PegasusModel",
        {"normalize_embedding", "true"},
        "13:26: \"normalize_embedding\" is true; supported: false"},
       {"T5Model",
        {"feed_forward_proj", "\"gated-mish\""},
        "10:24: \"feed_forward_proj\" is \"gated-mish\"; supported: gelu, "
        "gelu_fast, gelu_new, gelu_python, gelu_pytorch_tanh, quick_gelu, "
        "relu, silu, swish, tanh, and each behind \"gated-\""},
       {"T5Model",
        {"relative_attention_num_buckets", "3"},
        "10:37: \"relative_attention_num_buckets\" is 3; expected at least 4"},
       {"T5Model",
        {"relative_attention_max_distance", "8"},
        "10:38: \"relative_attention_max_distance\" is 8; expected more than "
        "8, as so many distances have buckets of their own"}});
}
