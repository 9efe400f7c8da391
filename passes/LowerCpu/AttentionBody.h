//===- AttentionBody.h - Online softmax over segments of keys --*- C++ -*-===//
//
// A tile is a piece of a sequence (up to `tile_rows` rows) and one kv head,
// with all query heads that share it: its rows are (row, query head) pairs. For
// each segment of 256 keys, in order: scores, exponentials, mix; the maximum,
// the sum and the mixed values of each row are carried from segment to segment
// (Milakov and Gimelshein 2018), through a split of 1024 keys; those of splits
// are merged in order (AttentionSplits.cpp). Segments and splits lie at
// absolute positions, so a row's bits depend neither on the tile that it is in
// nor on the call.
//
// With a pattern, a block of rows goes through the steps of 32 keys of a
// segment that some row may see (PatternSegment.cpp), and compares in each.
//
// What the keys are of (float32, bf16, int8) decides how scores and mix are
// computed: the parts that are left to derived classes.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_ATTENTIONBODY_H
#define ASHLAR_PASSES_LOWERCPU_ATTENTIONBODY_H

#include "passes/LowerCpu/Operands.h"
#include "passes/LowerCpu/PatternBounds.h"
#include "runtime/abi.h"

namespace ashlar {

/// Lines from one row of scores to the next: an odd number, so that the rows of
/// a tile fall into all sets of L1.
constexpr int64_t scoreRowLines = ASHLAR_SEGMENT_KEYS * 4 / lineBytes + 1;

class AttentionBody {
public:
  using Value = mlir::Value;

  virtual ~AttentionBody() = default;
  /// Emits tile `tile`.
  void tile(Value tile);

protected:
  AttentionBody(Emitter &e, ir::AttentionOp op, int64_t capacity);

  /// Called when `queries` holds the tile's rows.
  virtual void takeQueries() {}
  /// Called when `head` is the byte offset of a segment in `base`, of which
  /// the tile sees the first `keys` keys.
  virtual void openSegment(Value head, Value keys) = 0;
  /// scores[i][key] = query of row first + i times key, for keys [begin, end);
  /// `begin` is a multiple of 32.
  virtual void computeScores(Value first, Value count, Value begin,
                             Value end) = 0;
  /// 16 of these scores, scaled.
  virtual Value loadScores(Value i, Value column) {
    return e.loadVector(scores, {i, column});
  }
  /// 2 to the power of each.
  virtual Value exponential(Value vector) = 0;
  /// Stores vectors of 16 weights of row `i` of the block, from `column` on:
  /// one of them, or as many as a step of `weightStep` keys has.
  virtual void storeWeights(llvm::ArrayRef<Value> weights, Value i,
                            Value column) = 0;
  /// What it stores for keys that a pattern hides.
  virtual double hiddenWeight() const { return 0.0; }
  /// mixed[first + i] += sum over keys [begin, end) of weight times value.
  virtual void mix(Value first, Value count, Value firstKey, Value begin,
                   Value end) = 0;

  /// Column of vector `v` of those from `column` on.
  Value vectorAt(Value column, int64_t v) {
    return v ? e.add(column, v * panelWidth) : column;
  }

  /// Whether rows of a tile see different keys.
  bool isRagged() const { return causal || window; }
  /// Keys [0, visibleKeys) of the sequence are not behind what the row sees.
  Value visibleKeys(Value row);
  /// Keys [passedKeys, seenKeys) of a segment are those that the row sees;
  /// there may be none. Neither goes down from a row to the next.
  Value seenKeys(Value row, Value firstKey, Value keys);
  Value passedKeys(Value row, Value firstKey);
  /// Whether some row of [first, first + count) may see some key of
  /// [firstKey, firstKey + keys), and whether all see all of them, by the
  /// pattern.
  Value seesSome(Value first, Value count, Value firstKey, Value keys);
  Value seesAll(Value first, Value count, Value firstKey, Value keys);
  /// Register tiles: `rows` x `width` vectors of `memory` from row `row` and
  /// column 16 * `panel` on.
  llvm::SmallVector<Value> loadTile(Value memory, Value row, int64_t rows,
                                    Value panel, int64_t width);
  void storeTile(llvm::ArrayRef<Value> tile, Value memory, Value row,
                 int64_t rows, Value panel, int64_t width);
  /// Rows [0, count) in steps of `step`, then of as many as a token's heads
  /// leave over (in decoding there may be no others), then one by one.
  void overRows(Value count, int64_t step,
                llvm::function_ref<void(Value, int64_t)> body) {
    e.stepwise(zero, count, {step, group % step}, body);
  }
  /// Panels [0, panels) in steps of `step`. None goes alone, which would have
  /// too few chains of multiply-adds: the last ones go in two equal steps.
  void overPanels(int64_t panels, int64_t step,
                  llvm::function_ref<void(Value, int64_t)> body) {
    bool isAlone = panels > step && step % 2 == 1 && panels % step == 1;
    int64_t cut = isAlone ? panels - step - 1 : panels;
    e.stepwise(zero, e.index(cut), step, body);
    if (isAlone)
      e.stepwise(e.index(cut), e.index(panels), (step + 1) / 2, body);
  }

