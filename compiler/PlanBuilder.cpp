//===- PlanBuilder.cpp - From the planned IR to the artifact's plan ------===//

#include "compiler/PlanBuilder.h"

#include "dialect/Pattern.h"
#include "passes/Layout/WeightLayout.h"
#include "passes/Memory/ArenaPlan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace ashlar;

/// The buffer of the argument of `entry` that is called `input`, or null.
static ir::BufferAttr inputBuffer(func::FuncOp entry, StringRef input) {
  for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
    auto name = entry.getArgAttrOfType<StringAttr>(i, inputAttr);
    if (name && name.getValue() == input)
      return entry.getArgAttrOfType<ir::BufferAttr>(i, argumentBufferAttr);
  }
  return {};
}

static int64_t inputOffset(func::FuncOp entry, StringRef input) {
  ir::BufferAttr buffer = inputBuffer(entry, input);
  return buffer ? buffer.getOffset() : -1;
}

static int64_t resultFeatures(func::FuncOp entry) {
  return cast<RankedTensorType>(entry.getResultTypes()[0]).getDimSize(1);
}

/// The caches that the entry's own rows append to.
static void setOwnCaches(func::FuncOp entry, const ArenaPlan &arena,
                         ashlar_stack_plan &plan) {
  plan.cache_kind = plan.ring_kind = -1;
  entry.walk([&](ir::KvAppendOp append) {
    if (append.getCache() == ir::CacheKind::Cross)
      return;
    int64_t index = CachePlace::of(append).cache;
    (arena.caches[index].isRing() ? plan.ring_kind : plan.cache_kind) = index;
  });
}

/// Position ids that the entry's tables can take; 0 = any.
static int64_t usablePositions(func::FuncOp entry) {
  int64_t positions = 0;
  auto limit = [&](FlatSymbolRefAttr table, Operation *user) {
    int64_t rows = ir::lookupWeight(user, table).getRows();
    positions = positions ? std::min(positions, rows) : rows;
  };
  entry.walk([&](Operation *op) {
    if (auto table = op->getAttrOfType<FlatSymbolRefAttr>("rotary_table"))
      limit(table, op);
    auto embedding = dyn_cast<ir::EmbeddingOp>(op);
    if (!embedding)
      return;
    auto ids = cast<BlockArgument>(embedding.getIds());
    auto input =
        entry.getArgAttrOfType<StringAttr>(ids.getArgNumber(), inputAttr);
    if (input && input.getValue() == "positions")
      limit(embedding.getTableAttr(), op);
  });
  return positions;
}

static int64_t readersOfExtents(func::FuncOp entry) {
  int64_t readers = 0;
  if (ir::somePattern(entry, ir::readsExtent))
    readers |= ASHLAR_EXTENT_MASKS;
  entry.walk([&](ir::RotaryAnglesOp) { readers |= ASHLAR_EXTENT_ANGLES; });
  return readers;
}

static int64_t markRule(const Marks &marks) {
  switch (marks.otherwise) {
  case MarkRule::None:
    return ASHLAR_MARK_NONE;
  case MarkRule::First:
    return ASHLAR_MARK_FIRST;
  case MarkRule::Before:
    return ASHLAR_MARK_BEFORE;
  }
  llvm_unreachable("every rule is handled above");
}

ashlar_image_plan ashlar::imagePlan(const Patches &patches) {
  ashlar_image_plan plan{};
  plan.channels = patches.channels;
  plan.height = patches.imageHeight;
  plan.width = patches.imageWidth;
  plan.patch_height = patches.patchHeight;
  plan.patch_width = patches.patchWidth;
  plan.prefix = patches.prefix.size();
  plan.rows = patches.rows();
  return plan;
}

