//===- ValidateTest.cpp - Descriptions that make no sense -----------------===//
//
// Each test breaks one field of a valid description. What validate() lets
// through, the rest of the compiler takes as given: a missing check is a crash
// or a wrong result there.
//
//===----------------------------------------------------------------------===//

#include "compiler/Spec/Validate.h"
#include "tests/compiler/spec/Specs.h"
#include "tests/compiler/support/ErrorText.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace ashlar;
using namespace ashlar::test;

namespace {
/// A valid description, the parts of it that tests break, and its error.
struct Subject {
  explicit Subject(ModelSpec valid = decoderSpec()) : spec(std::move(valid)) {}

  std::string error() const { return errorText(validate(spec)); }
  Stack &stack() { return spec.stacks.back(); }
  BlockGroup &group() { return stack().blocks[0]; }
  Block &block() { return group().block; }
  Attention &attention() { return block().attention; }
  Attention &cross() { return *block().crossAttention; }
  Embedding &embedding() { return stack().embedding; }
  Rotary &rotary() {
    attention().rotary.emplace().dimensions = 6;
    return *attention().rotary;
  }

  ModelSpec spec;
};
} // namespace

static const std::string block0 = "\"stacks[0].blocks[0].";

TEST(Validate, ValidDescriptions) {
  EXPECT_EQ(Subject().error(), "");
  EXPECT_EQ(Subject(encoderDecoderSpec()).error(), "");
}

