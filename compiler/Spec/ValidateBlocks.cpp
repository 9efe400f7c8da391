//===- ValidateBlocks.cpp - Attention, feed-forward and their norms -------===//

#include "compiler/Spec/Validator.h"

#include <cmath>

using namespace ashlar;
using llvm::Twine;

/// Numbers that the scaling does not read would be ignored.
void Validator::checkUnusedScaling(const std::string &at,
                                   const Rotary &rotary) {
  RopeScalingKind kind = rotary.scaling;
  const Rotary defaults;
  auto unused = [&](const char *field, double found, double expected) {
    check.expect(found == expected, at + "." + field, formatDouble(found),
                 formatDouble(expected) + " where the scaling is " +
                     nameOf(kind));
  };
  if (kind == RopeScalingKind::None || kind == RopeScalingKind::LongRope)
    unused("factor", rotary.factor, defaults.factor);
  if (kind != RopeScalingKind::Llama3) {
    unused("low_frequency_factor", rotary.lowFrequencyFactor,
           defaults.lowFrequencyFactor);
    unused("high_frequency_factor", rotary.highFrequencyFactor,
           defaults.highFrequencyFactor);
  }
  if (kind != RopeScalingKind::Yarn) {
    unused("beta_fast", rotary.betaFast, defaults.betaFast);
    unused("beta_slow", rotary.betaSlow, defaults.betaSlow);
  }
  if (kind == RopeScalingKind::None || kind == RopeScalingKind::Linear)
    check.expect(rotary.originalMaxPositions == 0,
                 at + ".original_max_positions",
                 Twine(rotary.originalMaxPositions),
                 Twine("0 where the scaling is ") + nameOf(kind));
}

/// Factors of longrope: one for each pair.
void Validator::checkFactors(const std::string &at, const Rotary &rotary,
                             const std::vector<double> &factors) {
  bool isLongRope = rotary.scaling == RopeScalingKind::LongRope;
  int64_t expected = isLongRope ? rotary.dimensions / 2 : 0;
  check.expect(static_cast<int64_t>(factors.size()) == expected, at,
               "a list of " + Twine(factors.size()),
               isLongRope ? Twine(expected) + " numbers, one for each pair"
                          : Twine("none where the scaling is ") +
                                nameOf(rotary.scaling));
  for (size_t i = 0; i < factors.size() && !check.failed(); ++i)
    check.positive(at + "[" + std::to_string(i) + "]", factors[i]);
}

void Validator::checkRotary(const std::string &at, const Rotary &rotary,
                            int64_t headDim) {
  check.range(at + ".dimensions", rotary.dimensions, 2, headDim);
  check.expect(rotary.dimensions % 2 == 0, at + ".dimensions",
               Twine(rotary.dimensions), "an even number");
  check.positive(at + ".theta", rotary.theta);
  check.positive(at + ".factor", rotary.factor);
  check.positive(at + ".magnitude", rotary.magnitude);
  checkUnusedScaling(at, rotary);
  checkFactors(at + ".short_factors", rotary, rotary.shortFactors);
  checkFactors(at + ".long_factors", rotary, rotary.longFactors);
  if (rotary.dependsOnLength())
    check.range(at + ".original_max_positions", rotary.originalMaxPositions, 1,
                maxCount);
  if (rotary.scaling == RopeScalingKind::Dynamic) {
    check.expect(rotary.dimensions >= 4, at + ".dimensions",
                 Twine(rotary.dimensions), "at least 4 with dynamic");
    check.expect(rotary.factor >= 1.0, at + ".factor",
                 formatDouble(rotary.factor), "at least 1 with dynamic");
  }
  if (rotary.scaling == RopeScalingKind::Yarn) {
    check.positive(at + ".beta_slow", rotary.betaSlow);
    check.expect(
        rotary.betaFast > rotary.betaSlow && std::isfinite(rotary.betaFast),
        at + ".beta_fast", formatDouble(rotary.betaFast),
        "more than \"beta_slow\" (" + formatDouble(rotary.betaSlow) + ")");
    check.expect(rotary.theta > 1.0, at + ".theta", formatDouble(rotary.theta),
                 "more than 1 with yarn");
    check.range(at + ".original_max_positions", rotary.originalMaxPositions, 1,
                maxCount);
  }
  if (rotary.scaling != RopeScalingKind::Llama3)
    return;
  check.positive(at + ".low_frequency_factor", rotary.lowFrequencyFactor);
  check.positive(at + ".high_frequency_factor", rotary.highFrequencyFactor);
  check.expect(rotary.highFrequencyFactor > rotary.lowFrequencyFactor,
               at + ".high_frequency_factor",
               formatDouble(rotary.highFrequencyFactor),
               "more than \"low_frequency_factor\" (" +
                   formatDouble(rotary.lowFrequencyFactor) + ")");
  check.range(at + ".original_max_positions", rotary.originalMaxPositions, 1,
              maxCount);
}

