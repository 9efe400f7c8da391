//===- PlanArena.cpp - Every buffer's place ------------------------------===//

#include "dialect/Pattern.h"
#include "passes/Layout/WeightLayout.h"
#include "passes/Memory/ArenaPlan.h"
#include "passes/Memory/BufferClasses.h"
#include "passes/Memory/Passes.h"
#include "passes/Memory/PlaceKeys.h"
#include "runtime/abi.h"

#include <numeric>

namespace ashlar {
#define GEN_PASS_DEF_PLANARENAPASS
#include "passes/Memory/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

/// Buffers begin on a cache line; weights and tables do, too.
static constexpr int64_t alignment = 64;
/// A vector load may reach this far past a buffer's last row.
static constexpr int64_t slackBytes = 64;
/// What attention may take of a worker's stack, half of it.
static constexpr int64_t mostScratchBytes = 512 * 1024;

/// Rows of scores of a tile: enough of them use a segment while it is in L2.
static constexpr int64_t attentionTileRows = 128;

/// Scores of a block of rows against a segment, a line between the rows, and
/// the factors of their sums.
static constexpr int64_t attentionBlockBytes =
    attentionBlockRows * (ASHLAR_SEGMENT_KEYS * 4 + 64 + 4);

/// Of a row: the query as float32 and as bf16, the result, sums and maximum;
/// these twice where splits of the keys are merged.
static int64_t attentionRowBytes(int64_t headDim, bool merges) {
  int64_t padded = roundUp(headDim, panelWidth);
  return 4 * (padded + (merges ? 2 : 1) * (padded + panelWidth + 1)) +
         2 * roundUp(headDim, 2 * panelWidth);
}

/// Rows of a call for which splits of the keys are worth tiles of their own:
/// more have enough tiles as it is.
static constexpr int64_t mostSplitRows = 4;

/// Floats from row to row: whole vectors, and never a multiple of 4096 bytes,
/// where the rows of a tile would fight for the same cache sets.
static int64_t rowStride(int64_t features) {
  int64_t stride = roundUp(features, panelWidth);
  return stride * 4 % 4096 == 0 ? stride + panelWidth : stride;
}

namespace {
struct PlanArena : ashlar::impl::PlanArenaPassBase<PlanArena> {
  using PlanArenaPassBase::PlanArenaPassBase;

  void runOnOperation() override {
    plan = {};
    end = 0;
    stackResult = stackIds = {};
    plan.maxTokens = maxTokens;
    plan.rowCapacity = capacityFor(maxTokens);
    plan.headRows = capacityFor(std::min<int64_t>(maxTokens, 64));
    if (failed(planTiles()))
      return signalPassFailure();
    planTables();
    if (failed(planCaches()))
      return signalPassFailure();
    SmallVector<std::pair<func::FuncOp, BufferClasses>> entries;
    for (auto entry : getOperation().getOps<func::FuncOp>()) {
      entries.emplace_back(entry, BufferClasses(entry));
      planInputs(entry);
    }
    for (auto &[entry, classes] : entries)
      fixInputsAndResult(entry, classes);
    getOperation().walk([&](ir::TapOp tap) { planTap(tap); });
    planMaps();
    planSplits();
    planExperts();
    // Entries do not run at the same time: they share what lies behind.
    int64_t shared = end;
    for (auto &[entry, classes] : entries) {
      end = std::max(end, placeClasses(classes, plan.rowsOf(entry), shared));
      annotate(entry, classes);
    }
    plan.bytes = roundUp(end + slackBytes, 4096);
    plan.store(getOperation());
  }

  /// Whole register tiles and, where rows are operands of matrix kernels, whole
  /// pairs of their tiles.
  int64_t capacityFor(int64_t rows) {
    rows = roundUp(rows, rowTile);
    WalkResult operands = getOperation().walk([](ir::LinearOp linear) {
      return linear.getInput().getType().getElementType().isF32()
                 ? WalkResult::advance()
                 : WalkResult::interrupt();
    });
    return operands.wasInterrupted() ? roundUp(rows, 2 * ashlar::tileRows)
                                     : rows;
  }

