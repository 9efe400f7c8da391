//===- Emitter.h - Small words for writing phase bodies --------*- C++ -*-===//
//
// Everything that several phases say: constants, vectors of 16 floats, views of
// the arena and the weights, loops, sums over lanes. A vector is 16 floats on
// every target; LLVM splits it where registers are narrower.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_LOWERCPU_EMITTER_H
#define ASHLAR_PASSES_LOWERCPU_EMITTER_H

#include "dialect/Ashlar.h"
#include "passes/Layout/WeightLayout.h"
#include "passes/Memory/ArenaPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include <functional>

namespace ashlar {

/// On memory of a phase: it is zero before the first part that a worker takes.
constexpr llvm::StringLiteral beginsAsZeroAttr = "ashlar.zero";

/// The shape of a register tile of the target.
struct TileShape {
  int64_t rows = 8;
  int64_t panels = 3;
  int64_t prefetchLines = 16; // of each panel, ahead; 0: none

  /// Panels that `count` rows are multiplied with at once: so many that the
  /// sums are no more than the shape's.
  int64_t panelsFor(int64_t count) const {
    return std::max<int64_t>(1, rows * panels / count);
  }
};

/// Inside of an `experts` op each phase goes over the rows of all experts: its
/// tiles are counted by expert at run time, and its body sees one expert's rows
/// and weights at a time, as if there were no others.
struct ExpertsContext {
  ExpertTables tables;
  // In the body of a phase.
  mlir::Value expert;   // its index
  mlir::Value firstRow; // where its rows begin in the buffers
  mlir::Value rows;     // how many there are, at least 1
};

/// What the bodies of one program share.
struct ProgramContext {
  mlir::Value weights, arena, cache; // memref<bytes x i8>
  // Inside a loop over layers: what the layer adds to the offsets of per-layer
  // weights (a multiple of the turn) and the index itself.
  mlir::Value layer; // index of the layer, from 0; null outside
  mlir::Value turn;  // of the loop, from 0; null outside
  std::optional<ExpertsContext> experts;
  ArenaPlan plan;
  TileShape tile;
  int64_t vectorBits = 512;
  int64_t prefetchLines = 24; // of each stream of a row's weights
  bool vnni = false;
  bool matrixTiles = false; // AMX
  bool bf16 = false;        // AVX512-BF16 (its conversion)
  int64_t rowsPerToken = 1; // of the op at hand
  bool perSequence = false; // it has a row for each sequence instead
};

/// Rows in the arena as float memory: [capacity, stride].
struct RowsView {
  mlir::Value memory; // memref<capacity x stride x f32>
  int64_t features = 0;
};

class Emitter : public mlir::ImplicitLocOpBuilder {
public:
  Emitter(mlir::Location loc, mlir::OpBuilder builder, ProgramContext &context)
      : ImplicitLocOpBuilder(loc, builder), context(context) {}

  using Value = mlir::Value;
  using ValueRange = mlir::ValueRange;

  //===--- types and constants ---===//
  mlir::VectorType vectorType();
  Value index(int64_t value);
  Value scalar(double value);    // f32
  Value splat(double value);     // vector of f32
  Value broadcast(Value scalar); // f32 -> vector

