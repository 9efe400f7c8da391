//===- ValidateHeadsTest.cpp - Heads that pool, and that cannot -----------===//
//
// Rows that a sequence may not have, rows of different widths that are to be
// one, and a probe in a place that it does not have.
//
//===----------------------------------------------------------------------===//

#include "tests/compiler/spec/Subject.h"

#include <gtest/gtest.h>

#include <functional>

using namespace ashlar;
using namespace ashlar::test;

/// An encoder of texts whose head gives 17 numbers of the mean of the rows.
static ModelSpec pooledSpec() {
  ModelSpec spec;
  spec.family = "custom";
  spec.stacks.push_back(stackOf(StackKind::Encoder, 8));
  Head &head = spec.heads.emplace_back();
  head.output = "logits";
  head.pools.resize(1);
  head.layers.emplace_back().linear = linearOf("head", 8, 17);
  return spec;
}

/// The same of images: 2 x 2 patches behind a class token.
static ModelSpec imageSpec() {
  ModelSpec spec = pooledSpec();
  Stack &stack = spec.stacks[0];
  stack.embedding.tokens.reset();
  stack.embedding.vocabulary = 0;
  stack.maxPositions = 5;
  Patches &patches = stack.embedding.patches.emplace();
  patches.channels = 1;
  patches.imageHeight = patches.imageWidth = 4;
  patches.patchHeight = patches.patchWidth = 2;
  patches.projection = linearOf("patch", 4, 8);
  patches.prefix = {weightOf("class", {8})};
  return spec;
}

static AttentionPool probeOf(int64_t hidden) {
  AttentionPool pool;
  pool.probe = weightOf("probe", {1, 1, hidden});
  pool.attention.heads = pool.attention.kvHeads = 2;
  pool.attention.headDim = hidden / 2;
  return pool;
}

static const std::string head0 = "\"heads[0].";

TEST(ValidateHeads, AreValid) {
  EXPECT_EQ(Subject(pooledSpec()).error(), "");
  Subject subject(imageSpec());
  Head &head = subject.spec.heads[0];
  EXPECT_EQ(subject.error(), "");
  head.pools.resize(2);
  head.pools[0].count = 1;
  head.pools[1].from = 4;
  head.layers[0].linear = linearOf("head", 16, 17);
  EXPECT_EQ(subject.error(), "");
  head.join = PoolJoin::Mean;
  head.pools[1].attention = probeOf(8);
  head.pools[1].from = 0;
  head.layers.clear();
  EXPECT_EQ(subject.error(), "");
}

TEST(ValidateHeads, ReadWholeSequences) {
  Subject decoder;
  decoder.spec.heads[0].pools.resize(1);
  EXPECT_EQ(decoder.error(), head0 + "pools\" is present; expected none, as "
                                     "the last stack is a decoder");
  decoder.spec.heads[0].pools.clear();
  decoder.spec.heads[0].rows = RowSelection::Last;
  EXPECT_EQ(decoder.error(), "");
  Subject both(pooledSpec());
  both.spec.heads[0].rows = RowSelection::First;
  EXPECT_EQ(both.error(),
            head0 + "rows\" is first; expected none beside pools");
  both.spec.heads[0].pools.clear();
  both.spec.heads[0].join = PoolJoin::Mean;
  EXPECT_EQ(both.error(),
            head0 + "join\" is mean; expected concat without pools");
}

TEST(ValidateHeads, FeedForward) {
  Subject subject(pooledSpec());
  std::vector<HeadLayer> &layers = subject.spec.heads[0].layers;
  HeadLayer &layer = *layers.emplace(layers.begin());
  layer.feedForward.width = 12;
  layer.feedForward.up = linearOf("up", 8, 12);
  layer.feedForward.down = linearOf("down", 12, 8);
  EXPECT_EQ(subject.error(), "");
  const std::string at = head0 + "layers[0].feed_forward";
  layer.feedForward.down = linearOf("down", 12, 9);
  EXPECT_EQ(subject.error(), at + ".down.out\" is 9; expected 8, the width of "
                                  "what it reads");
  layer.feedForward.experts.emplace();
  EXPECT_EQ(subject.error(),
            at + ".experts\" is present; expected none in a head");
  layer.linear = linearOf("head", 8, 8);
  EXPECT_EQ(subject.error(),
            at + "\" is present; expected none beside a linear");
}

