//===- Work.cpp - What an entry computes and reads -----------------------===//

#include "compiler/Work.h"

#include "passes/Layout/WeightLayout.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ashlar;

static int64_t bytesOf(Operation *op, FlatSymbolRefAttr symbol) {
  if (!symbol)
    return 0;
  ir::WeightOp weight = ir::lookupWeight(op, symbol);
  return packedBytes(weight, *weight.getLayout());
}

static Work workOf(ir::LinearOp linear) {
  ir::WeightOp weight = ir::lookupWeight(linear, linear.getWeightAttr());
  Work work;
  work.flopsPerRow = 2 * weight.getRows() * weight.getColumns();
  work.weightBytes = bytesOf(linear, linear.getWeightAttr()) +
                     bytesOf(linear, linear.getBiasAttr());
  return work;
}

/// Scores and mix: head_dim multiply-adds each, of every head and key.
static Work workOf(ir::AttentionOp attention) {
  auto query = cast<RankedTensorType>(attention.getQuery().getType());
  auto key = cast<RankedTensorType>(attention.getKey().getType());
  int64_t flops = 4 * query.getDimSize(1) * query.getDimSize(2);
  int64_t bytes = 2 * key.getDimSize(1) * key.getDimSize(2) * sizeof(float);
  Work work;
  bool source =
      isa_and_nonnull<ir::KvReadOp>(attention.getKey().getDefiningOp());
  (source ? work.flopsPerSourceKey : work.flopsPerKey) = flops;
  (source ? work.bytesPerSourceKey : work.bytesPerKey) = bytes;
  return work;
}

static Work workOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, Work>(op)
      .Case<ir::LinearOp, ir::AttentionOp>([](auto op) { return workOf(op); })
      .Case([](ir::EmbeddingOp op) {
        ir::WeightOp table = ir::lookupWeight(op, op.getTableAttr());
        Work work;
        work.bytesPerRow = tableStride(table) * sizeof(float);
        return work;
      })
      .Case<ir::NormOp, ir::ResidualNormOp>([](auto op) {
        Work work;
        work.weightBytes =
            bytesOf(op, op.getGainAttr()) + bytesOf(op, op.getBiasAttr());
        return work;
      })
      .Default([](Operation *) { return Work(); });
}

Work ashlar::workOf(func::FuncOp entry) {
  Work total;
  entry.walk([&](Operation *op) {
    auto layers = op->getParentOfType<ir::LayersOp>();
    int64_t times = layers ? static_cast<int64_t>(layers.getCount()) : 1;
    Work work = ::workOf(op);
    total.flopsPerRow += times * work.flopsPerRow;
    total.flopsPerKey += times * work.flopsPerKey;
    total.flopsPerSourceKey += times * work.flopsPerSourceKey;
    total.weightBytes += times * work.weightBytes;
    total.bytesPerRow += times * work.bytesPerRow;
    total.bytesPerKey += times * work.bytesPerKey;
    total.bytesPerSourceKey += times * work.bytesPerSourceKey;
  });
  return total;
}
