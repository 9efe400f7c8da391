//===- YamlTest.cpp - Descriptions as YAML --------------------------------===//

#include "compiler/Spec/Yaml.h"
#include "compiler/Spec/Names.h"
#include "tests/compiler/spec/Specs.h"
#include "tests/compiler/support/ErrorText.h"

#include <cfloat>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::test;

/// Every optional field set, and numbers that need all their digits.
static ModelSpec fullSpec() {
  ModelSpec spec = encoderDecoderSpec();
  spec.family = "any \"family\"\n\x1b[0m \xc3\xa9 \xe2\x80\xa8";
  spec.sentence = SentenceEmbedding{Pooling::Last, true};
  spec.labels.assign(17, "null");
  spec.labels[1] = "- a: [b], #c";
  spec.labels[2] = "";
  spec.labels[3] = "3.5";
  spec.labels[4] = " spaces ";
  spec.checkpoint = {{"p."}, {{"a", "b"}, {"a", "c"}}, {"*.x", "true"}};
  spec.generation = {{1, 2}, 3, {4, 5}, 6, 7, 8, {9}, {10, 11}, 12, 13};
  spec.generation.lengthPenalty = -0.6;
  spec.generation.earlyStopping = EarlyStopping::Never;
  spec.generation.numReturnSequences = 3;
  Stack &decoder = spec.stacks[1];
  decoder.finalNorm = normOf("final", 8);
  decoder.finalNorm->kind = NormKind::RmsNorm;
  decoder.finalNorm->bias = weightOf("final.b", {1, 8});
  decoder.finalNorm->epsilon = 0.1 + 0.2;
  Embedding &embedding = decoder.embedding;
  embedding.scale = FLT_MIN; // in double, of 17 digits
  embedding.tokenTypes = 3;
  embedding.tokenTypeTable = weightOf("types", {3, 8});
  embedding.norm = normOf("e", 8);
  Positions &positions = embedding.positions;
  positions.kind = PositionKind::Learned;
  positions.count = 19;
  positions.offset = 2;
  positions.first = 3;
  positions.byToken = true;
  positions.table = weightOf("positions", {21, 8});
  Block &block = decoder.blocks[0].block;
  block.placement = NormPlacement::Post;
  block.attention.scale = FLT_MAX;
  Rotary &rotary = block.attention.rotary.emplace();
  rotary.dimensions = 4;
  rotary.theta = 1e6;
  rotary.scaling = RopeScalingKind::Llama3;
  rotary.factor = 8.0;
  rotary.lowFrequencyFactor = 1.25;
  rotary.highFrequencyFactor = 4.5;
  rotary.originalMaxPositions = 8192;
  block.attention.query.bias = weightOf("bias.{layer}", {72});
  block.attention.query.bias->begin = 24;
  block.attention.query.bias->count = 24;
  block.attention.key.weight.transposed = true;
  block.attention.key.weight.stored = {8, 12};
  block.feedForward.activation = Activation::GeluTanh;
  block.feedForward.gate = linearOf("gate.{layer}", 8, 10);
  Head second = spec.heads[0];
  second.output = "pooled";
  second.rows = RowSelection::First;
  HeadLayer &layer = second.layers.emplace_back();
  layer.scale = 0.25;
  layer.softCap = 30.5;
  layer.activation = Activation::Tanh;
  layer.norm = normOf("h", 17);
  spec.heads.push_back(second);
  return spec;
}

/// What only some placements, positions and widths of tables go with.
static ModelSpec sandwichSpec() {
  ModelSpec spec = encoderDecoderSpec();
  Block &block = spec.stacks[1].blocks[0].block;
  block.attentionNorm.reset();
  block.crossAttentionNorm.reset();
  block.feedForwardNorm.reset();
  block.attentionOutputNorm = normOf("o1.{layer}", 8);
  block.attentionOutputNorm->gainOffset = 1.0;
  block.crossAttentionOutputNorm = normOf("o2.{layer}", 8);
  block.feedForwardOutputNorm = normOf("o3.{layer}", 8);
  Attention &attention = block.attention;
  attention.window = 5;
  attention.mask =
      Mask::any({Mask::window(3, 0), Mask::counting(MaskKind::FirstKeys, 2)});
  attention.repeated = {Mask::negate(Mask::window(0, 0, 8)), 3};
  attention.softCap = 50.25;
  attention.clip = 8.5;
  attention.queryNorm = normOf("qn.{layer}", 6);
  attention.keyNorm = normOf("kn.{layer}", 12);
  Rotary &rotary = attention.rotary.emplace();
  rotary.dimensions = 4;
  rotary.interleaved = true;
  rotary.scaling = RopeScalingKind::Yarn;
  rotary.originalMaxPositions = 4096;
  rotary.betaFast = 30.5;
  rotary.betaSlow = 1.5;
  rotary.magnitude = 1.125;
  Weight &key = attention.key.weight;
  key.stored = {36, 8};
  key.begin = 6;
  key.count = 12;
  key.piece = 6;
  key.every = 18;
  Embedding &embedding = spec.stacks[0].embedding;
  embedding.width = 5;
  embedding.tokens = weightOf("tokens", {17, 5});
  embedding.tokenTypes = 2;
  embedding.tokenTypeTable = weightOf("types", {2, 5});
  embedding.projection = linearOf("projection", 5, 12);
  PositionBias &bias =
      spec.stacks[0].blocks[0].block.attention.positionBias.emplace();
  bias.kind = PositionBiasKind::Relative;
  bias.table = weightOf("bias", {8, 4});
  bias.buckets = 8;
  bias.maxDistance = 100;
  bias.bidirectional = true;
  spec.stacks[0].marks = {"marks", MarkRule::Before, 5};
  Attention &source = spec.stacks[0].blocks[0].block.attention;
  source.mask = Mask::marked(MaskKind::MarkedKeys);
  source.marked = {source.query, source.key, source.value};
  return spec;
}