TEST(Validate, LocatesTheField) {
  Subject subject;
  subject.attention().heads = 0;
  EXPECT_EQ(errorText(validate(
                subject.spec,
                [](llvm::StringRef path) { return "file@" + path.str(); })),
            "file@stacks[0].blocks[0].attention.heads: " + block0 +
                "attention.heads\" is 0; expected an integer from 1 to 65536");
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

TEST(Validate, Heads) {
  Subject subject;
  subject.attention().kvHeads = 3;
  EXPECT_EQ(subject.error(), block0 + "attention.kv_heads\" is 3; expected a "
                                      "divisor of \"heads\" (4)");
  subject.attention().kvHeads = 0;
  EXPECT_EQ(subject.error(), block0 + "attention.kv_heads\" is 0; expected an "
                                      "integer from 1 to 65536");
  subject.attention().kvHeads = 2;
  subject.attention().headDim = 5;
  EXPECT_EQ(subject.error(),
            block0 + "attention.query.out\" is 24; expected 20, heads * "
                     "head_dim");
  subject.attention().headDim = 65536;
  subject.attention().heads = 65536;
  EXPECT_EQ(subject.error(),
            block0 + "attention.head_dim\" is 65536; expected heads * head_dim "
                     "of at most 16777216");
}

TEST(Validate, Scale) {
  for (double scale : {0.0, -1.0, double(NAN), double(INFINITY)}) {
    Subject subject;
    subject.attention().scale = scale;
    EXPECT_NE(subject.error().find("attention.scale\" is "), std::string::npos)
        << scale;
  }
}

TEST(Validate, Causality) {
  Subject decoder;
  decoder.attention().causal = false;
  EXPECT_EQ(decoder.error(), block0 + "attention.causal\" is false; expected "
                                      "true in a decoder");
  Subject both(encoderDecoderSpec());
  both.cross().causal = true;
  EXPECT_EQ(both.error(), "\"stacks[1].blocks[0].cross_attention.causal\" is "
                          "true; expected false");
  both.spec.stacks[0].blocks[0].block.attention.causal = true;
  EXPECT_EQ(both.error(), block0 + "attention.causal\" is true; expected "
                                   "false in an encoder");
}

TEST(Validate, CrossAttention) {
  Subject subject(encoderDecoderSpec());
  subject.cross().key.inFeatures = 8;
  EXPECT_EQ(subject.error(),
            "\"stacks[1].blocks[0].cross_attention.key.in\" is 8; expected 12, "
            "the hidden of what is attended to");
  subject.cross().rotary.emplace();
  EXPECT_EQ(subject.error(), "\"stacks[1].blocks[0].cross_attention.rotary\" "
                             "is present; expected none in cross-attention");
  subject.block().crossAttentionNorm.reset();
  EXPECT_EQ(subject.error(),
            "\"stacks[1].blocks[0].cross_attention_norm\" is absent; expected "
            "it exactly where there is cross_attention");
  subject.block().crossAttention.reset();
  EXPECT_EQ(subject.error(),
            "\"stacks[1].blocks[0].cross_attention\" is absent; expected the "
            "decoder's attention to the encoder");
  Subject alone;
  alone.block().crossAttention = attentionOf(8, 8, false);
  EXPECT_EQ(alone.error(), block0 + "cross_attention\" is present; expected "
                                    "none without an encoder to attend to");
}

TEST(Validate, Rotary) {
  Subject subject;
  EXPECT_EQ((subject.rotary(), subject.error()), "");
  subject.rotary().dimensions = 3;
  EXPECT_EQ(subject.error(), block0 + "attention.rotary.dimensions\" is 3; "
                                      "expected an even number");
  subject.rotary().dimensions = 8;
  EXPECT_EQ(subject.error(), block0 + "attention.rotary.dimensions\" is 8; "
                                      "expected an integer from 2 to 6");
  subject.rotary().theta = 0;
  EXPECT_EQ(subject.error(), block0 + "attention.rotary.theta\" is 0; expected "
                                      "a finite number above 0");
  subject.rotary().factor = -1;
  EXPECT_EQ(subject.error(), block0 + "attention.rotary.factor\" is -1; "
                                      "expected a finite number above 0");
}

TEST(Validate, RotaryLlama3) {
  Subject subject;
  Rotary &rotary = subject.rotary();
  rotary.scaling = RopeScalingKind::Llama3;
  EXPECT_EQ(subject.error(),
            block0 + "attention.rotary.original_max_positions\" is 0; expected "
                     "an integer from 1 to 2147483647");
  rotary.originalMaxPositions = 8;
  EXPECT_EQ(subject.error(), "");
  rotary.lowFrequencyFactor = 4;
  EXPECT_EQ(subject.error(),
            block0 + "attention.rotary.high_frequency_factor\" is 4; expected "
                     "more than \"low_frequency_factor\" (4)");
  rotary.lowFrequencyFactor = 0;
  EXPECT_EQ(subject.error(),
            block0 + "attention.rotary.low_frequency_factor\" is 0; expected a "
                     "finite number above 0");
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

TEST(Validate, StoredShapes) {
  Subject subject;
  Weight &query = subject.attention().query.weight;
  const std::string at = block0 + "attention.query.weight.";
  query.stored = {24, 9};
  EXPECT_EQ(subject.error(), at + "stored\" is [24, 9]; expected 8 columns");
  query.stored = {25, 8};
  EXPECT_EQ(subject.error(), at + "stored\" is [25, 8]; expected a shape with "
                                  "24 rows in use, not 25");
  query.stored = {24};
  EXPECT_EQ(subject.error(), at + "stored\" is [24]; expected two sizes");
  query.stored = {24, 0};
  EXPECT_EQ(subject.error(), at + "stored\" is [24, 0]; expected sizes from 1 "
                                  "to 2147483647");
  query.transposed = true;
  query.stored = {8, 24};
  EXPECT_EQ(subject.error(), "");
  query.stored = {24, 8};
  EXPECT_EQ(subject.error(), at + "stored\" is [24, 8]; expected 8 rows");
}

TEST(Validate, Slices) {
  Subject subject;
  Weight &query = subject.attention().query.weight;
  const std::string at = block0 + "attention.query.weight.";
  query.stored = {72, 8};
  query.begin = 48;
  query.count = 24;
  EXPECT_EQ(subject.error(), "");
  query.begin = 49;
  EXPECT_EQ(subject.error(), at + "count\" is 24; expected at most the 23 rows "
                                  "from \"begin\" on");
  query.begin = -1;
  EXPECT_EQ(subject.error(),
            at + "begin\" is -1; expected an integer from 0 to 71");
  query.begin = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(subject.error(), at + "begin\" is 9223372036854775807; expected an "
                                  "integer from 0 to 71");
  query.begin = 1;
  query.count = 0;
  EXPECT_EQ(subject.error(),
            at + "begin\" is 1; expected 0, as \"count\" is 0");
}

TEST(Validate, Vectors) {
  Subject subject;
  Linear &query = subject.attention().query;
  const std::string at = block0 + "attention.query.bias.";
  query.bias = weightOf("b.{layer}", {1, 24});
  EXPECT_EQ(subject.error(), "");
  query.bias->stored = {24, 1};
  EXPECT_EQ(subject.error(), at + "stored\" is [24, 1]; expected one size");
  query.bias->stored = {23};
  EXPECT_EQ(subject.error(), at + "stored\" is [23]; expected a shape with 24 "
                                  "rows in use, not 23");
  query.bias->transposed = true;
  EXPECT_EQ(subject.error(), at + "transposed\" is true; expected false for a "
                                  "vector");
}

TEST(Validate, TensorNames) {
  Subject subject;
  subject.attention().query.weight.tensor = "";
  EXPECT_EQ(subject.error(), block0 + "attention.query.weight.tensor\" is "
                                      "empty; expected a name");
  subject.attention().query.weight.tensor = std::string("a\0b", 3);
  EXPECT_EQ(subject.error(), block0 + "attention.query.weight.tensor\" is "
                                      "\"a\\x00b\"; expected a name without "
                                      "NUL");
  Subject other;
  other.embedding().tokens->tensor = "tokens.{layer}";
  EXPECT_EQ(other.error(), "\"stacks[0].embedding.tokens.tensor\" is "
                           "\"tokens.{layer}\"; expected {layer} in the "
                           "tensors of blocks only");
}

//===----------------------------------------------------------------------===//
// Norms, feed-forward, blocks
//===----------------------------------------------------------------------===//

TEST(Validate, Norms) {
  Subject subject;
  subject.block().attentionNorm.epsilon = 0;
  EXPECT_EQ(subject.error(), block0 + "attention_norm.epsilon\" is 0; expected "
                                      "a finite number above 0");
  subject.block().attentionNorm.features = 9;
  EXPECT_EQ(subject.error(), block0 + "attention_norm.features\" is 9; "
                                      "expected 8, the width of what it "
                                      "reads");
}

TEST(Validate, FeedForward) {
  Subject subject;
  subject.block().feedForward.gate = linearOf("gate.{layer}", 8, 11);
  EXPECT_EQ(subject.error(), block0 + "feed_forward.gate.out\" is 11; expected "
                                      "10, the feed-forward width");
  subject.block().feedForward.width = 0;
  EXPECT_EQ(subject.error(), block0 + "feed_forward.width\" is 0; expected an "
                                      "integer from 1 to 16777216");
}

TEST(Validate, Layers) {
  Subject subject;
  subject.group().first = 1;
  EXPECT_EQ(subject.error(), block0 + "first\" is 1; expected 0, the layer "
                                      "after those before it");
  subject.group().first = 0;
  subject.group().count = 0;
  EXPECT_EQ(subject.error(),
            block0 + "count\" is 0; expected an integer from 1 to 10000");
  subject.group().count = 10000;
  subject.stack().blocks.push_back(subject.group());
  subject.stack().blocks[1].first = 10000;
  EXPECT_EQ(subject.error(), "\"stacks[0].blocks[1].count\" is 10000; expected "
                             "an integer from 1 to 0");
  subject.stack().blocks.clear();
  EXPECT_EQ(subject.error(),
            "\"stacks[0].blocks\" is empty; expected at least one block");
}

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

TEST(Validate, Stacks) {
  Subject subject(encoderDecoderSpec());
  std::swap(subject.spec.stacks[0], subject.spec.stacks[1]);
  EXPECT_EQ(subject.error(), "\"stacks[0].kind\" is decoder; expected encoder");
  subject.spec.stacks.clear();
  EXPECT_EQ(subject.error(),
            "\"stacks\" is a list of 0; expected one or two stacks");
}

TEST(Validate, StackSizes) {
  Subject subject;
  subject.stack().maxPositions = int64_t(1) << 31;
  EXPECT_EQ(subject.error(), "\"stacks[0].max_positions\" is 2147483648; "
                             "expected an integer from 0 to 2147483647");
  subject.stack().hidden = 0;
  EXPECT_EQ(subject.error(), "\"stacks[0].hidden\" is 0; expected an integer "
                             "from 1 to 16777216");
}

TEST(Validate, Vocabulary) {
  Subject subject;
  subject.embedding().vocabulary = int64_t(1) << 40;
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.vocabulary\" is "
                             "1099511627776; expected an integer from 1 to "
                             "2147483647");
  subject.embedding().vocabulary = 17;
  subject.embedding().tokens.reset();
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.vocabulary\" is 17; "
                             "expected 0, as there is no table of tokens");
}