void Validator::checkPositionBias(const std::string &at,
                                  const PositionBias &bias,
                                  const Attention &attention) {
  bool relative = bias.kind == PositionBiasKind::Relative;
  check.expect(attention.causal || relative, at + ".kind", "alibi",
               "relative, or \"causal\" in the attention: alibi has no bias "
               "for keys ahead of the query");
  check.expect(attention.causal || bias.bidirectional, at + ".bidirectional",
               "false", "true, as keys ahead of the query are seen");
  check.expect(relative == bias.table.has_value(), at + ".table",
               bias.table ? "present" : "absent",
               "it exactly where the bias is relative");
  check.positive(at + ".max_bias", bias.maxBias);
  check.positive(at + ".scale", bias.scale);
  check.expect(!relative || bias.scale == 1.0, at + ".scale",
               formatDouble(bias.scale), "1 in a relative bias");
  check.expect(!relative || bias.maxBias == PositionBias().maxBias,
               at + ".max_bias", formatDouble(bias.maxBias),
               "it to be left out in a relative bias, which does not read it");
  check.expect(relative ||
                   (!bias.buckets && !bias.maxDistance && !bias.bidirectional),
               at + ".buckets", Twine(bias.buckets),
               "no buckets, max_distance and bidirectional in alibi");
  if (check.failed() || !relative)
    return;
  int64_t least = bias.bidirectional ? 4 : 2;
  check.range(at + ".buckets", bias.buckets, least, maxFeatures);
  check.range(at + ".max_distance", bias.maxDistance, bias.buckets / least + 1,
              maxCount);
  check.expect(!bias.table->transposed && !bias.table->count, at + ".table",
               "a part of a tensor", "all of it");
  if (!check.failed())
    checkMatrix(at + ".table", *bias.table, bias.buckets, attention.heads);
}

/// A decoder's sequences grow: what depends on their length would change.
void Validator::checkMask(const std::string &at, const Mask &mask,
                          const Stack &stack) {
  check.expect(sizeOf(mask) <= maxMaskParts, at,
               "of " + Twine(sizeOf(mask)) + " parts",
               "at most " + Twine(maxMaskParts));
  check.expect(stack.kind == StackKind::Encoder || !readsLength(mask), at,
               "dependent on the sequence's length",
               "no last_block, last_block_queries and length_up_to in a "
               "decoder");
  check.expect(stack.marks || !readsMarks(mask), at, "dependent on marks",
               "\"marks\" in the stack, which say where they come from");
}

void Validator::checkMasks(const std::string &at, const Attention &attention,
                           const Stack &stack) {
  if (attention.mask)
    checkMask(at + ".mask", *attention.mask, stack);
  if (!attention.repeated)
    return;
  checkMask(at + ".repeated.keys", attention.repeated->keys, stack);
  check.range(at + ".repeated.times", attention.repeated->times, 2, maxCount);
}

void Validator::checkMarked(const std::string &at, const Attention &attention,
                            const Stack &stack) {
  if (!attention.marked)
    return;
  check.expect(stack.marks.has_value(), at, "present",
               "\"marks\" in the stack, which say where they come from");
  const MarkedAttention &marked = *attention.marked;
  const char *ofStack = "the stack's hidden";
  int64_t width = attention.heads * attention.headDim;
  int64_t kvWidth = attention.kvHeads * attention.headDim;
  checkProjection(at + ".query", marked.query, stack.hidden, ofStack, width,
                  "heads * head_dim");
  checkProjection(at + ".key", marked.key, stack.hidden, ofStack, kvWidth,
                  "kv_heads * head_dim");
  checkProjection(at + ".value", marked.value, stack.hidden, ofStack, kvWidth,
                  "kv_heads * head_dim");
}

/// A linear that may be absent where the widths agree.
void Validator::checkProjection(const std::string &at, const Linear &linear,
                                int64_t in, const char *whoseIn, int64_t out,
                                const char *whoseOut) {
  if (linear.exists())
    return checkLinear(at, linear, in, whoseIn, out, whoseOut);
  check.expect(in == out, at, "absent",
               Twine("it, as ") + whoseIn + " (" + Twine(in) + ") is not " +
                   whoseOut + " (" + Twine(out) + ")");
}

/// A norm of queries or keys: of each head by itself, with one gain or each
/// with its own, or of all together.
void Validator::checkHeadsNorm(const std::string &at,
                               const std::optional<Norm> &norm, int64_t headDim,
                               int64_t width) {
  if (!norm)
    return;
  bool isOfHead = norm->features == headDim && norm->groups == 1;
  checkNorm(at, *norm, isOfHead ? headDim : width, width / headDim);
}

