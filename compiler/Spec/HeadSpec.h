//===- HeadSpec.h - What a head of a transformer is ------------*- C++ -*-===//
//
// What is computed of the last stack's hidden states: of which rows, or of what
// pools make of a sequence's rows, and by which layers.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_COMPILER_SPEC_HEADSPEC_H
#define ASHLAR_COMPILER_SPEC_HEADSPEC_H

#include "compiler/Spec/BlockSpec.h"

namespace ashlar {

/// Rows of the hidden states that a head reads: every token, or one of each
/// sequence: the first, the last, the first one with a given id (the first one
/// of all where there is none), or the first of the highest id.
enum class RowSelection { All, First, Last, Token, HighestToken };
/// What becomes of several rows of a sequence: they lie behind each other, or
/// it is their mean.
enum class PoolJoin { Concat, Mean };

/// norm(act(cap(scale * linear(x)))), each part optional. In the linear's place
/// may stand x + feed_forward(x).
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

} // namespace ashlar

#endif // ASHLAR_COMPILER_SPEC_HEADSPEC_H