  int64_t allocate(int64_t bytes) {
    int64_t offset = end;
    end = roundUp(end + bytes + slackBytes, alignment);
    return offset;
  }

  /// Rows of scores of a tile: tokens times query heads per kv head.
  /// Fewer where heads are so wide that a tile's scratch would be too large.
  LogicalResult planTiles() {
    plan.tileRows = attentionTileRows;
    int64_t longest = std::max<int64_t>({maxTokens, maxContext, maxSource});
    bool merges = longest > ASHLAR_SPLIT_KEYS;
    WalkResult result = getOperation().walk([&](ir::AttentionOp attention) {
      int64_t headDim = attention.getQuery().getType().getDimSize(2);
      int64_t group = attention.getQuery().getType().getDimSize(1) /
                      attention.getKey().getType().getDimSize(1);
      SegmentShape segment = SegmentShape::of(attention.getKey());
      int64_t left =
          mostScratchBytes - attentionBlockBytes - segment.expandedBytes();
      int64_t most =
          std::max<int64_t>(0, left) / attentionRowBytes(headDim, merges);
      int64_t unit = segment.isEncoded() ? attentionBlockRows : rowTile;
      int64_t tileRows = most / unit * unit / group;
      if (tileRows < 1) {
        attention.emitOpError()
            << "has " << group << " query heads of " << headDim
            << " features for each key head; a worker's stack holds " << most
            << " of them"
            << (segment.isEncoded()
                    ? ", in blocks of 32; fewer are enough with kv=f32"
                    : "");
        return WalkResult::interrupt();
      }
      plan.tileRows =
          std::min({plan.tileRows, tileRows,
                    std::max<int64_t>(1, attentionTileRows / group)});
      return WalkResult::advance();
    });
    plan.maxTiles = maxTokens / plan.tileRows + maxSequences;
    return failure(result.wasInterrupted());
  }

  void planTables() {
    plan.call = allocate(ASHLAR_CALL_WORDS * sizeof(int64_t));
    plan.rows = allocate(plan.rowCapacity * ASHLAR_ROW_WORDS * sizeof(int32_t));
    plan.tiles = allocate(plan.maxTiles * ASHLAR_TILE_WORDS * sizeof(int32_t));
    if (ir::somePattern(getOperation(), ir::readsMarks))
      plan.marks = allocate(marksEntries(plan) * sizeof(int32_t));
  }

  /// A place for the tables of any experts.
  void planExperts() {
    int64_t bytes = 0;
    plan.expertUnit = expertUnit();
    getOperation().walk([&](ir::ExpertsOp experts) {
      int64_t rows = plan.rowsOf(experts->getParentOfType<func::FuncOp>());
      ExpertTables tables(experts, rows, plan.expertUnit);
      bytes = std::max(bytes, tables.bytes());
    });
    if (bytes)
      plan.experts = allocate(bytes);
  }

  /// What kernels compute behind an expert's last row must not reach the next
  /// one's: whole register tiles, or whole pairs of tiles of operands.
  int64_t expertUnit() {
    int64_t unit = rowTile;
    getOperation().walk([&](ir::LinearOp linear) {
      if (linear->getParentOfType<ir::ExpertsOp>() &&
          !linear.getInput().getType().getElementType().isF32())
        unit = std::lcm<int64_t>(rowTile, 2 * ashlar::tileRows);
    });
    return unit;
  }