/// Attention and feed-forward side by side.
static ModelSpec parallelSpec() {
  ModelSpec spec = decoderSpec();
  Block &block = spec.stacks[0].blocks[0].block;
  block.placement = NormPlacement::Parallel;
  block.feedForwardNorm.reset();
  PositionBias &bias = block.attention.positionBias.emplace();
  bias.maxBias = 7.5;
  bias.scale = 0.375;
  block.attention.additiveVector = weightOf("v.{layer}", {24});
  Embedding &embedding = spec.stacks[0].embedding;
  embedding.width = 5;
  embedding.tokens = weightOf("tokens", {17, 5});
  embedding.tokenTypes = 2;
  embedding.tokenTypeTable = weightOf("types", {2, 8});
  embedding.tokenProjection = linearOf("projection", 5, 8);
  return spec;
}

/// Attention to the vectors themselves, and nothing else.
static ModelSpec bareSpec() {
  ModelSpec spec = decoderSpec();
  Block &block = spec.stacks[0].blocks[0].block;
  block.residual = false;
  block.feedForward = {};
  block.attentionNorm.reset();
  block.feedForwardNorm.reset();
  block.attention = {};
  block.attention.heads = block.attention.kvHeads = 2;
  block.attention.headDim = 4;
  block.attention.causal = true;
  spec.stacks[0].kind = StackKind::Encoder;
  Head highest = spec.heads[0];
  highest.output = "highest";
  highest.rows = RowSelection::HighestToken;
  spec.heads[0].rows = RowSelection::Token;
  spec.heads[0].token = 3;
  spec.heads.push_back(highest);
  return spec;
}

/// Heads that make one row of a sequence's.
static ModelSpec pooledSpec() {
  ModelSpec spec = bareSpec();
  spec.heads.resize(1);
  Head &head = spec.heads[0];
  head.rows = RowSelection::Last;
  head.token = 0;
  Head joined = head;
  joined.output = "joined";
  joined.rows = RowSelection::All;
  joined.join = PoolJoin::Mean;
  joined.pools.resize(2);
  joined.pools[0].count = 1;
  joined.pools[0].layers = {HeadLayer()};
  joined.pools[0].layers[0].linear = linearOf("first", 8, 8);
  AttentionPool &pool = joined.pools[1].attention.emplace();
  pool.probe = weightOf("probe", {1, 1, 8});
  pool.attention.heads = pool.attention.kvHeads = 2;
  pool.attention.headDim = 4;
  pool.attention.query = linearOf("pool_query", 8, 8);
  pool.norm = normOf("pool_norm", 8);
  pool.feedForward.width = 12;
  pool.feedForward.up = linearOf("pool_up", 8, 12);
  pool.feedForward.down = linearOf("pool_down", 12, 8);
  HeadLayer fed;
  fed.feedForward = pool.feedForward;
  fed.norm = normOf("fed_norm", 8);
  joined.layers.insert(joined.layers.begin(), fed);
  spec.heads.push_back(std::move(joined));
  return spec;
}

/// Convolutions over vectors, and what a speech model's text begins with.
static ModelSpec stemSpec() {
  ModelSpec spec = encoderDecoderSpec();
  Stack &encoder = spec.stacks[0];
  encoder.input = "input_features";
  encoder.featuresFirst = true;
  Convolution convolution;
  convolution.kernel = 3;
  convolution.stride = 2;
  convolution.padding = 1;
  convolution.linear = linearOf("conv", 12, encoder.hidden);
  convolution.linear.weight.stored = {encoder.hidden, 4, 3};
  convolution.linear.weight.convolution = true;
  convolution.activation = Activation::Gelu;
  encoder.embedding.tokens.reset();
  encoder.embedding.vocabulary = 0;
  encoder.embedding.stem = {convolution};
  spec.generation.decoderStartToken = 1;
  spec.generation.decoderPrompt = {3, 4};
  spec.generation.suppressedTokens = {5};
  spec.generation.suppressedAtBegin = {6, 7};
  return spec;
}

