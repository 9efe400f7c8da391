//===- BlockSpec.h - What a block of a transformer is ----------*- C++ -*-===//
//
// Weights by the names of their tensors, and what is made of them: linears,
// norms, attention, feed-forward, blocks. Shapes are logical: a weight is
// [out, in] whatever way the checkpoint stores it.
//
// "{layer}" in a tensor's name stands for the layer's index, so layers that
// differ in nothing else are one BlockGroup and are compiled once.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_BLOCKSPEC_H
#define ASHLAR_COMPILER_SPEC_BLOCKSPEC_H

#include "compiler/Spec/Mask.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ashlar {

/// QuickGelu: x * sigmoid(1.702 x).
enum class Activation { Relu, Gelu, GeluTanh, Silu, Tanh, QuickGelu };
enum class NormKind { LayerNorm, RmsNorm };
/// Pre: x + f(norm(x)), attention first, then the feed-forward. Post: norm(x +
/// f(x)). Parallel: x + attention(norm(x)) + feed_forward(norm(x)).
enum class NormPlacement { Pre, Post, Parallel };
enum class RopeScalingKind { None, Linear, Llama3, Yarn, Dynamic, LongRope };
enum class PositionBiasKind { Alibi, Relative };

/// A named tensor of the checkpoint, or some of its rows.
struct Weight {
  std::string tensor;
  // Shape in the checkpoint. Of more than two sizes, leading ones are left out
  // as far as that goes, and what is behind the first size left is one row.
  std::vector<int64_t> stored;
  bool transposed = false; // stored as [in, out] (GPT-2's Conv1D)
  // Stored as [out, in, taps]: column t * in + c is number [c][t] of a row.
  bool convolution = false;
  // Rows [begin, begin + count) of the logical tensor; count 0 = all. With
  // `piece`, the count comes in pieces of that many rows, whose first rows lie
  // `every` rows apart (heads that lie beside others).
  int64_t begin = 0;
  int64_t count = 0;
  int64_t piece = 0;
  int64_t every = 0;
  // So many tensors behind each other make a vector, if not one: "{part}" in
  // the name stands for the index.
  int64_t parts = 1;
  bool operator==(const Weight &) const = default;
};

/// y = x W^T + b. Without features there is none: where that is allowed, y = x.
struct Linear {
  int64_t inFeatures = 0;
  int64_t outFeatures = 0;
  bool exists() const { return outFeatures != 0; }
  Weight weight;              // [out, in]
  std::optional<Weight> bias; // [out]
  bool operator==(const Linear &) const = default;
};

struct Norm {
  NormKind kind = NormKind::LayerNorm;
  int64_t features = 0;
  int64_t groups = 1; // parts of a row, each normalized by itself
  double epsilon = 1e-5;
  std::optional<Weight> gain; // [features]
  double gainOffset = 0.0;    // added to the gain (gemma: 1)
  std::optional<Weight> bias; // [features]
  bool operator==(const Norm &) const = default;
};

/// Rotary positions over the first `dimensions` entries of each head (Su et al.
/// 2021). Pairs are (i, i + dimensions/2), or (2i, 2i + 1) when interleaved.
struct Rotary {
  int64_t dimensions = 0;
  bool interleaved = false;
  double theta = 10000.0;
  RopeScalingKind scaling = RopeScalingKind::None;
  double factor = 1.0;
  double lowFrequencyFactor = 1.0;  // llama3
  double highFrequencyFactor = 4.0; // llama3
  int64_t originalMaxPositions = 0; // llama3, yarn, dynamic, longrope
  double betaFast = 32.0;           // yarn: turns over the original length that
  double betaSlow = 1.0;            // are kept, and that are wholly scaled
  double magnitude = 1.0; // yarn, longrope: multiplies cosines and sines
  // longrope: what divides the frequency of each pair, in sequences of up to
  // the original length and in longer ones.
  std::vector<double> shortFactors;
  std::vector<double> longFactors;
  /// Whether frequencies depend on the length that a sequence has reached.
  bool dependsOnLength() const {
    return scaling == RopeScalingKind::Dynamic ||
           scaling == RopeScalingKind::LongRope;
  }
  bool operator==(const Rotary &) const = default;
};

/// A number for each head and distance d = key index - query index, added to
/// the scaled scores. Alibi (Press et al. 2021): slope(head) * d * scale, with
/// slopes 2^(-maxBias * k / heads). Relative (Raffel et al. 2019):
/// table[bucket(d)][head], buckets growing with the logarithm of the distance
/// up to maxDistance.
struct PositionBias {
  PositionBiasKind kind = PositionBiasKind::Alibi;
  double maxBias = 8.0;        // alibi
  double scale = 1.0;          // alibi
  std::optional<Weight> table; // relative: [buckets, heads]
  int64_t buckets = 0;         // relative
  int64_t maxDistance = 0;     // relative
  bool bidirectional = false;  // relative: half of the buckets look ahead
  bool operator==(const PositionBias &) const = default;
};