  LogicalResult planCaches() {
    CacheLimits limits = {maxTokens, maxContext, maxSource};
    if (failed(placeKeys(getOperation(), limits, plan)))
      return failure();
    for (CachePlan &cache : plan.caches) {
      cache.table =
          allocate(maxSequences * cache.slotSegments * sizeof(int32_t));
      if (cache.kind == ir::CacheKind::Call) {
        // Each sequence begins a segment.
        cache.segments = maxTokens / ASHLAR_SEGMENT_KEYS + maxSequences;
        cache.layerStride = cache.segments * cache.segmentStride;
        cache.offset = allocate(cache.layerStride);
        continue;
      }
      cache.segments = maxSequences * cache.keptSegments;
      cache.layerStride = cache.segments * cache.segmentStride;
      cache.offset = plan.cacheBytes;
      plan.cacheBytes += cache.layers * cache.layerStride;
    }
    plan.cacheBytes = roundUp(plan.cacheBytes + slackBytes, 4096);
    return success();
  }

  void planInputs(func::FuncOp entry) {
    Builder builder(&getContext());
    int64_t rows = plan.rowsOf(entry);
    for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
      auto type = dyn_cast<RankedTensorType>(entry.getArgument(i).getType());
      if (!type)
        continue;
      // Where the last stack, which stands before the heads, has left them.
      if (readsSequences(entry)) {
        entry.setArgAttr(i, argumentBufferAttr,
                         type.getRank() == 1 ? stackIds : stackResult);
        continue;
      }
      int64_t stride = type.getRank() == 1 ? 1 : rowStride(type.getDimSize(1));
      int64_t perToken =
          type.getRank() == 1 ? 1 : ir::rowsPerToken(entry.getArgument(i));
      int64_t offset = allocate(rows * perToken * stride * sizeof(float));
      auto place = ir::BufferAttr::get(&getContext(), offset, stride);
      entry.setArgAttr(i, argumentBufferAttr, place);
      auto input = entry.getArgAttrOfType<StringAttr>(i, inputAttr);
      if (input && input.getValue() == "ids")
        stackIds = place;
    }
    auto result = cast<RankedTensorType>(entry.getResultTypes()[0]);
    int64_t stride = rowStride(result.getDimSize(1));
    int64_t offset = allocate(rows * stride * sizeof(float));
    auto place = ir::BufferAttr::get(&getContext(), offset, stride);
    entry->setAttr(resultBufferAttr, place);
    if (entry->hasAttr(stackAttr))
      stackResult = place;
  }

  /// A tap's rows of every turn.
  void planTap(ir::TapOp tap) {
    int64_t rows = plan.rowsOf(tap->getParentOfType<func::FuncOp>()) *
                   ir::rowsPerToken(tap.getInput());
    int64_t features =
        cast<RankedTensorType>(tap.getInput().getType()).getDimSize(1);
    int64_t stride = roundUp(features, panelWidth);
    auto layers = tap->getParentOfType<ir::LayersOp>();
    int64_t layerStride = rows * stride * sizeof(float);
    tap.setLayerStride(layerStride);
    tap.setOffset(allocate(layerStride * (layers ? layers.getTurns() : 1)));
  }

  /// One place for the weights of whatever attention is looked at.
  void planMaps() {
    SmallVector<ir::AttentionOp> mapped;
    int64_t heads = 0, keys = 0;
    getOperation().walk([&](ir::AttentionOp op) {
      if (!op->hasAttr(mappedAttr))
        return;
      mapped.push_back(op);
      heads = std::max(heads, op.getQuery().getType().getDimSize(1));
    });
    if (mapped.empty())
      return;
    for (const CachePlan &cache : plan.caches)
      keys = std::max(keys, roundUp(cache.capacity, panelWidth));
    int64_t offset =
        allocate(heads * plan.rowCapacity * keys * int64_t(sizeof(float)));
    for (ir::AttentionOp op : mapped)
      op->setAttr(mapAttr, ir::BufferAttr::get(&getContext(), offset, keys));
  }