  Emitter &e;
  ir::AttentionOp op;
  SegmentShape shape;
  int64_t group; // query heads of a kv head
  bool cross = false, causal = false;
  int64_t window = 0; // 0: none
  /// All of the mask, where window and causality are not; null elsewhere.
  mlir::Attribute pattern;
  int64_t rowCapacity; // rows of a tile, at most
  /// What products of queries and keys are multiplied by, so that a weight is 2
  /// to the power of the score.
  double scoreScale;
  /// Keys that the mix takes at once, a multiple of 16: weights are cleared up
  /// to the next step.
  int64_t weightStep = panelWidth;
  Value base, zero;
  Value queries; // [rows, head_dim padded]
  // Kept over the segments: [rows, head_dim padded], [rows, 16], [rows]; and as
  // many rows behind them, where splits of the keys are merged.
  Value mixed, sums, maxima;
  Value scores;     // of a block: [32, 256], rows 17 lines apart
  Value scoreBytes; // the same memory
  Value factors;    // of a block: what the rows' sums are scaled by, [32]
  // Of this tile.
  Value kvHead, firstRow, tokenCount, rowCount, firstIndex, keyCount, segments;
  Value extent;    // of the sequence, for patterns
  MarksView marks; // the same

private:
  void readTile(Value tile);
  void loadQueries();
  /// Before the first key, of rows of the tile from `place` on.
  void start(Value place);
  /// The row's index in its sequence.
  Value indexOf(Value row);
  Value firstVisibleKey(Value row);
  /// Keys [firstKeyOfTile, keysOfTile) are all that a row of the tile sees.
  Value firstKeyOfTile() { return window ? firstVisibleKey(zero) : zero; }
  Value keysOfTile() { return visibleKeys(e.add(rowCount, -1)); }
  /// Whether scores are more than products, and stored as such.
  bool isAdjusted() { return biasTable || op.getSoftCap() || op.getRepeated(); }
  Value adjust(Value values, Value row, Value bias, Value firstKey,
               Value column, Value visible);
  /// Takes keys from `column` on, 16 for each mask: those of its lanes, or all
  /// where it is null.
  using KeysBody = llvm::function_ref<Value(
      Value column, llvm::ArrayRef<Value> masks, Value carried)>;
  /// Keys [from, seen) in order, the last vectors up to `end`.
  Value overKeys(Value from, Value seen, Value end, Value carried,
                 KeysBody body);
  /// Gives the keys that a row may see to `body`, as overKeys does.
  using OverRow = llvm::function_ref<Value(Value carried, KeysBody body)>;
  void updateMaximum(Value first, Value i, Value firstKey, OverRow over);
  /// For the block's rows, after updateMaximum.
  void computeFactors(Value count);
  void weighRow(Value first, Value i, OverRow over);
  void clearWeights(Value i, Value begin, Value end);
  void softmax(Value first, Value count, Value firstKey, Value keys);
  /// First row of a block, its rows, first key of a segment and its keys.
  using BlockBody = llvm::function_ref<void(Value, Value, Value, Value)>;
  /// Of keys [begin, end) of the sequence: rows of the tile see those at both
  /// ends.
  void eachBlock(Value begin, Value end, BlockBody body);
  void blocksOf(Value s, BlockBody body);
  void attendBlock(Value first, Value count, Value firstKey, Value keys);
  /// Keys [begin, end), as eachBlock takes them, go into the tile's sums.
  void attendKeys(Value begin, Value end);
  /// Writes the result, of what was summed up from `place` on.
  void finish(Value place);

  // Splits of the keys.
  struct RowSums {
    Value mixed, sums, maxima;
  };
  void openSplitSums();
  /// Where the tile's rows begin in the sums of split `split`.
  Value placeOfSplit(Value split);
  void keepSums(Value place);
  void addSums(const RowSums &from, Value place);
  Value arrive();
  /// Merges the sums that the tiles of splits [first, end) have left, if they
  /// are all done; tells whether they are.
  Value collectSplits(Value first, Value end);
  /// Goes through all keys; gives where their sums are. `done` tells whether
  /// it is up to this tile to finish.
  Value attendSplits(Value &done);
  /// Column of the table of biases for the key `firstKey`.
  Value biasColumn(Value row, Value firstKey);

  // Weights that are kept.
  Value isWatched();
  void clearMap();
  void mapBlock(Value first, Value count, Value firstKey, Value keys);
  void mapRow(Value first, Value i, Value firstKey, OverRow over);

  // With a pattern.
  Value lanesSeen(mlir::Attribute pattern, Value row, Value firstKey);
  Value seenSteps(Value first, Value count, Value firstKey, Value keys);
  void overRuns(Value steps, Value keys,
                llvm::function_ref<void(Value, Value)> body);
  void patternBlock(Value first, Value count, Value firstKey, Value keys);
  Value overSteps(Value row, Value firstKey, Value keys, Value steps,
                  Value carried, KeysBody body);
  void patternSoftmax(Value first, Value count, Value firstKey, Value keys,
                      Value steps);

  const CachePlan *cache = nullptr;
  Value layerOffset, tiles, table;
  AnglesView angles;
  Value biasTable; // [heads, distances]
  Value map;       // weights that are kept, [heads, rows, keys], or null
  KeySplits splits;
  RowSums splitSums;  // where splits are shared, or null
  Value arrivals;     // the same, [tiles, kv heads]
  Value splitCount;   // of this call
  Value split, entry; // of this tile
  Value place;        // where the sums over all keys are
  RowsView query;
  std::optional<RowsView> out;           // float32
  std::optional<OperandView> outOperand; // bf16, head_dim a multiple of 16
};

/// For keys of float32: register tiles.
std::unique_ptr<AttentionBody>
makeFloatAttention(Emitter &e, ir::AttentionOp op, int64_t capacity);
/// For keys of bf16 and int8: AMX, or register tiles with the same bits.
std::unique_ptr<AttentionBody> makeBf16Attention(Emitter &e, ir::AttentionOp op,
                                                 int64_t capacity);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_ATTENTIONBODY_H