static StackDescription describeStack(func::FuncOp entry, const Stack &stack,
                                      const ArenaPlan &arena) {
  StackDescription description;
  description.function = entry.getSymName().str();
  description.input = stack.input;
  description.output = stack.output;
  ashlar_stack_plan &plan = description.plan;
  plan.ids_offset = inputOffset(entry, "ids");
  plan.vectors_offset = inputOffset(entry, "vectors");
  if (ir::BufferAttr vectors = inputBuffer(entry, "vectors")) {
    plan.vector_stride = vectors.getStride();
    plan.vector_features = stack.vectorFeatures();
    plan.vector_rows = stack.embedding.rowsPerToken();
    plan.vectors_by_feature = stack.featuresFirst;
  }
  if (stack.embedding.patches)
    plan.image = imagePlan(*stack.embedding.patches);
  plan.positions_offset = inputOffset(entry, "positions");
  plan.types_offset = inputOffset(entry, "types");
  plan.vocabulary = stack.embedding.vocabulary;
  plan.positions = usablePositions(entry);
  plan.first_position = stack.embedding.positions.first;
  plan.positions_by_token = stack.embedding.positions.byToken;
  plan.token_types = stack.embedding.tokenTypes;
  plan.hidden = stack.hidden;
  auto result = entry->getAttrOfType<ir::BufferAttr>(resultBufferAttr);
  plan.hidden_offset = result.getOffset();
  plan.hidden_stride = result.getStride();
  setOwnCaches(entry, arena, plan);
  plan.reads_extents = readersOfExtents(entry);
  plan.recompute_length = stack.recomputeLength;
  if (stack.marks) {
    description.marksInput = stack.marks->input;
    plan.marks_offset = arena.marks;
    plan.marks_rule = markRule(*stack.marks);
    plan.marks_token = stack.marks->token;
  }
  return description;
}

static int64_t rowToken(const Head &head) {
  switch (head.rows) {
  case RowSelection::All:
  case RowSelection::First:
    return ASHLAR_ROW_FIRST;
  case RowSelection::Last:
    return ASHLAR_ROW_LAST;
  case RowSelection::Token:
    return head.token;
  case RowSelection::HighestToken:
    return ASHLAR_ROW_HIGHEST_TOKEN;
  }
  llvm_unreachable("every selection is handled above");
}

static HeadDescription describeHead(func::FuncOp entry, const Head &head,
                                    const ArenaPlan &arena) {
  HeadDescription description;
  description.function = entry.getSymName().str();
  description.output = head.output;
  ashlar_head_plan &plan = description.plan;
  plan.first_row_only = head.isOfSequences();
  plan.row_token = rowToken(head);
  plan.pools = head.readsSequences();
  plan.max_rows = arena.rowsOf(entry);
  ir::BufferAttr input = inputBuffer(entry, "hidden");
  plan.input_offset = input.getOffset();
  plan.input_stride = input.getStride();
  plan.input_features =
      cast<RankedTensorType>(entry.getArgumentTypes()[0]).getDimSize(1);
  auto result = entry->getAttrOfType<ir::BufferAttr>(resultBufferAttr);
  plan.output_offset = result.getOffset();
  plan.output_stride = result.getStride();
  plan.output_features = resultFeatures(entry);
  plan.scalar = head.scalar;
  return description;
}

static ashlar_cache_plan describeCache(const CachePlan &cache) {
  ashlar_cache_plan plan{};
  plan.in_arena = cache.kind == ir::CacheKind::Call;
  plan.offset = cache.offset;
  plan.layers = cache.layers;
  plan.layer_stride = cache.layerStride;
  plan.segments = cache.segments;
  plan.segment_stride = cache.segmentStride;
  plan.slot_segments = cache.slotSegments;
  plan.kept_segments = cache.keptSegments;
  plan.table_offset = cache.table;
  plan.capacity = cache.capacity;
  return plan;
}

static TapDescription describeTap(ir::TapOp tap, int64_t stack) {
  TapDescription description;
  description.name = tap.getName().str();
  auto layers = tap->getParentOfType<ir::LayersOp>();
  ashlar_tap_plan &plan = description.plan;
  plan.stack = stack;
  if (layers) {
    plan.first_layer = layers.getFirst() + layers.partOf(tap);
    plan.layers = layers.getTurns();
    plan.layer_step = layers.getStep();
  }
  plan.offset = *tap.getOffset();
  plan.layer_stride = *tap.getLayerStride();
  plan.features =
      cast<RankedTensorType>(tap.getInput().getType()).getDimSize(1);
  plan.stride = roundUp(plan.features, panelWidth);
  return description;
}