/// Keys that count `times` times in the softmax, as if they stood there so
/// often.
struct RepeatedKeys {
  Mask keys;
  int64_t times = 0;
  bool operator==(const RepeatedKeys &) const = default;
};

/// What queries that are marked attend by, to all keys: projections of their
/// own (Beltagy et al. 2020, section 3.1). All else is as for the others.
struct MarkedAttention {
  Linear query; // as those of Attention
  Linear key;
  Linear value;
  bool operator==(const MarkedAttention &) const = default;
};

struct Attention {
  int64_t heads = 0;
  int64_t kvHeads = 0;
  int64_t headDim = 0;
  double scale = 1.0; // multiplies the scores
  bool causal = false;
  int64_t window = 0;       // sees keys less than so far away; 0 = all
  std::optional<Mask> mask; // of those keys it sees what this admits
  std::optional<RepeatedKeys> repeated;
  std::optional<Rotary> rotary;
  std::optional<PositionBias> positionBias;
  std::optional<double> softCap; // scores become cap * tanh(score / cap)
  /// [heads * headDim]: scores are v^T tanh(q + k) (Bahdanau et al. 2014), not
  /// q^T k; v of each head.
  std::optional<Weight> additiveVector;
  std::optional<double> clip; // queries, keys, values become at most so large
  // Behind clip, before positions are applied; over each head by itself
  // (features = head_dim, or groups = heads) or over all heads together.
  std::optional<Norm> queryNorm;
  std::optional<Norm> keyNorm;
  // Each may be absent where the widths agree.
  Linear query;  // hidden -> heads * headDim
  Linear key;    // hidden of the source -> kvHeads * headDim
  Linear value;  // the same
  Linear output; // heads * headDim -> hidden
  std::optional<MarkedAttention> marked; // the mask is that of other queries
  bool operator==(const Attention &) const = default;
};

/// Of `count` feed-forward blocks, a row goes to the `topK` whose logits
/// router(x) are the largest (of equal ones the first), and gets the sum of
/// what they give, each times its part of the softmax over all logits or, with
/// `renormalize`, over the chosen ones (Shazeer et al. 2017).
struct Experts {
  int64_t count = 0;
  int64_t topK = 0;
  bool renormalize = false;
  Linear router; // hidden -> count
  bool operator==(const Experts &) const = default;
};

/// down(act(up(x))), or down(act(gate(x)) * up(x)) when gated. Without a width
/// the block has none. With `experts` there are so many of it, and "{expert}"
/// in the names of its tensors stands for the index.
struct FeedForward {
  int64_t width = 0;
  bool exists() const { return width != 0; }
  Activation activation = Activation::Gelu;
  std::optional<Linear> gate;
  Linear up;
  Linear down;
  std::optional<Experts> experts;
  bool operator==(const FeedForward &) const = default;
};

struct Block {
  std::string name; // "model.layers.{layer}", for locations and reports
  NormPlacement placement = NormPlacement::Pre;
  bool residual = true; // whether sub-blocks are added to what they read
  Attention attention;
  std::optional<Norm> attentionNorm;
  std::optional<Attention> crossAttention;
  std::optional<Norm> crossAttentionNorm;
  FeedForward feedForward;
  // Parallel: absent where the attention's is read.
  std::optional<Norm> feedForwardNorm;
  // Pre only: of what a sub-block gives, before it is added (sandwich norms).
  std::optional<Norm> attentionOutputNorm;
  std::optional<Norm> crossAttentionOutputNorm;
  std::optional<Norm> feedForwardOutputNorm;
  // Pre only: [hidden] numbers that multiply what a sub-block gives, behind
  // such a norm (LayerScale, Touvron et al. 2021).
  std::optional<Weight> attentionScale;
  std::optional<Weight> feedForwardScale;
  bool operator==(const Block &) const = default;
};

/// Layers [first, first + count) that share one description.
struct BlockGroup {
  int64_t first = 0;
  int64_t count = 0;
  Block block;
  bool operator==(const BlockGroup &) const = default;
};

/// Rows and columns of a matrix that is stored as `stored`, of at least two
/// sizes, and is no convolution: those of more are read as Weight says.
std::pair<int64_t, int64_t> matrixShape(const std::vector<int64_t> &stored);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_BLOCKSPEC_H
