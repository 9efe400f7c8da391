//===- ValidateHeads.cpp - Rows that heads read, and their layers ---------===//

#include "compiler/Spec/Validator.h"

#include <cmath>

using namespace ashlar;
using llvm::Twine;

/// Layers over rows of `width` features; gives those of the result.
int64_t Validator::checkHeadLayers(const std::string &at,
                                   const std::vector<HeadLayer> &layers,
                                   int64_t width) {
  for (size_t i = 0; i < layers.size() && !check.failed(); ++i) {
    const HeadLayer &layer = layers[i];
    std::string path = at + "." + indexed("layers", i);
    bool feeds = layer.feedForward.exists();
    check.expect(layer.linear || layer.activation || layer.norm ||
                     layer.scale != 1.0 || layer.softCap || feeds,
                 path, "empty",
                 "a linear, a feed_forward, a scale, a soft_cap, an activation "
                 "or a norm");
    check.expect(!feeds || !layer.linear, path + ".feed_forward", "present",
                 "none beside a linear");
    check.expect(!layer.feedForward.experts, path + ".feed_forward.experts",
                 "present", "none in a head");
    check.positive(path + ".scale", layer.scale);
    if (layer.softCap)
      check.positive(path + ".soft_cap", *layer.softCap);
    if (layer.linear) {
      int64_t out = layer.linear->outFeatures;
      check.range(path + ".linear.out", out, 1, maxCount);
      checkLinear(path + ".linear", *layer.linear, width,
                  "the width of what it reads", out, "");
      width = out;
    }
    if (feeds && !check.failed())
      checkFeedForward(path + ".feed_forward", layer.feedForward, width,
                       "the width of what it reads");
    if (layer.norm)
      checkNorm(path + ".norm", *layer.norm, width);
  }
  return width;
}

/// A query that stands in no sequence: it has no place that order, distance or
/// position could count from.
void Validator::checkAttentionPool(const std::string &at,
                                   const AttentionPool &pool,
                                   const Stack &stack) {
  const Attention &attention = pool.attention;
  std::string path = at + ".attention";
  check.expect(!attention.causal, path + ".causal", "true", "false");
  check.expect(!attention.rotary, path + ".rotary", "present",
               "none where a probe asks");
  check.expect(!attention.positionBias, path + ".position_bias", "present",
               "none where a probe asks");
  check.expect(!attention.window, path + ".window", Twine(attention.window),
               "0 where a probe asks");
  check.expect(!attention.mask, path + ".mask", "present",
               "none where a probe asks");
  check.expect(!attention.repeated, path + ".repeated", "present",
               "none where a probe asks");
  check.expect(!attention.marked, path + ".marked", "present",
               "none where a probe asks");
  checkAttention(path, attention, stack.hidden, stack.hidden);
  if (!check.failed())
    checkVector(at + ".probe", pool.probe, stack.hidden);
  check.expect(!pool.norm || pool.feedForward.exists(), at + ".norm", "present",
               "none without a feed_forward");
  if (check.failed() || !pool.feedForward.exists())
    return;
  if (pool.norm)
    checkNorm(at + ".norm", *pool.norm, stack.hidden);
  check.expect(!pool.feedForward.experts, at + ".feed_forward.experts",
               "present", "none in a head");
  if (!check.failed())
    checkFeedForward(at + ".feed_forward", pool.feedForward, stack.hidden);
}

/// Of images each sequence has all rows; a text may have one token.
void Validator::checkPooledRows(const std::string &at, const Pool &pool,
                                const Stack &stack) {
  if (pool.attention) {
    check.expect(pool.from == 0 && pool.count == 0, at + ".attention_pool",
                 "present", "none beside from or count");
    return;
  }
  const std::optional<Patches> &patches = stack.embedding.patches;
  int64_t rows = patches ? patches->rows() : 1;
  check.range(at + ".from", pool.from, 0, rows - 1);
  check.range(at + ".count", pool.count, 0, rows - pool.from);
}