TEST(Validate, TokenTypes) {
  Subject subject;
  subject.embedding().tokenTypes = 2;
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.token_type_table\" is "
                             "absent; expected it exactly where token_types is "
                             "above 0");
  subject.embedding().tokenTypeTable = weightOf("types", {3, 8});
  EXPECT_EQ(subject.error(), "\"stacks[0].embedding.token_type_table.stored\" "
                             "is [3, 8]; expected a shape with 2 rows in use, "
                             "not 3");
}

TEST(Validate, Positions) {
  Subject subject;
  Positions &positions = subject.embedding().positions;
  const std::string at = "\"stacks[0].embedding.positions.";
  positions.kind = PositionKind::Learned;
  EXPECT_EQ(subject.error(), at + "table\" is absent; expected it exactly "
                                  "where the positions are learned");
  positions.table = weightOf("positions", {18, 8});
  EXPECT_EQ(subject.error(), at + "count\" is 0; expected an integer from 1 to "
                                  "2147483647");
  positions.count = 16;
  positions.offset = 2;
  EXPECT_EQ(subject.error(), "");
  positions.offset = 3;
  EXPECT_EQ(subject.error(), at + "table.stored\" is [18, 8]; expected a shape "
                                  "with 19 rows in use, not 18");
  positions.count = 15;
  EXPECT_EQ(subject.error(), at + "count\" is 15; expected at least the "
                                  "stack's max_positions (16), which is not "
                                  "0");
  positions.offset = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(subject.error(),
            at + "offset\" is 9223372036854775807; expected an integer from 0 "
                 "to 2147483632");
}

