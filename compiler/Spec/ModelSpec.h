//===- ModelSpec.h - What a transformer is ---------------------*- C++ -*-===//
//
// The description that every importer produces and everything after it reads:
// per-layer block descriptions and the names of the checkpoint's tensors. It
// knows no MLIR. Shapes are logical: a weight is [out, in] whatever way the
// checkpoint stores it.
//
// "{layer}" in a tensor's name stands for the layer's index, so layers that
// differ in nothing else are one BlockGroup and are compiled once.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_MODELSPEC_H
#define ASHLAR_COMPILER_SPEC_MODELSPEC_H

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
enum class PositionKind { None, Learned, Sinusoidal };
/// Interleaved: sin and cos alternate (the 2017 paper); SplitHalf: all sines,
/// then all cosines (Marian).
enum class SinusoidalOrder { Interleaved, SplitHalf };
enum class RopeScalingKind { None, Linear, Llama3, Yarn, Dynamic, LongRope };
enum class PositionBiasKind { Alibi, Relative };
enum class StackKind { Encoder, Decoder };
/// Tokens that are marked where the caller marks none: none, the first one of
/// each sequence, or those before the first one with a given id (none where
/// there is no such one).
enum class MarkRule { None, First, Before };
/// Rows of the hidden states that a head reads: every token, or one of each
/// sequence: the first, the last, the first one with a given id (the first one
/// of all where there is none), or the first of the highest id.
enum class RowSelection { All, First, Last, Token, HighestToken };
/// What becomes of several rows of a sequence: they lie behind each other, or
/// it is their mean.
enum class PoolJoin { Concat, Mean };
/// How a sequence's rows become one. Other: in a way that is not known here.
enum class Pooling { Mean, Cls, Last, Max, Other };
/// When beam search is over, as many sequences having ended as there are beams:
/// False: when none could beat them at its present length; True: at once;
/// Never: when none could beat them at any length.
enum class EarlyStopping { False, True, Never };

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

struct Positions {
  PositionKind kind = PositionKind::None;
  int64_t count = 0;  // usable positions
  int64_t offset = 0; // first row of the table in use (bart: 2)
  // What a sequence's first token has where no positions are given (roberta:
  // 2), and whether positions count tokens or the columns of a padded batch.
  int64_t first = 0;
  bool byToken = false;
  std::optional<Weight> table;                          // learned
  SinusoidalOrder order = SinusoidalOrder::Interleaved; // sinusoidal
  // Sinusoidal: whether wavelengths end with 10000 * 2 pi (fairseq) or with
  // what comes before it (the 2017 paper).
  bool inclusive = false;
  // Sinusoidal, by token: the padding's row, that before `first`, is zero.
  bool zeroPadding = false;
  bool operator==(const Positions &) const = default;
};

/// act(y W^T + b) with y = the rows from i * stride - padding on, `kernel` of
/// them behind each other, zeros outside of the sequence: a sequence of n *
/// stride rows gives n.
struct Convolution {
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t padding = 0; // rows in front
  Linear linear;       // kernel * features -> features of the result
  std::optional<Activation> activation;
  int64_t features() const { return linear.inFeatures / kernel; }
  bool operator==(const Convolution &) const = default;
};

/// An image [channels, height, width] as rows (Dosovitskiy et al. 2021): first
/// `prefix`, learned vectors such as a class token, then linear(patch) for each
/// patch, line by line. A patch's numbers lie channel by channel, line by line.
/// What is left of the image at its right and lower edge is not read.
struct Patches {
  int64_t channels = 0;
  int64_t imageHeight = 0;
  int64_t imageWidth = 0;
  int64_t patchHeight = 0;
  int64_t patchWidth = 0;
  Linear projection;          // features() -> hidden
  std::vector<Weight> prefix; // [hidden] each
  int64_t features() const { return channels * patchHeight * patchWidth; }
  /// Rows of an image: every sequence has as many.
  int64_t rows() const {
    return static_cast<int64_t>(prefix.size()) +
           (imageHeight / patchHeight) * (imageWidth / patchWidth);
  }
  bool operator==(const Patches &) const = default;
};