/// Gives the features of the rows that the head's layers read.
int64_t Validator::checkPools(const std::string &at, const Head &head) {
  const Stack &stack = spec.stacks.back();
  if (head.pools.empty()) {
    check.expect(head.join == PoolJoin::Concat, at + ".join", nameOf(head.join),
                 "concat without pools");
    return stack.hidden;
  }
  // A decoder's sequence may come in several calls.
  check.expect(stack.kind == StackKind::Encoder, at + ".pools", "present",
               "none, as the last stack is a decoder");
  check.expect(head.rows == RowSelection::All, at + ".rows", nameOf(head.rows),
               "none beside pools");
  check.expect(head.pools.size() <= maxPools, at + ".pools",
               "a list of " + Twine(head.pools.size()),
               "at most " + Twine(maxPools));
  int64_t sum = 0, first = 0;
  for (size_t i = 0; i < head.pools.size() && !check.failed(); ++i) {
    const Pool &pool = head.pools[i];
    std::string path = at + "." + indexed("pools", i);
    checkPooledRows(path, pool, stack);
    if (pool.attention && !check.failed())
      checkAttentionPool(path + ".attention_pool", *pool.attention, stack);
    int64_t width = checkHeadLayers(path, pool.layers, stack.hidden);
    if (i == 0)
      first = width;
    check.expect(head.join == PoolJoin::Concat || width == first, path,
                 Twine(width) + " features",
                 Twine(first) + ", as those before it, whose mean it joins");
    sum += width;
  }
  check.expect(sum <= maxFeatures, at + ".pools", Twine(sum) + " features",
               "at most " + Twine(maxFeatures));
  return head.join == PoolJoin::Concat ? sum : first;
}

/// A separator is looked for among the tokens of whole sequences.
void Validator::checkSegmentOffset(const std::string &at, const Head &head) {
  if (!head.segmentOffset)
    return;
  const Stack &stack = spec.stacks.back();
  check.expect(stack.kind == StackKind::Encoder && stack.embedding.tokens, at,
               "present", "none, as the last stack is no encoder of tokens");
  check.expect(head.scalar && !head.isOfSequences(), at, "present",
               "none but in a scalar head of all rows");
  check.range(at + ".separator", head.segmentOffset->separator, 0,
              std::max<int64_t>(stack.embedding.vocabulary - 1, 0));
  double offset = head.segmentOffset->offset;
  check.expect(fitsFloat(std::fabs(offset)), at + ".offset",
               formatDouble(offset), "a number that float32 has, but 0");
}

void Validator::checkHead(const std::string &at, const Head &head) {
  check.text(at + ".output", head.output);
  const Embedding &embedding = spec.stacks.back().embedding;
  bool isEncoder = spec.stacks.back().kind == StackKind::Encoder;
  bool byToken = head.rows == RowSelection::Token ||
                 head.rows == RowSelection::HighestToken;
  // A decoder's sequence may come in several calls: the first row is of the
  // first one and the last row of the last one, but the others are of any.
  check.expect(!byToken || (embedding.tokens && isEncoder), at + ".rows",
               nameOf(head.rows),
               "all, first or last, as the last stack is no encoder of tokens");
  check.range(at + ".token", head.token, 0,
              head.rows == RowSelection::Token
                  ? std::max<int64_t>(embedding.vocabulary - 1, 0)
                  : 0);
  check.expect(!head.layers.empty() || head.isOfSequences(), at + ".layers",
               "empty", "at least one layer");
  if (check.failed())
    return;
  int64_t width = checkPools(at, head);
  width = checkHeadLayers(at, head.layers, width);
  check.expect(!head.scalar || width == 1, at + ".scalar", "true",
               "false, as the head gives " + Twine(width) +
                   " numbers for each row");
  checkSegmentOffset(at + ".segment_offset", head);
  bool labelled = !spec.labels.empty() && &head == &spec.heads.front();
  if (labelled)
    check.expect(static_cast<int64_t>(spec.labels.size()) == width, "labels",
                 "a list of " + Twine(spec.labels.size()),
                 Twine(width) + " names, one for each class of the first head");
}