//===----------------------------------------------------------------------===//
// Heads, labels, generation, names
//===----------------------------------------------------------------------===//

TEST(Validate, HeadLayers) {
  Subject subject;
  Head &head = subject.spec.heads[0];
  head.layers[0].norm = normOf("n", 8);
  EXPECT_EQ(subject.error(), "\"heads[0].layers[0].norm.features\" is 8; "
                             "expected 17, the width of what it reads");
  head.layers[0] = {};
  EXPECT_EQ(subject.error(), "\"heads[0].layers[0]\" is empty; expected a "
                             "linear, an activation or a norm");
  head.layers.clear();
  EXPECT_EQ(subject.error(),
            "\"heads[0].layers\" is empty; expected at least one layer");
}

TEST(Validate, Labels) {
  Subject subject;
  subject.spec.labels = {"a", "b"};
  EXPECT_EQ(subject.error(), "\"labels\" is a list of 2; expected 17 names, "
                             "one for each class of the first head");
  subject.spec.heads.clear();
  EXPECT_EQ(subject.error(),
            "\"labels\" is a list of 2; expected none without a head");
}

TEST(Validate, GenerationTokens) {
  Subject subject;
  subject.spec.generation.endTokens = {3, 17};
  EXPECT_EQ(subject.error(), "\"generation.end_tokens[1]\" is 17; expected an "
                             "id below the vocabulary's 17");
  subject.spec.generation.endTokens = {};
  subject.spec.generation.padToken = -1;
  EXPECT_EQ(subject.error(), "\"generation.pad_token\" is -1; expected an id "
                             "below the vocabulary's 17");
  subject.spec.generation.padToken.reset();
  subject.spec.generation.maxLength = 0;
  EXPECT_EQ(subject.error(), "\"generation.max_length\" is 0; expected an "
                             "integer from 1 to 2147483647");
}

TEST(Validate, NamesAreUnique) {
  Subject subject;
  subject.spec.heads[0].output = "last_hidden_state";
  EXPECT_EQ(subject.error(), "\"heads[0].output\" is \"last_hidden_state\"; "
                             "expected a name that no other input or output "
                             "has");
  subject.spec.heads[0].output = "";
  EXPECT_EQ(subject.error(), "\"heads[0].output\" is empty; expected a name");
}

TEST(Validate, SuffixAliases) {
  Subject subject;
  subject.spec.checkpoint.suffixAliases = {{"", "x"}};
  EXPECT_EQ(subject.error(), "\"checkpoint.suffix_aliases[0]\" is empty; "
                             "expected a name");
}
