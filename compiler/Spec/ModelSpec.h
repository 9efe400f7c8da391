//===- ModelSpec.h - What a transformer is ---------------------*- C++ -*-===//
//
// The description that every importer produces and everything after it reads:
// stacks of blocks (BlockSpec.h), heads (HeadSpec.h), and what a checkpoint and
// generation have of their own. It knows no MLIR.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_MODELSPEC_H
#define ASHLAR_COMPILER_SPEC_MODELSPEC_H

#include "compiler/Spec/HeadSpec.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ashlar {

enum class PositionKind { None, Learned, Sinusoidal };
/// Interleaved: sin and cos alternate (the 2017 paper); SplitHalf: all sines,
/// then all cosines (Marian).
enum class SinusoidalOrder { Interleaved, SplitHalf };
enum class StackKind { Encoder, Decoder };
/// Tokens that are marked where the caller marks none: none, the first one of
/// each sequence, or those before the first one with a given id (none where
/// there is no such one).
enum class MarkRule { None, First, Before };
/// How a sequence's rows become one. Other: in a way that is not known here.
enum class Pooling { Mean, Cls, Last, Max, Other };
/// When beam search is over, as many sequences having ended as there are beams:
/// False: when none could beat them at its present length; True: at once;
/// Never: when none could beat them at any length.
enum class EarlyStopping { False, True, Never };

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