/// Frequencies by length, norms of heads with gains of their own, positions to
/// the last wavelength, and a number for each row.
static ModelSpec optionsSpec() {
  ModelSpec spec = decoderSpec();
  Attention &attention = spec.stacks[0].blocks[0].block.attention;
  attention.queryNorm = normOf("qn.{layer}", 24);
  attention.queryNorm->groups = 4;
  attention.queryNorm->gain->stored = {4, 6};
  Rotary &rotary = attention.rotary.emplace();
  rotary.dimensions = 4;
  rotary.scaling = RopeScalingKind::LongRope;
  rotary.originalMaxPositions = 8;
  rotary.shortFactors = {1.0, 1.25};
  rotary.longFactors = {2.0, 4.5};
  Positions &positions = spec.stacks[0].embedding.positions;
  positions.kind = PositionKind::Sinusoidal;
  positions.order = SinusoidalOrder::SplitHalf;
  positions.inclusive = true;
  positions.byToken = positions.zeroPadding = true;
  positions.first = 2;
  positions.count = 18;
  spec.heads[0].scalar = true;
  spec.heads[0].layers[0].linear = linearOf("head", 8, 1);
  return spec;
}

/// Two segments of a text, and a gain whose parts are tensors.
static ModelSpec segmentSpec() {
  ModelSpec spec = bareSpec();
  Attention &attention = spec.stacks[0].blocks[0].block.attention;
  attention.queryNorm = normOf("qn.{layer}.{part}", 8);
  attention.queryNorm->groups = 2;
  attention.queryNorm->gain->stored = {4};
  attention.queryNorm->gain->parts = 2;
  Embedding &embedding = spec.stacks[0].embedding;
  embedding.tokenTypes = 2;
  embedding.tokenTypeTable = weightOf("types", {2, 8});
  embedding.typeSeparator = 0;
  spec.heads.resize(1);
  Head &head = spec.heads[0];
  head.rows = RowSelection::All;
  head.token = 0;
  head.scalar = true;
  head.layers[0].linear = linearOf("head", 8, 1);
  head.segmentOffset = {0, -1e6};
  return spec;
}

TEST(Yaml, SaysEverythingBack) {
  for (const ModelSpec &spec :
       {decoderSpec(), encoderDecoderSpec(), fullSpec(), sandwichSpec(),
        parallelSpec(), bareSpec(), pooledSpec(), stemSpec(), optionsSpec(),
        segmentSpec()}) {
    std::string text = printYaml(spec, {});
    YamlModel back = valueOf(parseYaml(text, "m.yaml"));
    EXPECT_TRUE(back.spec == spec) << text;
    EXPECT_EQ(printYaml(back.spec, {}), text);
  }
}

TEST(Yaml, SettingsOfTexts) {
  ModelSource source;
  source.texts = {LabelScores::Sigmoid, 128, 64, "query: \n"};
  std::string text = printYaml(decoderSpec(), source);
  TextSettings back = valueOf(parseYaml(text, "m.yaml")).source.texts;
  EXPECT_EQ(back.labelScores, LabelScores::Sigmoid);
  EXPECT_EQ(back.maxTokens, 128);
  EXPECT_EQ(back.paddedTokens, 64);
  EXPECT_EQ(back.prompt, "query: \n");
  EXPECT_EQ(printYaml(decoderSpec(), {}).find("texts:"), std::string::npos);
}

