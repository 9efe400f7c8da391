//===- LowerToProgram.cpp - Fused ops -> phases over tiles ---------------===//

#include "passes/Layout/Work.h"
#include "passes/LowerCpu/Emitter.h"
#include "passes/LowerCpu/Passes.h"
#include "passes/LowerCpu/PatternBounds.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERTOPROGRAMPASS
#include "passes/LowerCpu/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {
struct LowerToProgram : ashlar::impl::LowerToProgramPassBase<LowerToProgram> {
  using LowerToProgramPassBase::LowerToProgramPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    ArenaPlan plan = ArenaPlan::load(module);
    for (auto entry :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (failed(lowerEntry(entry, plan)))
        return signalPassFailure();
      entry.erase();
    }
  }

  LogicalResult lowerEntry(func::FuncOp entry, const ArenaPlan &plan) {
    OpBuilder builder(entry);
    auto program =
        ir::ProgramOp::create(builder, entry.getLoc(), entry.getSymName());
    for (NamedAttribute attribute : entry->getDiscardableAttrs())
      program->setAttr(attribute.getName(), attribute.getValue());
    Block *block = builder.createBlock(&program.getBody());
    auto base = [&](int64_t bytes) {
      return block->addArgument(
          MemRefType::get({std::max<int64_t>(bytes, 64)}, builder.getI8Type()),
          entry.getLoc());
    };
    ProgramContext context;
    context.weights = base(entry->getParentOfType<ModuleOp>()
                               ->getAttrOfType<IntegerAttr>(weightBytesAttr)
                               .getInt());
    context.arena = base(plan.bytes);
    context.cache = base(plan.cacheBytes);
    context.plan = plan;
    context.tile = {rowTile, panelTile, tilePrefetchLines};
    context.vectorBits = vectorBits;
    context.prefetchLines = prefetchLines;
    context.vnni = vnni;
    // Every CPU with AMX has AVX512-BF16; the target's features say so.
    context.matrixTiles = context.bf16 = tiles;
    builder.setInsertionPointToStart(block);
    return lowerBlock(entry.getBody().front(), builder, context,
                      plan.rowsOf(entry));
  }

  LogicalResult lowerBlock(Block &block, OpBuilder &builder,
                           ProgramContext &context, int64_t capacity) {
    for (Operation &op : block) {
      Value rows = rowsOfOp(&op);
      context.rowsPerToken = rows ? ir::rowsPerToken(rows) : 1;
      context.perSequence = rows && ir::isPerSequence(rows);
      Emitter e(op.getLoc(), builder, context);
      Operation *before = beforeInsertion(builder);
      if (auto layers = dyn_cast<ir::LayersOp>(op)) {
        if (failed(lowerLayers(layers, e, capacity)))
          return failure();
      } else if (failed(lowerOp(&op, e, capacity * context.rowsPerToken))) {
        return failure();
      }
      builder.restoreInsertionPoint(e.saveInsertionPoint());
      noteWork(&op, before, builder, context.plan);
    }
    return success();
  }

  /// The rows that `op` makes, or copies; null where it has none of its own.
  static Value rowsOfOp(Operation *op) {
    if (auto tap = dyn_cast<ir::TapOp>(op))
      return tap.getInput();
    return isa<ir::LayersOp>(op) || op->getNumResults() == 0
               ? Value()
               : Value(op->getResult(0));
  }

  static Operation *beforeInsertion(OpBuilder &builder) {
    Block::iterator place = builder.getInsertionPoint();
    return place == builder.getInsertionBlock()->begin() ? nullptr
                                                         : &*std::prev(place);
  }

  /// Of the phases made of `op`, which stand behind `before`, the first of its
  /// own name computes what `op` does; the others help.
  static void noteWork(Operation *op, Operation *before, OpBuilder &builder,
                       const ArenaPlan &plan) {
    ir::PhaseOp own;
    for (Operation *at = beforeInsertion(builder); at != before;
         at = at->getPrevNode())
      if (auto phase = dyn_cast<ir::PhaseOp>(at))
        if (phase.getName() == phaseName(op))
          own = phase;
    if (!own)
      return;
    setWork(own, workOf(op));
    if (auto attention = dyn_cast<ir::AttentionOp>(op)) {
      noteTiles(attention, own, plan);
      noteWindow(attention, own);
    }
    ir::Precision precision = precisionOf(op);
    if (precision != ir::Precision::F32)
      own->setAttr(phasePrecisionAttr,
                   builder.getStringAttr(ir::stringifyEnum(precision)));
  }

  /// Tokens of a sequence that there is room for, and a row of the table of
  /// positions; a call may have several sequences.
  static int64_t longestSequence(ir::KvAppendOp keys, const ArenaPlan &plan) {
    int64_t length = plan.caches[CachePlace::of(keys).cache].capacity;
    auto entry = keys->getParentOfType<func::FuncOp>();
    for (BlockArgument argument : entry.getArguments()) {
      auto input = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      inputAttr);
      if (!input || input != "positions")
        continue;
      for (Operation *user : argument.getUsers())
        if (auto table = dyn_cast<ir::EmbeddingOp>(user))
          length =
              std::min(length, ir::lookupWeight(table, table.getTableAttr())
                                   .getTensorType()
                                   .getDimSize(0));
    }
    return length;
  }

  /// At the longest sequence: of layers, and of what else has a mask.
  static void noteTiles(ir::AttentionOp op, ir::PhaseOp phase,
                        const ArenaPlan &plan) {
    auto keys = op.getKey().getDefiningOp<ir::KvAppendOp>();
    auto layers = op->getParentOfType<ir::LayersOp>();
    if (!keys || !(layers || op.getWindow() || op.getPattern()))
      return;
    if (layers)
      phase->setAttr(
          phaseLayersAttr,
          DenseI64ArrayAttr::get(
              op.getContext(),
              {static_cast<int64_t>(layers.getFirst()) + layers.partOf(op),
               layers.getStep()}));
    int64_t length = longestSequence(keys, plan);
    TileCount tiles = countTiles(op, length);
    phase->setAttr(phaseTilesAttr,
                   DenseI64ArrayAttr::get(
                       op.getContext(), {tiles.visited, tiles.total, length}));
  }

  /// Which keys the call's rows read, where those are not all.
  static void noteWindow(ir::AttentionOp op, ir::PhaseOp phase) {
    if (!op.getWindow() || !op.getKey().getDefiningOp<ir::KvAppendOp>())
      return;
    int64_t behind = *op.getWindow() - 1;
    int64_t ahead = op.getMask() == ir::MaskKind::Causal ? 0 : behind;
    phase->setAttr(phaseWindowAttr,
                   DenseI64ArrayAttr::get(op.getContext(), {behind, ahead}));
  }

  /// What `op` multiplies.
  static ir::Precision precisionOf(Operation *op) {
    if (auto linear = dyn_cast<ir::LinearOp>(op))
      return ir::lookupWeight(linear, linear.getWeightAttr()).getPrecision();
    auto attention = dyn_cast<ir::AttentionOp>(op);
    return attention && SegmentShape::of(attention.getKey()).isEncoded()
               ? ir::Precision::Bf16
               : ir::Precision::F32;
  }

  LogicalResult lowerLayers(ir::LayersOp layers, Emitter &e, int64_t capacity) {
    auto loop = scf::ForOp::create(e, e.index(0), e.index(layers.getTurns()),
                                   e.index(1));
    OpBuilder inner(loop.getBody()->getTerminator());
    ProgramContext context = e.context;
    context.turn = loop.getInductionVar();
    Location loc = layers.getLoc();
    auto index = [&](int64_t value) {
      return arith::ConstantIndexOp::create(inner, loc, value);
    };
    for (int64_t part = 0; part < layers.getStep(); ++part) {
      Value turns = arith::MulIOp::create(inner, loc, context.turn,
                                          index(layers.getStep()));
      context.layer = arith::AddIOp::create(inner, loc, turns,
                                            index(layers.getFirst() + part));
      if (failed(lowerBlock(layers.getPart(part), inner, context, capacity)))
        return failure();
    }
    return success();
  }

  LogicalResult lowerExperts(ir::ExpertsOp experts, Emitter &e,
                             int64_t capacity) {
    LogicalResult result = success();
    emitExperts(e, experts, capacity, [&](Emitter &inside) {
      result = lowerBlock(experts.getBody().front(), inside, inside.context,
                          capacity);
    });
    return result;
  }

  LogicalResult lowerOp(Operation *op, Emitter &e, int64_t capacity) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](ir::EmbeddingOp op) {
          return emitEmbedding(e, op, capacity), success();
        })
        .Case([&](ir::LinearOp op) {
          return emitLinear(e, op, capacity), success();
        })
        .Case([&](ir::RouteOp op) {
          return emitRoute(e, op, capacity), success();
        })
        .Case([&](ir::ExpertsOp op) { return lowerExperts(op, e, capacity); })
        .Case([&](ir::UnfoldOp op) {
          return emitUnfold(e, op, capacity), success();
        })
        .Case(
            [&](ir::NormOp op) { return emitNorm(e, op, capacity), success(); })
        .Case([&](ir::ResidualNormOp op) {
          return emitResidualNorm(e, op, capacity), success();
        })
        .Case([&](ir::RotaryAnglesOp op) {
          return emitRotaryAngles(e, op, capacity), success();
        })
        .Case([&](ir::RotaryOp op) {
          return emitRotary(e, op, capacity), success();
        })
        .Case([&](ir::KvAppendOp op) {
          return emitKvAppend(e, op, capacity), success();
        })
        .Case([&](ir::AttentionOp op) {
          return emitAttention(e, op, capacity), success();
        })
        .Case([&](ir::ConvertOp op) {
          if (!writerOf(op))
            emitConvert(e, op, capacity);
          return success();
        })
        .Case([&](ir::ScaleFeaturesOp op) {
          return emitScaleFeatures(e, op, capacity), success();
        })
        .Case([&](ir::SetRowOp op) {
          return emitSetRow(e, op, capacity), success();
        })
        .Case([&](ir::SegmentOp op) {
          return emitSegment(e, op, capacity), success();
        })
        .Case(
            [&](ir::PoolOp op) { return emitPool(e, op, capacity), success(); })
        .Case([&](ir::ConcatOp op) {
          return emitConcat(e, op, capacity), success();
        })
        .Case([&](ir::TapOp op) { return emitTap(e, op, capacity), success(); })
        .Case<ir::AddOp, ir::MultiplyOp, ir::ScaleOp, ir::SoftCapOp, ir::ClipOp,
              ir::ActivationOp, ir::CopyOp>([&](Operation *op) {
          return emitElementwise(e, op, capacity), success();
        })
        // Views and names of what lies in the caches.
        .Case<ir::SliceOp, ir::SplitHeadsOp, ir::MergeHeadsOp, ir::KvReadOp,
              ir::YieldOp, func::ReturnOp>(
            [](Operation *) { return success(); })
        .Default([](Operation *op) {
          return op->emitOpError("has no CPU code of its own; leave the fusion "
                                 "that takes it in switched on");
        });
  }
};
} // namespace