  //===--- index arithmetic ---===//
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b);
  Value div(Value a, int64_t b); // non-negative
  Value rem(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value ceilDiv(Value a, Value b);
  Value ceilDiv(Value a, int64_t b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value less(Value a, Value b);
  Value equal(Value a, int64_t b);

  //===--- vector arithmetic ---===//
  Value addf(Value a, Value b);
  Value subf(Value a, Value b);
  Value mulf(Value a, Value b);
  Value divf(Value a, Value b);
  Value maxf(Value a, Value b);
  Value fma(Value a, Value b, Value c);
  Value exp(Value a);
  /// Sum or maximum of the lanes by a fixed tree of shuffles; a scalar.
  Value sumLanes(Value vector);
  Value maxLanes(Value vector);
  /// Lane i is true where i < count (an index); a mask.
  Value lanesBelow(Value count);
  Value noLanes();
  Value select(Value mask, Value a, Value b);
  Value applyActivation(ir::ActivationKind kind, Value vector);
  /// cap * tanh(x / cap)
  Value softCap(Value vector, double cap);
  /// min(max(x, -limit), limit); NaN stays.
  Value clip(Value vector, double limit);

  //===--- memory ---===//
  Value viewBytes(Value base, Value byteOffset, mlir::ArrayRef<int64_t> shape,
                  mlir::Type element);
  /// The rows of a value placed by the memory plan.
  RowsView rowsView(ir::BufferAttr buffer, int64_t features, int64_t capacity);
  /// int32 table in the arena.
  Value intTable(int64_t offset, mlir::ArrayRef<int64_t> shape);
  /// A weight's place as float memory of `shape`, in the layer of the loop.
  Value weightView(ir::WeightOp weight, mlir::ArrayRef<int64_t> shape);
  /// Its byte offset in the image, in the layer of the loop.
  Value weightOffset(ir::WeightOp weight);
  Value load(Value memory, ValueRange indices);      // one element
  Value loadIndex(Value memory, ValueRange indices); // i32 as index
  void store(Value value, Value memory, ValueRange indices);
  Value loadVector(Value memory, ValueRange indices);
  void storeVector(Value vector, Value memory, ValueRange indices);
  /// Lanes at and above `count` are read as zero, and not written.
  Value loadVector(Value memory, ValueRange indices, int64_t count);
  void storeVector(Value vector, Value memory, ValueRange indices,
                   int64_t count);
  /// Lanes outside of `mask` are read as zero, and not touched.
  Value loadLanes(Value memory, ValueRange indices, Value mask);
  /// Memory on the worker's stack, the same for all parts of the phase that it
  /// takes.
  Value scratch(mlir::ArrayRef<int64_t> shape, mlir::Type element = {});
  /// An index there, memref<1xindex>: zero before the first part.
  Value note();
  /// Index of what lies `distance` after `line` in a stream of panels that is
  /// read `width` panels at a time, all at once: behind a panel's last line (of
  /// `lines`) comes the panel `width` further.
  Value aheadInPanels(Value line, int64_t distance, int64_t lines,
                      int64_t width);
  /// `locality`: 3 = into L1, 2 = into L2.
  void prefetch(Value memory, ValueRange indices, unsigned locality);

  //===--- control ---===//
  using Body = llvm::function_ref<void(Value)>;
  using Carried =
      llvm::function_ref<llvm::SmallVector<Value>(Value, ValueRange)>;
  void loop(Value begin, Value end, int64_t step, Body body);
  void loop(int64_t begin, int64_t end, int64_t step, Body body);
  llvm::SmallVector<Value> loop(Value begin, Value end, int64_t step,
                                ValueRange init, Carried body);
  void when(Value condition, llvm::function_ref<void()> then,
            llvm::function_ref<void()> otherwise = nullptr);
  /// What `then` gives, or else `otherwise`.
  Value when(Value condition, llvm::function_ref<Value()> then,
             Value otherwise);
  /// [begin, end) in steps of the first of `steps`, what is left in steps of
  /// the next one, and in the end one by one: calls `body` with the first index
  /// and the number of them, a constant. Steps below 2 are left out.
  void stepwise(Value begin, Value end, llvm::ArrayRef<int64_t> steps,
                llvm::function_ref<void(Value, int64_t)> body);
  /// The columns of a row in whole vectors, then the rest: `body` gets the
  /// first column and the number of lanes in use (16, or fewer in the last).
  llvm::SmallVector<Value> overColumns(
      int64_t features, ValueRange init,
      llvm::function_ref<llvm::SmallVector<Value>(Value, int64_t, ValueRange)>
          body);

  /// A phase over `tiles` tiles and a barrier behind it; `body` gets [begin,
  /// end).
  void phase(llvm::StringRef name, Value tiles,
             llvm::function_ref<void(Value, Value)> body);
  /// The same where `tiles` gives their number for `tokens()` rows: among
  /// experts `tiles` and `body` are for one expert at a time.
  void rowsPhase(llvm::StringRef name, llvm::function_ref<Value()> tiles,
                 llvm::function_ref<void(Value, Value)> body);
  /// Over rows, as a tile each.
  void rowsPhase(llvm::StringRef name,
                 llvm::function_ref<void(Value, Value)> body) {
    rowsPhase(name, [&] { return tokens(); }, body);
  }
  /// int32 [experts]: rows of each of the experts at hand.
  Value expertCounts();
  /// Where the rows begin that follow `rows` rows of an expert from `first` on.
  Value rowBehind(Value first, Value rows);

  Value callWord(int64_t word);
  /// Rows of the op at hand: the call's tokens, or so many times them, or its
  /// sequences, or those of the expert at hand.
  Value tokens();

  ProgramContext &context;

private:
  llvm::SmallVector<Value> overExperts(ValueRange init, Carried body);
};

/// The model's name of what `op` computes, or else the op's own name.
llvm::StringRef phaseName(mlir::Operation *op);

// One function per kind of op: emits its phase.
void emitEmbedding(Emitter &e, ir::EmbeddingOp op, int64_t capacity);
void emitLinear(Emitter &e, ir::LinearOp op, int64_t capacity);
void emitRoute(Emitter &e, ir::RouteOp op, int64_t capacity);
/// `emitRegion` emits the phases of the region's ops.
void emitExperts(Emitter &e, ir::ExpertsOp op, int64_t capacity,
                 llvm::function_ref<void(Emitter &)> emitRegion);
void emitUnfold(Emitter &e, ir::UnfoldOp op, int64_t capacity);
void emitNorm(Emitter &e, ir::NormOp op, int64_t capacity);
void emitResidualNorm(Emitter &e, ir::ResidualNormOp op, int64_t capacity);
void emitRotaryAngles(Emitter &e, ir::RotaryAnglesOp op, int64_t capacity);
void emitRotary(Emitter &e, ir::RotaryOp op, int64_t capacity);
void emitKvAppend(Emitter &e, ir::KvAppendOp op, int64_t capacity);
void emitAttention(Emitter &e, ir::AttentionOp op, int64_t capacity);
/// add, multiply, activate, scale, soft_cap, clip, copy.
void emitElementwise(Emitter &e, mlir::Operation *op, int64_t capacity);
void emitScaleFeatures(Emitter &e, ir::ScaleFeaturesOp op, int64_t capacity);
void emitSetRow(Emitter &e, ir::SetRowOp op, int64_t capacity);
void emitSegment(Emitter &e, ir::SegmentOp op, int64_t capacity);
void emitPool(Emitter &e, ir::PoolOp op, int64_t capacity);
void emitConcat(Emitter &e, ir::ConcatOp op, int64_t capacity);
void emitConvert(Emitter &e, ir::ConvertOp op, int64_t capacity);
void emitTap(Emitter &e, ir::TapOp op, int64_t capacity);

/// Where a value lies: on the op or the argument that made it.
ir::BufferAttr bufferOf(mlir::Value value);
/// The float rows of a value.
RowsView rowsOf(Emitter &e, mlir::Value value, int64_t capacity);
/// int32 inputs of the call: ids, positions, types.
mlir::Value idsOf(Emitter &e, mlir::Value ids, int64_t capacity);

/// Cosines and sines of a call's rows: in the table's row of their position, or
/// (without positions) in a row of their own.
struct AnglesView {
  mlir::Value table;     // [positions or rows, stride]
  mlir::Value positions; // int32, of the call's rows; or null
  /// Where those of `row` are.
  mlir::Value rowOf(Emitter &e, mlir::Value row) const;
};
/// Of what an op rotates by: `table` is bound where these are positions.
AnglesView anglesOf(Emitter &e, mlir::Operation *op, mlir::Value positions,
                    mlir::FlatSymbolRefAttr table, int64_t capacity);

/// Rotates the first entries of `memory[row]` by row `angle` of the angles.
void emitRotation(Emitter &e, mlir::Value memory, mlir::ValueRange row,
                  const AnglesView &angles, mlir::Value angle,
                  ir::RotaryAttr rotary);

/// Copies `count` columns of one row.
void copyColumns(Emitter &e, mlir::Value from, mlir::ValueRange fromRow,
                 mlir::Value fromColumn, mlir::Value to, mlir::ValueRange toRow,
                 mlir::Value toColumn, int64_t count);

/// Byte offset in its cache of the layer that `place` is about.
mlir::Value cacheOffset(Emitter &e, const CachePlace &place);

} // namespace ashlar

#endif // ASHLAR_PASSES_LOWERCPU_EMITTER_H
