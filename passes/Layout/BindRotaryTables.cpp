//===- BindRotaryTables.cpp - Tables of cosines and sines ----------------===//

#include "dialect/Ashlar.h"
#include "passes/Layout/Passes.h"

#include "llvm/ADT/MapVector.h"

namespace ashlar {
#define GEN_PASS_DEF_BINDROTARYTABLESPASS
#include "passes/Layout/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {
struct BindRotaryTables
    : ashlar::impl::BindRotaryTablesPassBase<BindRotaryTables> {
  using BindRotaryTablesPassBase::BindRotaryTablesPassBase;

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (auto angles = dyn_cast<ir::RotaryAnglesOp>(op))
        angles.setFrequenciesAttr(frequenciesFor(angles));
      else if (auto rotary = dyn_cast<ir::RotaryOp>(op))
        bind(rotary, rotary.getRotary());
      else if (auto append = dyn_cast<ir::KvAppendOp>(op))
        bindFused(append);
      else if (auto attention = dyn_cast<ir::AttentionOp>(op))
        bindFused(attention);
    });
  }

  template <typename Op> void bindFused(Op op) {
    if (op.getRotary())
      bind(op, *op.getRotary());
  }

  /// Angles that depend on the length are there already.
  template <typename Op> void bind(Op op, ir::RotaryAttr rotary) {
    if (rotary.dependsOnLength())
      return;
    op.setRotaryTableAttr(tableFor(
        ir::RotaryTableSourceAttr::get(&getContext(), rotary, positions),
        positions, rotary, op));
  }

  FlatSymbolRefAttr frequenciesFor(ir::RotaryAnglesOp op) {
    ir::RotaryAttr rotary = op.getRotary();
    int64_t lengths = rotary.distinctLengths(positions);
    return tableFor(
        ir::RotaryFrequenciesSourceAttr::get(&getContext(), rotary, lengths),
        lengths, rotary, op);
  }

  FlatSymbolRefAttr tableFor(Attribute source, int64_t rows,
                             ir::RotaryAttr rotary, Operation *user) {
    FlatSymbolRefAttr &table = made[source];
    if (table)
      return table;
    OpBuilder builder = OpBuilder::atBlockBegin(getOperation().getBody());
    std::string name = "rotary." + std::to_string(made.size() - 1);
    auto type = RankedTensorType::get({rows, rotary.tableColumns()},
                                      builder.getF32Type());
    ir::WeightOp::create(builder, user->getLoc(), builder.getStringAttr(name),
                         builder.getArrayAttr(source), TypeAttr::get(type),
                         /*layers=*/nullptr, /*experts=*/nullptr,
                         /*encoding=*/nullptr, /*layout=*/nullptr,
                         /*offset=*/nullptr, /*layer_stride=*/nullptr);
    ++tables;
    return table = FlatSymbolRefAttr::get(&getContext(), name);
  }

  llvm::MapVector<Attribute, FlatSymbolRefAttr> made; // by source
};
} // namespace