/// norm(tokens[id] * scale + types[type] + position). Without `tokens` the
/// stack takes float vectors, which `stem` makes rows of tokens of, or, with
/// `patches`, images. Tables of another width than the stack's come with one
/// projection: of the tokens alone, or of what the norm gives.
struct Embedding {
  int64_t vocabulary = 0;
  int64_t width = 0;            // of the table of tokens; 0 = hidden
  std::optional<Weight> tokens; // [vocabulary, width]
  std::optional<Patches> patches;
  double scale = 1.0;
  std::vector<Convolution> stem;         // of vectors
  std::optional<Linear> tokenProjection; // width -> hidden
  std::optional<Linear> projection;      // width -> hidden
  int64_t tokenTypes = 0;
  std::optional<Weight> tokenTypeTable; // [tokenTypes, hidden]
  // Types are no input: they are 0 up to the first token of this id in a
  // sequence (of its first token alone where there is none), 1 behind it.
  std::optional<int64_t> typeSeparator;
  Positions positions;
  std::optional<Norm> norm;
  /// Rows of the input that make one token.
  int64_t rowsPerToken() const;
  bool operator==(const Embedding &) const = default;
};

/// An input of 0 and 1 for each token, which masks may ask for.
struct Marks {
  std::string input; // "global_attention_mask"
  MarkRule otherwise = MarkRule::None;
  int64_t token = 0; // of MarkRule::Before
  bool operator==(const Marks &) const = default;
};

struct Stack {
  StackKind kind = StackKind::Decoder;
  int64_t hidden = 0;
  int64_t maxPositions = 0; // 0 = no limit of the model's own
  // Generation computes a sequence that reaches so many tokens anew, with the
  // angles of its new length for all keys; 0 = keys stay as they are.
  int64_t recomputeLength = 0;
  std::string input; // "input_ids", "decoder_input_ids", "src", "tgt"
  // Arrays of input vectors are [batch, features, rows], not [batch, rows,
  // features].
  bool featuresFirst = false;
  std::optional<Marks> marks;
  std::string output; // "last_hidden_state", "encoder_last_hidden_state", ...
  Embedding embedding;
  std::vector<BlockGroup> blocks;
  std::optional<Norm> finalNorm;
  /// Features of the vectors that a stack without tokens takes.
  int64_t vectorFeatures() const;
  bool operator==(const Stack &) const = default;
};

/// norm(act(cap(scale * linear(x)))), each part optional. With a feed-forward,
/// which a linear has none beside it: norm(x + feed_forward(x)).
struct HeadLayer {
  std::optional<Linear> linear;
  FeedForward feedForward; // may be absent
  double scale = 1.0;
  std::optional<double> softCap; // cap * tanh(x / cap)
  std::optional<Activation> activation;
  std::optional<Norm> norm;
  bool operator==(const HeadLayer &) const = default;
};

/// Attention of one query, the learned `probe`, to a sequence's rows, then x +
/// feed_forward(norm(x)).
struct AttentionPool {
  Weight probe; // [hidden]
  Attention attention;
  std::optional<Norm> norm;
  FeedForward feedForward; // may be absent
  bool operator==(const AttentionPool &) const = default;
};

/// One row made of those of a sequence: what attention gives, or the mean of
/// rows [from, from + count), of which a single one is a case; count 0 = of all
/// from `from` on. Then `layers`.
struct Pool {
  int64_t from = 0;
  int64_t count = 0;
  std::optional<AttentionPool> attention;
  std::vector<HeadLayer> layers;
  bool operator==(const Pool &) const = default;
};

/// `offset` is added to what a head gives for a sequence's tokens up to the
/// first one of the id `separator`, but for the first of all; to none where
/// there is no such one.
struct SegmentOffset {
  int64_t separator = 0;
  double offset = 0.0;
  bool operator==(const SegmentOffset &) const = default;
};

