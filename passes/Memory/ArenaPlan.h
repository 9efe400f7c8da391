//===- ArenaPlan.h - What the memory plan decided --------------*- C++ -*-===//
//
// The plan in C++ form, kept in the IR as attributes: `ashlar.arena` and
// `ashlar.caches` on the module. Offsets are bytes; -1 = there is none.
//
//===----------------------------------------------------------------------===//

#ifndef ASHLAR_PASSES_MEMORY_ARENAPLAN_H
#define ASHLAR_PASSES_MEMORY_ARENAPLAN_H

#include "dialect/Ashlar.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace ashlar {

struct CachePlan {
  ir::CacheKind kind = ir::CacheKind::Self;
  int64_t offset = 0; // in the cache, or in the arena for CacheKind::Call
  int64_t layers = 0;
  int64_t layerStride = 0;
  int64_t segments = 0;
  int64_t segmentStride = 0;
  int64_t slotSegments = 0; // of a sequence: entries in the table
  int64_t keptSegments = 0; // as many of them have a place; in a ring fewer
  int64_t table = 0;        // in the arena
  int64_t capacity = 0;

  bool isRing() const { return keptSegments < slotSegments; }
};

/// Which layer of which cache a kv_append or kv_read is about: its attribute
/// `ashlar.cache`, [cache, first layer, layer step]. In turn t of a loop it is
/// layer first + t * step.
struct CachePlace {
  int64_t cache = 0; // index in ArenaPlan::caches
  int64_t firstLayer = 0;
  int64_t layerStep = 0;

  void setOn(mlir::Operation *op) const;
  /// That of `op`, which has one behind plan-arena.
  static CachePlace of(mlir::Operation *op);
};

struct ArenaPlan {
  int64_t bytes = 0;
  int64_t cacheBytes = 0;
  int64_t call = 0;
  int64_t rows = 0;
  int64_t tiles = 0;
  int64_t maxTiles = 0;
  int64_t tileRows = 0;
  int64_t splitRows = 0;    // most rows of a call whose keys may be split
  int64_t arrivals = 0;     // int32[arrivalCount], see ashlar_plan
  int64_t arrivalCount = 0; // [splitRows, most kv heads of an attention]
  int64_t splitSums = 0;    // of the splits of any one attention: KeySplits
  int64_t marks = -1;       // int32[max_tokens + 1], see ashlar_stack_plan
  int64_t maxTokens = 0;
  int64_t rowCapacity = 0; // rows of a stack's buffers
  int64_t headRows = 0;    // rows of a head's buffers
  int64_t experts = -1;    // ExpertTables
  int64_t expertUnit = 1;  // an expert's rows begin on a multiple of it
  llvm::SmallVector<CachePlan> caches;

  /// Rows of the buffers of `entry`: of a head that reads sequences all rows of
  /// a call, of another one those that it takes at once.
  int64_t rowsOf(mlir::FunctionOpInterface entry) const;
  /// Index of the cache of `kind` in `caches`, the ring or that of all keys, or
  /// -1.
  int64_t findCache(ir::CacheKind kind, bool ring = false) const;

  void store(mlir::ModuleOp module) const;
  /// The plan that `module` carries; asserts that it has one.
  static ArenaPlan load(mlir::ModuleOp module);
};

/// Which row goes where, of an `experts` op over `rows` rows; all int32. The
/// ops of a module use the same place one after the other.
///   counts     [experts]: rows of each
///   tokens     [experts][stride]: which, in ascending order
///   positions  [experts][stride]: where a row stands among those
/// Expert e's rows lie in the buffers of its region behind those of the experts
/// before it, each time from a multiple of `unit` on.
struct ExpertTables {
  int64_t experts = 0;
  int64_t stride = 0;
  int64_t slots = 0; // rows of the region's buffers

  ExpertTables(ir::ExpertsOp op, int64_t rows, int64_t unit);
  int64_t tokens() const;
  int64_t positions() const;
  int64_t bytes() const;
};