/// Attention whose weights can be kept.
static ashlar_map_plan describeMap(ir::AttentionOp attention, int64_t stack) {
  ashlar_map_plan plan{};
  plan.stack = stack;
  plan.keys = isa<ir::KvReadOp>(attention.getKey().getDefiningOp())
                  ? ASHLAR_MAP_SOURCE
                  : ASHLAR_MAP_OWN;
  auto layers = attention->getParentOfType<ir::LayersOp>();
  plan.first_layer =
      layers ? layers.getFirst() + layers.partOf(attention) : uint64_t(0);
  plan.layers = layers ? layers.getTurns() : 1;
  plan.layer_step = layers ? layers.getStep() : 1;
  plan.heads = attention.getQuery().getType().getDimSize(1);
  return plan;
}

/// Whether any attention or linear multiplies bf16 or int8.
static bool usesTiles(ModuleOp planned) {
  WalkResult attention = planned.walk([](ir::AttentionOp op) {
    return SegmentShape::of(op.getKey()).isEncoded() ? WalkResult::interrupt()
                                                     : WalkResult::advance();
  });
  if (attention.wasInterrupted())
    return true;
  return llvm::any_of(planned.getOps<ir::WeightOp>(), [](ir::WeightOp weight) {
    return weight.getEncoding() &&
           *weight.getLayout() != ir::WeightLayout::Rows;
  });
}

PlanDescription ashlar::buildPlan(ModuleOp planned, const ModelSpec &spec,
                                  const PipelineOptions &options) {
  ArenaPlan arena = ArenaPlan::load(planned);
  PlanDescription description;
  ashlar_plan &plan = description.plan;
  plan.encoder = plan.decoder = -1;
  description.stacks.resize(spec.stacks.size());
  description.heads.resize(spec.heads.size());
  for (auto entry : planned.getOps<func::FuncOp>()) {
    int64_t owner = -1;
    if (auto index = entry->getAttrOfType<IntegerAttr>(stackAttr)) {
      const Stack &stack = spec.stacks[owner = index.getInt()];
      description.stacks[owner] = describeStack(entry, stack, arena);
      (stack.kind == StackKind::Encoder ? plan.encoder : plan.decoder) = owner;
    } else {
      int64_t head = entry->getAttrOfType<IntegerAttr>(headAttr).getInt();
      description.heads[head] = describeHead(entry, spec.heads[head], arena);
      owner = -1 - head;
    }
    entry.walk([&](ir::TapOp tap) {
      description.taps.push_back(describeTap(tap, owner));
    });
    entry.walk([&](ir::AttentionOp attention) {
      auto place = attention->getAttrOfType<ir::BufferAttr>(mapAttr);
      if (!place || !attention->getAttrOfType<BoolAttr>(mappedAttr).getValue())
        return;
      description.maps.push_back(describeMap(attention, owner));
      plan.map_offset = place.getOffset();
      plan.map_rows = arena.rowCapacity;
      plan.map_keys = place.getStride();
    });
  }
  for (const CachePlan &cache : arena.caches)
    description.caches.push_back(describeCache(cache));
  plan.uses_tiles = options.tiles && usesTiles(planned);
  plan.weights_bytes =
      planned->getAttrOfType<IntegerAttr>(weightBytesAttr).getInt();
  plan.arena_bytes = arena.bytes;
  plan.cache_bytes = arena.cacheBytes;
  plan.max_tokens = options.maxTokens;
  plan.max_context = options.maxContext;
  plan.max_source = options.maxSource;
  plan.max_sequences = options.maxSequences;
  plan.call_offset = arena.call;
  plan.rows_offset = arena.rows;
  plan.tiles_offset = arena.tiles;
  plan.max_tiles = arena.maxTiles;
  plan.tile_rows = arena.tileRows;
  plan.split_rows = arena.splitRows;
  plan.arrivals_offset = arena.arrivals;
  plan.arrivals = arena.arrivalCount;
  plan.cross_cache = arena.findCache(ir::CacheKind::Cross);
  return description;
}