  /// Places for the sums of splits, which one attention after the other uses,
  /// and for counting them.
  void planSplits() {
    plan.splitRows = std::min<int64_t>(mostSplitRows, maxTokens);
    int64_t bytes = 0, kvHeads = 0;
    getOperation().walk([&](ir::AttentionOp op) {
      KeySplits splits(op, plan);
      if (!splits.isShared)
        return;
      bytes = std::max(bytes, splits.bytes());
      kvHeads = std::max(kvHeads, SegmentShape::of(op.getKey()).kvHeads);
    });
    if (!bytes) {
      plan.splitRows = 0;
      return;
    }
    plan.splitSums = allocate(bytes);
    plan.arrivalCount = plan.splitRows * kvHeads;
    plan.arrivals = allocate(plan.arrivalCount * sizeof(int32_t));
  }

  void fixInputsAndResult(func::FuncOp entry, BufferClasses &classes) {
    auto fix = [&](Value value, ir::BufferAttr buffer) {
      BufferClass &cls = classes.classOf(value);
      cls.offset = buffer.getOffset();
      cls.stride = buffer.getStride();
    };
    for (BlockArgument argument : entry.getArguments())
      if (classes.has(argument))
        fix(argument, entry.getArgAttrOfType<ir::BufferAttr>(
                          argument.getArgNumber(), argumentBufferAttr));
    fix(entry.getBody().front().getTerminator()->getOperand(0),
        entry->getAttrOfType<ir::BufferAttr>(resultBufferAttr));
  }

  /// First fit in order of first use; gives the end of the last buffer.
  int64_t placeClasses(BufferClasses &classes, int64_t rows, int64_t begin) {
    SmallVector<BufferClass *> order;
    for (BufferClass &cls : classes.all())
      if (!cls.fixed)
        order.push_back(&cls);
    llvm::sort(order, [](const BufferClass *a, const BufferClass *b) {
      return std::tie(a->begin, a->end, a->features) <
             std::tie(b->begin, b->end, b->features);
    });
    int64_t last = begin;
    SmallVector<BufferClass *> placed;
    auto bytesOf = [&](const BufferClass &cls) {
      int64_t own = cls.experts
                        ? ExpertTables(cls.experts, rows, plan.expertUnit).slots
                        : rows * cls.rowsPerToken;
      return roundUp(own * cls.stride * 4 + slackBytes, alignment);
    };
    for (BufferClass *cls : order) {
      cls->stride = rowStride(cls->features);
      int64_t offset = begin;
      // `placed` is kept sorted by offset.
      for (BufferClass *other : placed) {
        if (other->end < cls->begin || cls->end < other->begin)
          continue;
        if (other->offset >= offset + bytesOf(*cls))
          break;
        offset = std::max(offset, other->offset + bytesOf(*other));
      }
      cls->offset = offset;
      last = std::max(last, offset + bytesOf(*cls));
      placed.insert(llvm::upper_bound(placed, cls,
                                      [](const auto *a, const auto *b) {
                                        return a->offset < b->offset;
                                      }),
                    cls);
    }
    return last;
  }

  void annotate(func::FuncOp entry, BufferClasses &classes) {
    auto bufferOf = [&](Value value) -> Attribute {
      BufferView view = classes.viewOf(value);
      BufferClass &cls = classes.all()[view.classIndex];
      return ir::BufferAttr::get(&getContext(), cls.offset + view.column * 4,
                                 cls.stride);
    };
    entry.walk([&](Operation *op) {
      if (isa<ir::KvAppendOp, ir::KvReadOp, func::FuncOp>(op))
        return;
      SmallVector<Attribute> buffers;
      for (Value result : op->getResults())
        if (isa<RankedTensorType>(result.getType()))
          buffers.push_back(bufferOf(result));
      if (!buffers.empty())
        op->setAttr(buffersAttr, ArrayAttr::get(&getContext(), buffers));
      if (auto experts = dyn_cast<ir::ExpertsOp>(op))
        op->setAttr(argumentBufferAttr, bufferOf(experts.getRows()));
    });
  }

  ArenaPlan plan;
  int64_t end = 0;
  ir::BufferAttr stackResult; // of the last stack so far
  ir::BufferAttr stackIds;    // the same, its tokens
};
} // namespace