TEST(Yaml, ByHand) {
  YamlModel model = valueOf(parseYaml(R"(# the least that can be said
checkpoint: {path: weights}
tokenizer: ../tokenizer.json
stacks:
- kind: decoder
  hidden: 4
  input: input_ids
  output: last_hidden_state
  embedding: {vocabulary: 7, tokens: 'wte', positions: {kind: sinusoidal}}
  blocks:
  - first: 0
    count: 3
    name: h.{layer}
    placement: pre
    attention:
      heads: 2
      head_dim: 2
      scale: .5
      causal: true
      query: {in: 4, out: 4, weight: "h.{layer}.q"}
      key: {in: 4, out: 4, weight: {tensor: "h.{layer}.kv", transposed: true,
            stored: [4, 8], count: 4}}
      value: {in: 4, out: 4, weight: {tensor: "h.{layer}.kv", transposed: true,
              stored: [4, 8], begin: 4, count: 4}, bias: ~}
      output: {in: 4, out: 4, weight: {tensor: "h.{layer}.o",
                                       transposed: true}}
    attention_norm: {kind: rms_norm, features: 4, epsilon: 1e-6}
    feed_forward:
      width: 5
      activation: relu
      up: {in: 4, out: 5, weight: "up.{layer}"}
      down: {in: 5, out: 4, weight: "down.{layer}"}
    feed_forward_norm: {kind: layer_norm, features: 4, epsilon: 1e-6, gain: g}
)",
                                      "models/m.yaml"));
  EXPECT_EQ(model.source.weights, "models/weights");
  EXPECT_EQ(model.source.tokenizer, "models/../tokenizer.json");
  EXPECT_EQ(model.spec.family, "custom");
  const Stack &stack = model.spec.stacks[0];
  EXPECT_EQ(stack.embedding.tokens->stored, (std::vector<int64_t>{7, 4}));
  EXPECT_EQ(stack.blocks[0].count, 3);
  const Attention &attention = stack.blocks[0].block.attention;
  EXPECT_EQ(attention.kvHeads, 2);
  EXPECT_EQ(attention.scale, 0.5);
  EXPECT_EQ(attention.query.weight.stored, (std::vector<int64_t>{4, 4}));
  EXPECT_EQ(attention.value.weight.begin, 4);
  EXPECT_FALSE(attention.value.bias.has_value());
  EXPECT_TRUE(attention.output.weight.transposed);
  EXPECT_FALSE(stack.blocks[0].block.attentionNorm->gain.has_value());
}

TEST(Yaml, PathsAreRelativeToTheFile) {
  ModelSource source{"models/a/weights", "models/tokenizer.json", {}};
  std::string text = printYaml(decoderSpec(), source, "models/b/m.yaml");
  EXPECT_NE(text.find("path: ../a/weights"), std::string::npos) << text;
  EXPECT_NE(text.find("tokenizer: ../tokenizer.json"), std::string::npos);
  ModelSource back = valueOf(parseYaml(text, "models/b/m.yaml")).source;
  EXPECT_EQ(back.weights, "models/b/../a/weights");
  EXPECT_EQ(back.tokenizer, "models/b/../tokenizer.json");
  std::string here = printYaml(decoderSpec(), {".", "", {}}, "m.yaml");
  EXPECT_NE(here.find("path: .}"), std::string::npos) << here;
  EXPECT_EQ(valueOf(parseYaml(here, "m.yaml")).source.weights, ".");
  EXPECT_EQ(valueOf(parseYaml(here, "m.yaml")).source.tokenizer, "");
}

TEST(Names, GoThereAndBack) {
  for (const NamedValue<Activation> &entry : namesOf<Activation>())
    EXPECT_EQ(fromName<Activation>(nameOf(entry.value)), entry.value);
  EXPECT_STREQ(nameOf(Activation::GeluTanh), "gelu_tanh");
  EXPECT_STREQ(nameOf(NormKind::RmsNorm), "rms_norm");
  EXPECT_STREQ(nameOf(NormPlacement::Post), "post");
  EXPECT_STREQ(nameOf(PositionKind::Sinusoidal), "sinusoidal");
  EXPECT_STREQ(nameOf(SinusoidalOrder::SplitHalf), "split_half");
  EXPECT_STREQ(nameOf(NormPlacement::Parallel), "parallel");
  EXPECT_STREQ(nameOf(RopeScalingKind::Llama3), "llama3");
  EXPECT_STREQ(nameOf(RopeScalingKind::Yarn), "yarn");
  EXPECT_STREQ(nameOf(RopeScalingKind::Dynamic), "dynamic");
  EXPECT_STREQ(nameOf(RopeScalingKind::LongRope), "longrope");
  EXPECT_STREQ(nameOf(PositionBiasKind::Alibi), "alibi");
  EXPECT_STREQ(nameOf(PositionBiasKind::Relative), "relative");
  EXPECT_STREQ(nameOf(StackKind::Encoder), "encoder");
  EXPECT_STREQ(nameOf(RowSelection::First), "first");
  EXPECT_STREQ(nameOf(RowSelection::Last), "last");
  EXPECT_STREQ(nameOf(RowSelection::Token), "token");
  EXPECT_STREQ(nameOf(PoolJoin::Concat), "concat");
  EXPECT_STREQ(nameOf(PoolJoin::Mean), "mean");
  EXPECT_STREQ(nameOf(EarlyStopping::True), "true");
  EXPECT_STREQ(nameOf(RowSelection::HighestToken), "highest_token");
  EXPECT_EQ(fromName<Activation>("swish"), std::nullopt);
}