/// A head of a number for each token of a text, those of its first part less.
static ModelSpec segmentSpec() {
  ModelSpec spec = pooledSpec();
  Head &head = spec.heads[0];
  head.pools.clear();
  head.scalar = true;
  head.layers[0].linear = linearOf("head", 8, 1);
  head.segmentOffset = {3, -1e6};
  return spec;
}

TEST(ValidateHeads, SegmentOffsets) {
  auto broken = [](const std::function<void(ModelSpec &)> &change) {
    Subject subject(segmentSpec());
    change(subject.spec);
    return subject.error();
  };
  const std::string at = head0 + "segment_offset";
  EXPECT_EQ(broken([](ModelSpec &) {}), "");
  EXPECT_EQ(broken([](ModelSpec &s) { s.heads[0].segmentOffset->offset = 0; }),
            at + ".offset\" is 0; expected a number that float32 has, but 0");
  EXPECT_EQ(
      broken([](ModelSpec &s) { s.heads[0].segmentOffset->separator = 17; }),
      at + ".separator\" is 17; expected an integer from 0 to 16");
  const char *ofAll =
      "\" is present; expected none but in a scalar head of all "
      "rows";
  EXPECT_EQ(broken([](ModelSpec &s) { s.heads[0].scalar = false; }),
            at + ofAll);
  EXPECT_EQ(broken([](ModelSpec &s) { s.heads[0].rows = RowSelection::First; }),
            at + ofAll);
  Subject decoder;
  decoder.spec.heads[0] = segmentSpec().heads[0];
  EXPECT_EQ(decoder.error(), at + "\" is present; expected none, as the last "
                                  "stack is no encoder of tokens");
}

TEST(ValidateHeads, TypesBySeparator) {
  Subject subject(segmentSpec());
  Embedding &embedding = subject.embedding();
  embedding.tokenTypes = 3;
  embedding.tokenTypeTable = weightOf("types", {3, 8});
  embedding.typeSeparator = 3;
  EXPECT_EQ(subject.error(), "");
  const std::string at = "\"stacks[0].embedding.type_separator";
  embedding.typeSeparator = 17;
  EXPECT_EQ(subject.error(), at + "\" is 17; expected an integer from 0 to 16");
  embedding.tokenTypes = 1;
  embedding.tokenTypeTable = weightOf("types", {1, 8});
  EXPECT_EQ(subject.error(), at + "\" is present; expected none where "
                                  "token_types is below 2");
  Subject decoder;
  decoder.embedding().typeSeparator = 3;
  EXPECT_EQ(decoder.error(),
            at + "\" is present; expected none but in an encoder of tokens");
}

TEST(ValidateHeads, RowsThatEverySequenceHas) {
  auto broken = [](ModelSpec spec, int64_t from, int64_t count) {
    Subject subject(std::move(spec));
    subject.spec.heads[0].pools[0].from = from;
    subject.spec.heads[0].pools[0].count = count;
    return subject.error();
  };
  EXPECT_EQ(broken(imageSpec(), 4, 1), "");
  EXPECT_EQ(broken(imageSpec(), 5, 0),
            head0 + "pools[0].from\" is 5; expected an integer from 0 to 4");
  EXPECT_EQ(broken(imageSpec(), 3, 3),
            head0 + "pools[0].count\" is 3; expected an integer from 0 to 2");
  EXPECT_EQ(broken(pooledSpec(), 1, 0),
            head0 + "pools[0].from\" is 1; expected an integer from 0 to 0");
  EXPECT_EQ(broken(pooledSpec(), 0, 1), "");
  EXPECT_EQ(broken(pooledSpec(), 0, 2),
            head0 + "pools[0].count\" is 2; expected an integer from 0 to 1");
  Subject many(pooledSpec());
  many.spec.heads[0].pools.resize(17);
  EXPECT_EQ(many.error(),
            head0 + "pools\" is a list of 17; expected at most 16");
}