void Validator::checkAttention(const std::string &at,
                               const Attention &attention, int64_t hidden,
                               int64_t sourceHidden) {
  check.range(at + ".heads", attention.heads, 1, maxHeads);
  check.range(at + ".kv_heads", attention.kvHeads, 1, maxHeads);
  check.range(at + ".head_dim", attention.headDim, 1, maxHeads);
  if (check.failed())
    return;
  check.expect(attention.heads % attention.kvHeads == 0, at + ".kv_heads",
               Twine(attention.kvHeads),
               "a divisor of \"heads\" (" + Twine(attention.heads) + ")");
  check.positive(at + ".scale", attention.scale);
  if (attention.rotary)
    checkRotary(at + ".rotary", *attention.rotary, attention.headDim);
  check.range(at + ".window", attention.window, 0, maxCount);
  if (attention.softCap)
    check.positive(at + ".soft_cap", *attention.softCap);
  if (attention.clip)
    check.positive(at + ".clip", *attention.clip);
  if (attention.positionBias)
    checkPositionBias(at + ".position_bias", *attention.positionBias,
                      attention);

  int64_t width = attention.heads * attention.headDim;
  int64_t kvWidth = attention.kvHeads * attention.headDim;
  check.expect(width <= maxFeatures, at + ".head_dim", Twine(attention.headDim),
               "heads * head_dim of at most " + Twine(maxFeatures));
  checkHeadsNorm(at + ".query_norm", attention.queryNorm, attention.headDim,
                 width);
  checkHeadsNorm(at + ".key_norm", attention.keyNorm, attention.headDim,
                 kvWidth);
  const char *ofHeads = "heads * head_dim";
  const char *ofKvHeads = "kv_heads * head_dim";
  const char *ofStack = "the stack's hidden";
  const char *ofSource = "the hidden of what is attended to";
  checkProjection(at + ".query", attention.query, hidden, ofStack, width,
                  ofHeads);
  checkProjection(at + ".key", attention.key, sourceHidden, ofSource, kvWidth,
                  ofKvHeads);
  checkProjection(at + ".value", attention.value, sourceHidden, ofSource,
                  kvWidth, ofKvHeads);
  checkProjection(at + ".output", attention.output, width, ofHeads, hidden,
                  ofStack);
  if (attention.additiveVector)
    checkVector(at + ".additive_vector", *attention.additiveVector, width);
}

void Validator::checkExperts(const std::string &at, const Experts &experts,
                             int64_t hidden) {
  check.range(at + ".count", experts.count, 1, maxExperts);
  if (check.failed())
    return;
  check.range(at + ".top_k", experts.topK, 1, experts.count);
  checkLinear(at + ".router", experts.router, hidden, "the stack's hidden",
              experts.count, "the count of experts");
}

void Validator::checkFeedForward(const std::string &at,
                                 const FeedForward &feedForward, int64_t hidden,
                                 const char *whose) {
  int64_t width = feedForward.width;
  check.range(at + ".width", width, 1, maxFeatures);
  if (feedForward.experts)
    checkExperts(at + ".experts", *feedForward.experts, hidden);
  amongExperts = feedForward.experts.has_value();
  const char *ofWidth = "the feed-forward width";
  if (feedForward.gate)
    checkLinear(at + ".gate", *feedForward.gate, hidden, whose, width, ofWidth);
  checkLinear(at + ".up", feedForward.up, hidden, whose, width, ofWidth);
  checkLinear(at + ".down", feedForward.down, width, ofWidth, hidden, whose);
  amongExperts = false;
}

/// Which norms a block has depends on where they stand.
void Validator::checkNorms(const std::string &at, const Block &block,
                           int64_t hidden) {
  bool isPre = block.placement == NormPlacement::Pre;
  struct Place {
    const char *name;
    const std::optional<Norm> &norm;
    bool required, allowed, isCross = false;
  };
  bool isPost = block.placement == NormPlacement::Post;
  bool cross = block.crossAttention.has_value();
  bool feeds = block.feedForward.exists();
  const Place places[] = {
      {"attention_norm", block.attentionNorm, !isPre, true},
      {"cross_attention_norm", block.crossAttentionNorm, isPost && cross, cross,
       /*isCross=*/true},
      {"feed_forward_norm", block.feedForwardNorm, isPost && feeds, true},
      {"attention_output_norm", block.attentionOutputNorm, false, isPre},
      {"cross_attention_output_norm", block.crossAttentionOutputNorm, false,
       isPre && cross, /*isCross=*/true},
      {"feed_forward_output_norm", block.feedForwardOutputNorm, false, isPre}};
  for (const Place &place : places) {
    std::string path = at + "." + place.name;
    bool present = place.norm.has_value();
    check.expect(present || !place.required, path, "absent",
                 Twine("a norm, as the placement is ") +
                     nameOf(block.placement));
    check.expect(!present || !place.isCross || cross, path, "present",
                 "none without a cross_attention");
    check.expect(!present || place.allowed, path, "present",
                 Twine("none where the placement is ") +
                     nameOf(block.placement));
    if (present && !check.failed())
      checkNorm(path, *place.norm, hidden);
  }
}

