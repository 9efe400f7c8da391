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
      if (auto rotary = dyn_cast<ir::RotaryOp>(op))
        rotary.setRotaryTableAttr(tableFor(rotary.getRotary(), op));
      else if (auto append = dyn_cast<ir::KvAppendOp>(op))
        bindFused(append);
      else if (auto attention = dyn_cast<ir::AttentionOp>(op))
        bindFused(attention);
    });
  }

  template <typename Op> void bindFused(Op op) {
    if (op.getRotary())
      op.setRotaryTableAttr(tableFor(*op.getRotary(), op));
  }

  FlatSymbolRefAttr tableFor(ir::RotaryAttr rotary, Operation *user) {
    FlatSymbolRefAttr &table = made[rotary];
    if (table)
      return table;
    OpBuilder builder = OpBuilder::atBlockBegin(getOperation().getBody());
    std::string name = "rotary." + std::to_string(made.size() - 1);
    auto type = RankedTensorType::get({positions, rotary.tableColumns()},
                                      builder.getF32Type());
    Attribute source =
        ir::RotaryTableSourceAttr::get(&getContext(), rotary, positions);
    ir::WeightOp::create(builder, user->getLoc(), builder.getStringAttr(name),
                         builder.getArrayAttr(source), TypeAttr::get(type),
                         /*layers=*/nullptr, /*encoding=*/nullptr,
                         /*layout=*/nullptr,
                         /*offset=*/nullptr, /*layer_stride=*/nullptr);
    ++tables;
    return table = FlatSymbolRefAttr::get(&getContext(), name);
  }

  llvm::MapVector<ir::RotaryAttr, FlatSymbolRefAttr> made;
};
} // namespace