TEST(ValidateHeads, Widths) {
  Subject subject(pooledSpec());
  Head &head = subject.spec.heads[0];
  head.pools.resize(2);
  EXPECT_EQ(subject.error(), head0 + "layers[0].linear.in\" is 8; expected 16, "
                                     "the width of what it reads");
  head.join = PoolJoin::Mean;
  EXPECT_EQ(subject.error(), "");
  head.pools[1].layers.emplace_back().linear = linearOf("own", 8, 9);
  EXPECT_EQ(subject.error(),
            head0 + "pools[1]\" is 9 features; expected 8, as those before "
                    "it, whose mean it joins");
  head.pools[1].layers[0] = {};
  EXPECT_EQ(subject.error(),
            head0 + "pools[1].layers[0]\" is empty; expected a "
                    "linear, a feed_forward, a scale, a soft_cap, an "
                    "activation or a norm");
}

TEST(ValidateHeads, ProbesStandInNoSequence) {
  auto broken = [](void (*change)(Pool &)) {
    Subject subject(pooledSpec());
    Pool &pool = subject.spec.heads[0].pools[0];
    pool.attention = probeOf(8);
    change(pool);
    return subject.error();
  };
  const std::string at = head0 + "pools[0].attention_pool.";
  const std::string none = "\" is present; expected none where a probe asks";
  EXPECT_EQ(broken([](Pool &) {}), "");
  EXPECT_EQ(broken([](Pool &pool) { pool.count = 1; }),
            head0 + "pools[0].attention_pool\" is present; expected none "
                    "beside from or count");
  EXPECT_EQ(broken([](Pool &pool) { pool.attention->attention.causal = true; }),
            at + "attention.causal\" is true; expected false");
  EXPECT_EQ(
      broken([](Pool &pool) { pool.attention->attention.rotary.emplace(); }),
      at + "attention.rotary" + none);
  EXPECT_EQ(broken([](Pool &pool) {
              pool.attention->attention.positionBias.emplace();
            }),
            at + "attention.position_bias" + none);
  EXPECT_EQ(broken([](Pool &pool) { pool.attention->attention.window = 2; }),
            at + "attention.window\" is 2; expected 0 where a probe asks");
  EXPECT_EQ(
      broken([](Pool &pool) { pool.attention->attention.mask.emplace(); }),
      at + "attention.mask" + none);
  EXPECT_EQ(
      broken([](Pool &pool) { pool.attention->attention.repeated.emplace(); }),
      at + "attention.repeated" + none);
  EXPECT_EQ(
      broken([](Pool &pool) { pool.attention->attention.marked.emplace(); }),
      at + "attention.marked" + none);
  EXPECT_EQ(broken([](Pool &pool) { pool.attention->attention.headDim = 3; }),
            at + "attention.query\" is absent; expected it, as the stack's "
                 "hidden (8) is not heads * head_dim (6)");
  EXPECT_EQ(broken([](Pool &pool) { pool.attention->probe.stored = {1, 9}; }),
            at + "probe.stored\" is [1, 9]; expected a shape with 8 rows in "
                 "use, not 9");
  EXPECT_EQ(
      broken([](Pool &pool) { pool.attention->norm = normOf("norm", 8); }),
      at + "norm\" is present; expected none without a feed_forward");
  EXPECT_EQ(broken([](Pool &pool) {
              pool.attention->feedForward.width = 5;
              pool.attention->feedForward.experts.emplace();
            }),
            at + "feed_forward.experts\" is present; expected none in a head");
  EXPECT_EQ(broken([](Pool &pool) {
              pool.attention->feedForward.width = 5;
              pool.attention->feedForward.up = linearOf("up", 8, 4);
            }),
            at + "feed_forward.up.out\" is 4; expected 5, the feed-forward "
                 "width");
}