/// Attention sums up the weights of each `ASHLAR_SPLIT_KEYS` keys, a split, by
/// themselves, and merges the sums in order: the bits do not depend on who has
/// computed which split. Where few rows look at many keys, each split is a tile
/// of its own, which leaves its sums in the arena:
///   mixed   [rows][head_dim, padded]  the values, by weight
///   sums    [rows][16]                the weights
///   maxima  [rows]                    the scores that they are against
/// all float32; row = ((split * kv_heads + kv head) * plan.splitRows + token) *
/// group + query head of the group.
struct KeySplits {
  int64_t splits = 1;      // of the longest sequence
  bool isShared = false;   // splits may be tiles of their own
  int64_t rowsOfSplit = 0; // of the sums, for one kv head
  int64_t rows = 0;        // of the sums
  int64_t mixedBytes = 0, sumBytes = 0, maximumBytes = 0;

  /// Of an attention whose keys have a place in `plan`.
  KeySplits(ir::AttentionOp op, const ArenaPlan &plan);
  int64_t bytes() const { return mixedBytes + sumBytes + maximumBytes; }
};

/// Rows of attention that go through a segment of keys together.
constexpr int64_t attentionBlockRows = 32;

/// Entries of the table of marks: 16 from any key of a step on can be loaded.
int64_t marksEntries(const ArenaPlan &plan);

/// Keys of a step of the kernel over encoded values: a line of bf16.
constexpr int64_t attentionStepKeys = 32;

/// The segment layout of the keys and values of one layer and one kv head:
///   f32   keys [256/16][head_dim][16], then values [head_dim/16][256][16]
///   bf16  keys [256/16][depth/2][16][2], then values
///   [head_dim/16][256/2][16][2]
///   int8  the same, then the keys' scales [256] and the values', as float32
/// so that both are panels of a matrix kernel: keys along the head's entries,
/// values along the keys. What is padded of head_dim is zero in the keys of
/// bf16 and int8.
struct SegmentShape {
  int64_t kvHeads = 0;
  int64_t headDim = 0;
  ir::Precision precision = ir::Precision::F32; // or Bf16, or Int8

  /// Of keys [keys, kv_heads, head_dim] as a cache gives them.
  static SegmentShape of(mlir::Value keys);
  /// Whether they are multiplied as bf16.
  bool isEncoded() const { return precision != ir::Precision::F32; }
  bool isInt8() const { return precision == ir::Precision::Int8; }
  int64_t elementBytes() const;
  int64_t depth() const; // of a key: head_dim, padded to 32 where encoded
  int64_t paddedHeadDim() const;
  int64_t keyBytes() const; // of one head
  int64_t valueBytes() const;
  int64_t headBytes() const;
  /// Of one head's keys and values as bf16, where they are not kept so.
  int64_t expandedBytes() const;
  int64_t bytes() const;
};

constexpr llvm::StringLiteral buffersAttr = "buffers";
constexpr llvm::StringLiteral cacheAttr = "ashlar.cache";
/// On attention: its weights can be kept: true, or false for one that adds its
/// own to those of another in front of it; and where, [heads, rows, keys].
constexpr llvm::StringLiteral mappedAttr = "ashlar.mapped";
constexpr llvm::StringLiteral mapAttr = "ashlar.map";
constexpr llvm::StringLiteral argumentBufferAttr = "ashlar.buffer";
constexpr llvm::StringLiteral resultBufferAttr = "ashlar.result";
constexpr llvm::StringLiteral inputAttr = "ashlar.input";
constexpr llvm::StringLiteral stackAttr = "ashlar.stack";
constexpr llvm::StringLiteral headAttr = "ashlar.head";

/// Whether `entry` is a head that reads whole sequences, not chosen rows.
bool readsSequences(mlir::FunctionOpInterface entry);

} // namespace ashlar

#endif // ASHLAR_PASSES_MEMORY_ARENAPLAN_H
