//===- WhisperTest.cpp - Speech models ------------------------------------===//
//
// Would catch: a convolution of another shape, keys of attention with a bias,
// positions under the other stack's limit, and options read as something else.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/import/Configs.h"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

static std::string whisper(const Keys &changes = {}) {
  return configOf({{"model_type", "\"whisper\""},
                   {"architectures", "[\"WhisperForConditionalGeneration\"]"},
                   {"vocab_size", "17"},
                   {"d_model", "12"},
                   {"encoder_layers", "1"},
                   {"decoder_layers", "2"},
                   {"encoder_attention_heads", "3"},
                   {"decoder_attention_heads", "4"},
                   {"encoder_ffn_dim", "20"},
                   {"decoder_ffn_dim", "24"},
                   {"num_mel_bins", "5"},
                   {"max_source_positions", "30"},
                   {"max_target_positions", "40"}},
                  changes);
}

static ModelSpec specOf(const Keys &changes = {}) {
  return valueOf(importText(whisper(changes))).spec;
}

static std::string errorOf(const Keys &changes) {
  return errorText(importText(whisper(changes)));
}

TEST(Whisper, Encoder) {
  ModelSpec spec = specOf();
  const Stack &encoder = *spec.encoder();
  EXPECT_EQ(encoder.input, "input_features");
  EXPECT_TRUE(encoder.featuresFirst);
  EXPECT_EQ(encoder.vectorFeatures(), 5);
  EXPECT_EQ(encoder.embedding.rowsPerToken(), 2);
  ASSERT_EQ(encoder.embedding.stem.size(), 2u);
  const Convolution &first = encoder.embedding.stem[0];
  EXPECT_EQ(first.linear.weight.tensor, "model.encoder.conv1.weight");
  EXPECT_EQ(first.linear.weight.stored, (std::vector<int64_t>{12, 5, 3}));
  EXPECT_TRUE(first.linear.weight.convolution);
  EXPECT_EQ(first.linear.inFeatures, 15);
  EXPECT_EQ(first.stride, 1);
  const Convolution &second = encoder.embedding.stem[1];
  EXPECT_EQ(second.linear.weight.stored, (std::vector<int64_t>{12, 12, 3}));
  EXPECT_EQ(second.stride, 2);
  EXPECT_EQ(second.activation, Activation::Gelu);
  EXPECT_EQ(encoder.maxPositions, 30);
  EXPECT_EQ(encoder.embedding.positions.count, 30);
  EXPECT_EQ(encoder.embedding.positions.offset, 0);
}

TEST(Whisper, Decoder) {
  ModelSpec spec = specOf();
  const Stack &decoder = *spec.decoder();
  EXPECT_EQ(decoder.maxPositions, 40);
  EXPECT_EQ(decoder.embedding.positions.table->tensor,
            "model.decoder.embed_positions.weight");
  const Block &block = decoder.blocks[0].block;
  EXPECT_EQ(block.placement, NormPlacement::Pre);
  for (const Attention *attention :
       {&block.attention, &*block.crossAttention}) {
    EXPECT_TRUE(attention->query.bias.has_value());
    EXPECT_FALSE(attention->key.bias.has_value());
    EXPECT_TRUE(attention->value.bias.has_value());
  }
  EXPECT_EQ(spec.heads[0].layers[0].linear->weight.tensor,
            "model.decoder.embed_tokens.weight");
  EXPECT_EQ(specOf({{"tie_word_embeddings", "false"}})
                .heads[0]
                .layers[0]
                .linear->weight.tensor,
            "proj_out.weight");
  EXPECT_TRUE(specOf({{"architectures", "[\"WhisperModel\"]"}}).heads.empty());
}

/// The class reads the key and never multiplies by it.
TEST(Whisper, ScaleEmbeddingHasNoEffect) {
  EXPECT_TRUE(specOf({{"scale_embedding", "true"}}) == specOf());
}

TEST(Whisper, Refusals) {
  EXPECT_EQ(errorOf({{"use_weighted_layer_sum", "true"}}),
            "config.json:15:29: \"use_weighted_layer_sum\" is true; supported: "
            "false");
  EXPECT_EQ(errorOf({{"architectures", "[\"WhisperForAudioClassification\"]"}}),
            std::string("config.json:3:21: \"architectures\" has "
                        "\"WhisperForAudioClassification\"; supported: "
                        "WhisperForConditionalGeneration, WhisperModel") +
                classRemedy);
  EXPECT_EQ(
      errorOf({{"num_mel_bins", "0"}}),
      "config.json:12:19: \"num_mel_bins\" is 0; expected an integer from "
      "1 to 16777216");
  EXPECT_EQ(errorOf({{"encoder_attention_heads", "5"}}),
            "config.json:8:30: \"encoder_attention_heads\" is 5; expected a "
            "divisor of \"d_model\" (12)");
}