/// Numbers that multiply what a sub-block gives.
void Validator::checkScale(const std::string &at, const Block &block,
                           const std::optional<Weight> &scale, int64_t hidden) {
  if (!scale)
    return;
  check.expect(block.placement == NormPlacement::Pre, at, "present",
               Twine("none where the placement is ") + nameOf(block.placement));
  if (!check.failed())
    checkVector(at, *scale, hidden);
}

void Validator::checkBlock(const std::string &at, const Block &block,
                           const Stack &stack) {
  check.text(at + ".name", block.name);
  bool isDecoder = stack.kind == StackKind::Decoder;
  const Attention &own = block.attention;
  if (isDecoder && !own.causal && own.mask)
    check.expect(
        false, at + ".attention.mask", "\"" + printMask(*own.mask) + "\"",
        "\"causal & (...)\" in a decoder, whose tokens come one after "
        "the other; where some see keys ahead of them, as in a prefix, "
        "make the stack an encoder");
  check.expect(own.causal || !isDecoder, at + ".attention.causal", "false",
               "true in a decoder");
  checkAttention(at + ".attention", block.attention, stack.hidden,
                 stack.hidden);
  checkMasks(at + ".attention", block.attention, stack);
  if (!check.failed())
    checkMarked(at + ".attention.marked", block.attention, stack);

  const Stack *source = isDecoder ? spec.encoder() : nullptr;
  std::string cross = at + ".cross_attention";
  check.expect(block.crossAttention.has_value() == (source != nullptr), cross,
               block.crossAttention ? "present" : "absent",
               source ? "the decoder's attention to the encoder"
                      : "none without an encoder to attend to");
  check.expect(!source || block.placement != NormPlacement::Parallel,
               at + ".placement", "parallel", "pre or post with an encoder");
  if (check.failed())
    return;
  if (source) {
    const Attention &attention = *block.crossAttention;
    check.expect(!attention.causal, cross + ".causal", "true", "false");
    check.expect(!attention.rotary, cross + ".rotary", "present",
                 "none in cross-attention");
    check.expect(!attention.positionBias, cross + ".position_bias", "present",
                 "none in cross-attention");
    check.expect(!attention.window, cross + ".window", Twine(attention.window),
                 "0 in cross-attention");
    check.expect(!attention.mask, cross + ".mask", "present",
                 "none in cross-attention");
    check.expect(!attention.repeated, cross + ".repeated", "present",
                 "none in cross-attention");
    check.expect(!attention.marked, cross + ".marked", "present",
                 "none in cross-attention");
    checkAttention(cross, attention, stack.hidden, source->hidden);
  }
  checkNorms(at, block, stack.hidden);
  checkScale(at + ".attention_scale", block, block.attentionScale,
             stack.hidden);
  checkScale(at + ".feed_forward_scale", block, block.feedForwardScale,
             stack.hidden);
  check.expect(block.feedForward.exists() || !block.feedForwardScale,
               at + ".feed_forward_scale", "present",
               "none without a feed-forward");
  if (block.feedForward.exists())
    checkFeedForward(at + ".feed_forward", block.feedForward, stack.hidden);
  else
    check.expect(!block.feedForwardNorm && !block.feedForwardOutputNorm &&
                     block.placement != NormPlacement::Parallel,
                 at + ".feed_forward", "absent",
                 "it, as its norm is there or the placement is parallel");
  check.expect(block.residual || block.placement != NormPlacement::Parallel,
               at + ".residual", "false", "true where blocks are parallel");
}

void Validator::checkBlocks(const std::string &at, const Stack &stack) {
  check.expect(!stack.blocks.empty(), at + ".blocks", "empty",
               "at least one block");
  int64_t next = 0;
  for (size_t i = 0; i < stack.blocks.size() && !check.failed(); ++i) {
    const BlockGroup &group = stack.blocks[i];
    std::string path = at + "." + indexed("blocks", i);
    check.equal(path + ".first", group.first, "the layer after those before it",
                next);
    if (!check.range(path + ".count", group.count, 1, maxLayers - next))
      return;
    layersOfGroup = group.count;
    checkBlock(path, group.block, stack);
    layersOfGroup = 0;
    next += group.count;
  }
}