/// Layers on top of the last stack's hidden states: of the rows that it
/// selects, or of what `pools`, joined, make of each sequence.
struct Head {
  std::string output; // "logits", "pooler_output"
  RowSelection rows = RowSelection::All;
  int64_t token = 0; // of RowSelection::Token
  std::vector<Pool> pools;
  PoolJoin join = PoolJoin::Concat;
  bool scalar = false; // one number for each row: no axis of features
  std::vector<HeadLayer> layers;
  std::optional<SegmentOffset> segmentOffset; // of all rows
  /// Whether it gives a row for each sequence, not for each token.
  bool isOfSequences() const {
    return rows != RowSelection::All || !pools.empty();
  }
  /// Whether it reads whole sequences, not rows that are chosen.
  bool readsSequences() const { return !pools.empty() || segmentOffset; }
  bool operator==(const Head &) const = default;
};

/// How the names of a checkpoint may differ from the canonical names above.
struct CheckpointRules {
  /// Prefixes that a checkpoint may lack or have ("transformer.", "bert.").
  std::vector<std::string> optionalPrefixes;
  /// Suffix of the canonical name, suffix that some checkpoints use instead.
  std::vector<std::pair<std::string, std::string>> suffixAliases;
  /// Tensors without effect: patterns in which '*' matches any text.
  std::vector<std::string> ignorable;
  bool operator==(const CheckpointRules &) const = default;
};

/// What decoding needs of generation_config.json (or config.json).
struct Generation {
  std::vector<int64_t> endTokens;
  std::optional<int64_t> decoderStartToken;
  std::vector<int64_t> decoderPrompt; // behind it (forced_decoder_ids)
  std::optional<int64_t> padToken;
  std::optional<int64_t> forcedFirstToken; // forced_bos_token_id
  std::optional<int64_t> forcedLastToken;  // forced_eos_token_id
  std::vector<int64_t> suppressedTokens;   // never chosen
  std::vector<int64_t> suppressedAtBegin;  // not as the first new token
  std::optional<int64_t> maxLength;        // prompt and new tokens together
  std::optional<int64_t> maxNewTokens;
  // Of beam search, which nothing here asks for:
  double lengthPenalty = 1.0;
  EarlyStopping earlyStopping = EarlyStopping::False;
  int64_t numReturnSequences = 1;
  bool operator==(const Generation &) const = default;
};

/// What makes a sentence embedding of the last stack's rows.
struct SentenceEmbedding {
  Pooling pooling = Pooling::Mean;
  bool normalize = false; // to length 1
  bool operator==(const SentenceEmbedding &) const = default;
};

struct ModelSpec {
  std::string family; // "gpt2", "llama", ...
  /// Encoder only, decoder only, or encoder then decoder.
  std::vector<Stack> stacks;
  std::vector<Head> heads;
  std::vector<std::string> labels; // of a classifier, by id
  CheckpointRules checkpoint;
  Generation generation;
  std::optional<SentenceEmbedding> sentence; // where the model's files say it

  const Stack *encoder() const;
  const Stack *decoder() const;
  bool operator==(const ModelSpec &) const = default;
};

/// Rows and columns of a matrix that is stored as `stored`, of at least two
/// sizes, and is no convolution: those of more are read as Weight says.
std::pair<int64_t, int64_t> matrixShape(const std::vector<int64_t> &stored);

/// Name of an enumerator in YAML, IR and messages. One table each (Names.cpp).
const char *nameOf(Activation value);
const char *nameOf(NormKind value);
const char *nameOf(NormPlacement value);
const char *nameOf(PositionKind value);
const char *nameOf(SinusoidalOrder value);
const char *nameOf(RopeScalingKind value);
const char *nameOf(PositionBiasKind value);
const char *nameOf(StackKind value);
const char *nameOf(MarkRule value);
const char *nameOf(RowSelection value);
const char *nameOf(PoolJoin value);
const char *nameOf(Pooling value);
const char *nameOf(EarlyStopping value);

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_MODELSPEC_H
